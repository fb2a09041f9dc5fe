"""Many asks in flight in one process, each waiting 1-2 s for the sandbox: do all answer, does the profile starve?"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from tests import servers
from tests.race.wire import sign_in

ASKS = 200
EVERY = 0.01  # seconds between profile reads


async def measure(url: str, asks: int) -> dict[str, float]:
    """Seconds: the slowest answer of `asks` at once, and the profile's median and p99 while they wait."""
    token = await asyncio.to_thread(sign_in, url, "+79001112233")
    over = asyncio.Event()
    watching = asyncio.create_task(_watch(url, token, over))
    await asyncio.sleep(0.5)
    with ProcessPoolExecutor(1) as elsewhere:  # so that making 200 connections does not stall the watch
        answers = await asyncio.get_running_loop().run_in_executor(elsewhere, _swarm, url, asks)
    over.set()
    seen = await watching
    return {
        "asks": asks,
        "answered 201": sum(status == 201 for status, _ in answers),
        "answered 503": sum(status == 503 for status, _ in answers),
        "slowest ask, s": max(took for _, took in answers),
        "profile reads": len(seen),
        "profile median, ms": statistics.median(seen) * 1000,
        "profile p99, ms": statistics.quantiles(seen, n=100)[98] * 1000,
        "profile slowest, ms": max(seen) * 1000,
    }


def _swarm(url: str, asks: int) -> list[tuple[int, float]]:
    async def all_at_once() -> list[tuple[int, float]]:
        return await asyncio.gather(*(_ask(url, f"+7{9_200_000_000 + number}") for number in range(asks)))

    return asyncio.run(all_at_once())


async def _ask(url: str, phone: str) -> tuple[int, float]:
    body = json.dumps({"phone": phone})
    start = time.perf_counter()
    where = urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(
        f"POST /user/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    answer = await reader.read()
    writer.close()
    return int(answer.split(b" ", 2)[1]), time.perf_counter() - start


async def _watch(url: str, token: str, over: asyncio.Event) -> list[float]:
    """Profile reads on a fixed schedule, each timed from when it was due: a stall counts for all that it delays."""
    idle: asyncio.LifoQueue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.LifoQueue()
    seen: list[float] = []
    reads, start = [], time.perf_counter()
    while not over.is_set():
        due = start + len(reads) * EVERY
        await asyncio.sleep(max(0, due - time.perf_counter()))
        reads.append(asyncio.create_task(_read_profile(url, token, due, idle, seen)))
    await asyncio.gather(*reads)
    return seen


async def _read_profile(url: str, token: str, due: float, idle: asyncio.LifoQueue, seen: list[float]) -> None:
    where = urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port) if idle.empty() else idle.get_nowait()
    writer.write(
        f"GET /user/user-profile/ HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.split(b":")[1]))
    seen.append(time.perf_counter() - due)
    idle.put_nowait((reader, writer))


def main() -> None:
    """Measure on SQLite, and on every other database that answers; print a table."""
    asks = int(sys.argv[1]) if len(sys.argv) > 1 else ASKS
    for kind in servers.DATABASES:
        if not servers.answers(kind):
            print(f"{kind}: does not answer, skipped")
            continue
        with (
            tempfile.TemporaryDirectory() as folder,
            servers.fresh_database(kind, Path(folder)) as database,
            servers.running(database, SANDBOX_DELAY="1-2") as url,
        ):
            figures = asyncio.run(measure(url, asks))
        print(f"{kind}: " + ", ".join(f"{name} {value:.4g}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
