"""A load generator for what takes several requests: asyncio over kept-alive connections, in two processes.

The same client for every rival. `ceiling()` says what it does against a server that only writes an answer: figures
near that would be the client's own.
"""

import asyncio
import json
import multiprocessing
import resource
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from bench.measured import Run, percentile
from bench.rivals.rival import FIRST_IN_POOL, Answer, Call, Rival

PROCESSES = 2
PATIENCE = 30  # seconds for an answer
PHONES, SPREAD = 10**7, 7_654_321  # the second has no factor of the first: no phone comes twice
LEAD = 0.3  # seconds in which all connections are made, before the clock runs


class Job(NamedTuple):
    """What one process does."""

    rival: Rival
    url: str
    scenario: str
    connections: int
    seconds: float
    numbers: tuple[int, int, int]  # first, step, end: whose phone, or who of the pool
    credentials: dict[str, str]
    begin: float  # by the monotonic clock, which all processes share


class Done(NamedTuple):
    """What became of it."""

    times: list[float]
    errors: list[str]
    used: int
    ended: float
    cpu: float


class Numbers:
    """Numbers, each once, that know how many of them were taken."""

    def __init__(self, numbers: range) -> None:
        self._left, self.used = iter(numbers), 0

    def __iter__(self) -> "Numbers":
        return self

    def __next__(self) -> int:
        number = next(self._left)
        self.used += 1
        return number


class Wrong(Exception):
    """An answer that is no success."""


class Connection(asyncio.Protocol):
    """HTTP/1.1 with kept-alive connections, and no more of it than the servers here speak."""

    def __init__(self) -> None:
        self._waiting: asyncio.Future[Answer] | None = None
        self._read = bytearray()
        self._transport: Any = None

    @classmethod
    async def to(cls, url: str) -> "Connection":
        where = urlsplit(url)
        _, made = await asyncio.get_running_loop().create_connection(cls, where.hostname, where.port)
        made._host = f"{where.hostname}:{where.port}"
        return made

    async def call(self, call: Call) -> Answer:
        """Send a request, and wait for its answer."""
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(written(call, self._host))
        return await asyncio.wait_for(self._waiting, PATIENCE)

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        whole = answer(self._read)
        if whole is not None and self._waiting is not None and not self._waiting.done():
            self._read.clear()
            self._waiting.set_result(whole)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(Wrong("the server hung up"))


def load(
    rival: Rival,
    url: str,
    scenario: str,
    connections: int,
    seconds: float,
    first: int,
    credentials: dict[str, str],
    end: int = PHONES,
) -> tuple[Run, int]:
    """A run, and the number from which the next one takes its phones or people."""
    processes = min(PROCESSES, connections)
    shares = [connections // processes + (number < connections % processes) for number in range(processes)]
    begin = time.monotonic() + LEAD + (seconds + LEAD if scenario == "confirm" else 0)
    jobs = [
        Job(rival, url, scenario, share, seconds, (first + number, processes, end), credentials, begin)
        for number, share in enumerate(shares)
    ]
    with ProcessPoolExecutor(processes, multiprocessing.get_context("fork")) as pool:
        done = list(pool.map(work, jobs))
    return together(done, begin), first + processes * max(one.used for one in done)


def together(done: list[Done], begin: float) -> Run:
    """The run that these processes made."""
    times = sorted(took for one in done for took in one.times)
    errors = [error for one in done for error in one.errors]
    lasted = max(one.ended for one in done) - begin
    return Run(
        rate=len(times) / lasted if times and lasted > 0 else 0.0,
        p50=percentile(times, 0.5) * 1000,
        p99=percentile(times, 0.99) * 1000,
        done=len(times),
        errors=len(errors) or int(not times),
        told=errors[0] if errors else ("" if times else "nothing was done"),
        client_cpu=round(sum(one.cpu for one in done) / lasted, 2) if lasted > 0 else None,
    )


def work(job: Job) -> Done:
    """One process's share."""
    return asyncio.run(_work(job))


async def _work(job: Job) -> Done:
    first, step, end = job.numbers
    numbers = Numbers(range(first, end, step))
    times: list[float] = []
    errors: list[str] = []
    connections = await asyncio.gather(*(Connection.to(job.url) for _ in range(job.connections)))
    asked: list[list[tuple[str, Answer]]] = [[] for _ in connections]

    async def ask_ahead(connection: Connection, stack: list[tuple[str, Answer]]) -> None:
        while time.monotonic() < job.begin - 2 * LEAD:
            phone = fresh_phone(next(numbers))
            stack.append((phone, await _asked(job.rival, connection, phone)))

    async def keep_on(connection: Connection, stack: list[tuple[str, Answer]]) -> None:
        act = _act(job, connection, stack)
        while time.monotonic() < job.begin + job.seconds:
            number = len(stack) - 1 if job.scenario == "confirm" else next(numbers, -1)
            if number < 0:
                return  # nothing is left
            began = time.perf_counter()
            await act(number)
            times.append(time.perf_counter() - began)

    async def every(act: Callable[[Connection, list[tuple[str, Answer]]], Awaitable[None]]) -> None:
        ended = await asyncio.gather(*map(act, connections, asked), return_exceptions=True)
        errors.extend(f"{type(error).__name__}: {error}"[:300] for error in ended if error is not None)

    if job.scenario == "confirm":  # in advance, for as long, and not timed
        await every(ask_ahead)
    before = _cpu()
    await asyncio.sleep(max(0.0, job.begin - time.monotonic()))
    await every(keep_on)
    ended, cpu = time.monotonic(), _cpu() - before
    for connection in connections:
        connection.close()
    return Done(times, errors, numbers.used, ended, cpu)


def _act(job: Job, connection: Connection, stack: list[tuple[str, Answer]]) -> Callable[[int], Awaitable[Any]]:
    """The scenario as a function of a number."""
    rival = job.rival

    async def ask(number: int) -> None:
        await _asked(rival, connection, fresh_phone(number))

    async def confirm(_: int) -> None:
        phone, asked = stack.pop()
        await right(connection, rival.confirm(phone, asked))

    async def sign_in(number: int) -> None:
        phone = fresh_phone(number)
        asked = await _asked(rival, connection, phone)
        await right(connection, rival.confirm(phone, asked))

    async def activate(number: int) -> None:
        await right(connection, rival.activate(FIRST_IN_POOL + number))

    async def profile(_: int) -> None:
        await right(connection, rival.profile(job.credentials))

    async def page(_: int) -> None:
        await right(connection, rival.page(job.credentials))

    return {
        "ask": ask,
        "confirm": confirm,
        "sign-in": sign_in,
        "activation": activate,
        "profile": profile,
        "page": page,
    }[job.scenario]


def fresh_phone(number: int) -> str:
    """A number that nobody of the seed has; those of two neighbours differ in more than their last digits."""
    return f"+7900{number * SPREAD % PHONES:07}"


def sign_in(rival: Rival, url: str, number: int) -> dict[str, str]:
    """The headers of somebody who signs in now."""

    async def alone() -> dict[str, str]:
        connection = await Connection.to(url)
        found = await signed_in(rival, connection, fresh_phone(number))
        connection.close()
        return found

    return asyncio.run(alone())


async def signed_in(rival: Rival, connection: Connection, phone: str) -> dict[str, str]:
    """The headers of whoever signs in with this number now."""
    asked = await _asked(rival, connection, phone)
    return rival.credentials(await right(connection, rival.confirm(phone, asked)))


def ceiling(rival: Rival, connections: int, seconds: float) -> Run:
    """Sign-ins a second against a server that reads nothing and writes the same answer to everything."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    server = context.Process(target=_serve_nothing, args=(theirs,), daemon=True)
    server.start()
    try:
        return load(rival, f"http://127.0.0.1:{ours.recv()}", "sign-in", connections, seconds, 0, {})[0]
    finally:
        server.terminate()
        server.join()


def _serve_nothing(told: Any) -> None:
    body = json.dumps({"code": "0000", "challenge": "c" * 22, "token": "t" * 66}).encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    class Nothing(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            self.transport.write(answer)

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(Nothing, "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


async def _asked(rival: Rival, connection: Connection, phone: str) -> Answer:
    answer = await connection.call(rival.ask(phone))
    if answer.status not in rival.asks_with:
        raise Wrong(f"ask: {answer.status} {answer.body[:200]!r}")
    return answer


async def right(connection: Connection, call: Call) -> Answer:
    answer = await connection.call(call)
    if answer.status != 200:
        raise Wrong(f"{call.path}: {answer.status} {answer.body[:200]!r}")
    return answer


def written(call: Call, host: str) -> bytes:
    body = b"" if call.body is None else json.dumps(call.body).encode()
    lines = [f"{call.method} {call.path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in call.headers.items()]
    if call.body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def answer(read: bytearray) -> Answer | None:
    """The answer, once it is whole."""
    end = read.find(b"\r\n\r\n")
    if end < 0:
        return None
    head, body = read[:end].decode("latin-1"), bytes(read[end + 4 :])
    lower = head.lower()
    if "\r\ntransfer-encoding: chunked" in lower:
        if not body.endswith(b"0\r\n\r\n"):
            return None
        body = _joined(body)
    else:
        start = lower.find("\r\ncontent-length:")
        length = int(lower[start + 17 :].split("\r\n", 1)[0]) if start >= 0 else 0
        if len(body) < length:
            return None
    return Answer(int(head.split(" ", 2)[1]), head, body)


def _joined(chunks: bytes) -> bytes:
    whole = b""
    while chunks:
        size, _, rest = chunks.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        whole, chunks = whole + rest[:length], rest[length + 2 :]
    return whole


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
