"""What do the processes take: memory after the start and after a thousand acts, time to the first answer?

python -m bench.footprint [--rounds 5] [--acts 1000] [--databases sqlite postgres] [--quick]

One web process and one worker, as `manage.py serve` and `manage.py deliver` start them; `own` is memory that a process
shares with nobody. And how long what a web process loads takes to be imported, by package.
"""

import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from bench import machine, papers, processes
from bench.crowd import Crowd, People
from bench.delivery import delivering
from bench.load import Connection, fresh_phone, signed_in
from bench.papers import Paper, Table
from bench.rivals.guestlist import Guestlist, manage
from bench.rivals.rival import say
from tests import servers

PATIENCE = 60.0  # seconds until the first answer
SETTLED = 1.0  # seconds after the last request
CONNECTIONS = 16
EVERYTHING = "import guestlist.wsgi"
LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")
SHOWN = 20


class Seen(NamedTuple):
    """A process at a moment: which, when, and what it took."""

    process: str
    moment: str
    taken: processes.Taken


def first_answer(url: str, server: "subprocess.Popen[bytes]") -> float:
    """Seconds from now until it answers."""
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE:
        if server.poll() is not None:
            raise RuntimeError("the server ended at its start")
        with suppress(OSError), urllib.request.urlopen(f"{url}/health/ready/", timeout=2):
            return time.monotonic() - began
        time.sleep(0.005)
    raise RuntimeError(f"no answer within {PATIENCE} s")


def starts(kind: str, rounds: int) -> tuple[float, float]:
    """Median seconds to the first answer: of the first start of all, which makes the tables, and of a later one."""
    first, later = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder, servers.fresh_database(kind, Path(folder)) as database:
            for found in (first, later):
                with servers.starting(database, Path(folder) / "log", SANDBOX_DELAY="0") as (url, server):
                    found.append(first_answer(url, server))
    return statistics.median(first), statistics.median(later)


def memory(kind: str, acts: int) -> list[Seen]:
    """What each process takes when it has started, and when it has done so much."""
    rival = Guestlist(WEB_CONCURRENCY="1", DELIVERY="worker", CODE_DIGITS="6")
    with tempfile.TemporaryDirectory() as folder, servers.fresh_database(kind, Path(folder)) as database:
        manage(database, "migrate", "--verbosity", "0", **rival.settings)
        bearer = manage(database, "seed", "--people", "1000", "--bearer", **rival.settings).strip()
        with (
            servers.starting(database, Path(folder) / "log", **rival.settings) as (url, server),
            delivering(rival.environment(database)) as worker,
        ):
            servers.wait_until_ready(url, server)
            names = {pid: name(pid, server.pid) for pid in processes.family(server.pid)}
            names[worker.pid] = "worker"
            found = look(names, "started")
            asyncio.run(act(rival, url, bearer, acts))
            time.sleep(SETTLED)
            return found + look(names, f"after {acts} acts")


def name(pid: int, main: int) -> str:
    """A process of the server, in words."""
    return "the server's first process" if pid == main else "web process"


def look(names: dict[int, str], moment: str) -> list[Seen]:
    """What they take now."""
    return [Seen(name, moment, processes.taken(pid)) for pid, name in names.items()]


async def act(rival: Guestlist, url: str, bearer: str, acts: int) -> None:
    """So much of everything; an error is one too many."""
    connection = await Connection.to(url)
    readers = [await signed_in(rival, connection, fresh_phone(9_000_000 + number)) for number in range(20)]
    inviter = {"Authorization": f"Bearer {bearer}"}
    code = (await connection.call(rival.profile(inviter))).json()["invite_code"]
    connection.close()
    crowd = Crowd(rival, url, People(inviter, readers, [code]))
    await crowd.come(CONNECTIONS)
    while len(crowd.done) < acts:
        await crowd.rush(0.5)
    crowd.go()
    if wrong := [f"{one.what}: {one.error}" for one in crowd.done if one.error]:
        raise RuntimeError(wrong[0])


def imports(code: str = EVERYTHING) -> tuple[float, dict[str, float]]:
    """Milliseconds that it takes in all, and of each package by itself."""
    command = [sys.executable, "-X", "importtime", "-c", code]
    ran = subprocess.run(command, cwd=servers.ROOT, capture_output=True, text=True, check=True)
    return by_package(ran.stderr)


def by_package(told: str) -> tuple[float, dict[str, float]]:
    """The same, of what Python says."""
    found: dict[str, float] = {}
    for micros, module in LINE.findall(told):
        package = module.partition(".")[0]
        found[package] = found.get(package, 0.0) + int(micros) / 1000
    slowest = dict(sorted(found.items(), key=lambda one: -one[1])[:SHOWN])
    return sum(found.values()), slowest


def rows(kind: str, seen: Sequence[Seen]) -> list[list[Any]]:
    """As the table shows them."""
    return [
        [
            kind,
            one.process,
            one.moment,
            one.taken.rss / 2**20,
            one.taken.own / 2**20,
            one.taken.files,
            one.taken.threads,
        ]
        for one in seen
    ]


def main(arguments: list[str] | None = None) -> int:
    """Measure; nothing here is good or bad."""
    parser = papers.parser(__doc__ or "")
    parser.add_argument("--rounds", type=int, help="of starts")
    parser.add_argument("--acts", type=int)
    parser.add_argument("--databases", nargs="+", choices=servers.DATABASES, default=["sqlite", "postgres"])
    plan = parser.parse_args(arguments)
    plan.rounds = plan.rounds or (1 if plan.quick else 5)
    plan.acts = plan.acts or (200 if plan.quick else 1000)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what is compiled anew each time is no start
    is_busy = machine.is_busy()
    kinds = [kind for kind in plan.databases if servers.answers(kind)]
    facts = papers.facts(kinds, rounds=plan.rounds, acts=plan.acts)
    took, taken = [], []
    for kind in kinds:
        say(f"{kind}: starts")
        took.append([kind, *starts(kind, plan.rounds)])
        say(f"{kind}: memory")
        taken += rows(kind, memory(kind, plan.acts))
    whole, packages = imports()
    paper = Paper(
        "footprint",
        facts,
        [papers.BUSY] if is_busy else [],
        [
            Table("Seconds to the first answer", ["database", "first start of all", "later start"], took),
            Table("Memory", ["database", "process", "when", "MiB", "own, MiB", "files", "threads"], taken),
            Table("Import", ["package", "ms by itself"], [["all", whole], *map(list, packages.items())]),
        ],
    )
    papers.deliver(paper, is_quick=plan.quick)
    return 0


if __name__ == "__main__":
    sys.exit(main())
