"""A crowd that does everything at once: reads, signs in, enters codes, guesses wrong; as fast as it can, or at a rate.

At a rate each act has a time at which it is due, whatever the acts before it do, and is timed from then on: a server
that stands still for a second delays all that was due in it, and all of that is counted.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from bench import load
from bench.load import Connection, Wrong
from bench.rivals.guestlist import Guestlist
from bench.rivals.rival import Call

WEIGHTS = {"profile": 70, "inviter's profile": 5, "page": 10, "sign-in": 8, "activation": 2, "wrong guess": 5}
PATIENCE = 30.0  # seconds for a free connection


class Done(NamedTuple):
    """An act: which, when it was due, how long it took from then on, and what went wrong, if anything."""

    what: str
    due: float
    took: float
    error: str


class People(NamedTuple):
    """Who is there already."""

    inviter: dict[str, str]  # headers
    readers: list[dict[str, str]]
    codes: list[str]  # that may be entered


class Crowd:
    """So many connections, all open from the beginning to the end."""

    def __init__(self, rival: Guestlist, url: str, people: People, seed: int = 1) -> None:
        self._rival, self._url, self._people = rival, url, people
        self._chance = random.Random(seed)
        self._number = 0
        self._free: asyncio.Queue[Connection] = asyncio.Queue()  # all in turn: the server closes what idles
        self._open: list[Connection] = []
        self.done: list[Done] = []

    async def come(self, connections: int) -> None:
        """Open the connections."""
        for _ in range(connections):
            self._open.append(await Connection.to(self._url))
            self._free.put_nowait(self._open[-1])

    def go(self) -> None:
        """Close them."""
        for connection in self._open:
            connection.close()

    async def rush(self, seconds: float) -> float:
        """Act as fast as it goes; acts a second that were well."""
        began, before = time.monotonic(), len(self.done)
        ends = began + seconds

        async def keep_on() -> None:
            while time.monotonic() < ends:
                await self._act(time.monotonic())

        await asyncio.gather(*(keep_on() for _ in self._open))
        return sum(not one.error for one in self.done[before:]) / (time.monotonic() - began)

    async def stroll(self, rate: float, seconds: float) -> None:
        """Act so often a second."""
        began, under_way = time.monotonic(), set[asyncio.Task[None]]()
        for number in range(int(rate * seconds)):
            due = began + number / rate
            if (early := due - time.monotonic()) > 0:
                await asyncio.sleep(early)
            task = asyncio.create_task(self._act(due))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)

    async def _act(self, due: float) -> None:
        (what,) = self._chance.choices([*WEIGHTS], [*WEIGHTS.values()])
        error = ""
        try:
            connection = await asyncio.wait_for(self._free.get(), PATIENCE)
        except TimeoutError:
            self.done.append(Done(what, due, time.monotonic() - due, "no connection came free"))
            return
        try:
            await self._acts[what](self, connection)
        except Exception as wrong:
            error = f"{type(wrong).__name__}: {wrong}"[:300]
            if not isinstance(wrong, Wrong) or "hung up" in error:
                connection.close()
                connection = await Connection.to(self._url)
                self._open.append(connection)
        self._free.put_nowait(connection)
        self.done.append(Done(what, due, time.monotonic() - due, error))

    async def _profile(self, connection: Connection) -> None:
        await load.right(connection, self._rival.profile(self._chance.choice(self._people.readers)))

    async def _inviters(self, connection: Connection) -> None:
        await load.right(connection, self._rival.profile(self._people.inviter))

    async def _page(self, connection: Connection) -> None:
        await load.right(connection, self._rival.page(self._people.inviter))

    async def _sign_in(self, connection: Connection) -> None:
        await load.signed_in(self._rival, connection, self._fresh())

    async def _activate(self, connection: Connection) -> None:
        who = await load.signed_in(self._rival, connection, self._fresh())
        code = {"code": self._chance.choice(self._people.codes)}
        await load.right(connection, Call("POST", "/user/user-profile/activate-code/", who, code))

    async def _guess_wrong(self, connection: Connection) -> None:
        phone = self._fresh()
        asked = await connection.call(self._rival.ask(phone))
        if asked.status not in self._rival.asks_with:
            raise Wrong(f"ask: {asked.status} {asked.body[:200]!r}")
        right = self._rival.confirm(phone, asked)
        body = dict(right.body or {})
        body["code"] = str((int(body["code"]) + 1) % 10 ** len(body["code"])).zfill(len(body["code"]))
        guessed = await connection.call(right._replace(body=body))
        if guessed.status != 400 or guessed.json()["code"] != "wrong_code":
            raise Wrong(f"a wrong guess: {guessed.status} {guessed.body[:200]!r}")

    def _fresh(self) -> str:
        self._number += 1
        return load.fresh_phone(self._number)

    _acts: dict[str, Callable[["Crowd", Connection], Awaitable[None]]] = {
        "profile": _profile,
        "inviter's profile": _inviters,
        "page": _page,
        "sign-in": _sign_in,
        "activation": _activate,
        "wrong guess": _guess_wrong,
    }
