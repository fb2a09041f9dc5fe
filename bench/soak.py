"""Does it stay as it is under load, hour after hour? One server and one worker on PostgreSQL, everything at once.

python -m bench.soak [--minutes 10] [--share 0.7] [--people 20000] [--connections 64] [--quick]

First it finds out how many acts a second there can be, then it goes on at a share of that. What is older than a minute
is aged in the database, so that within minutes it is past its use as it would be in weeks, and is to be purged.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from bench import growth, machine, papers, processes
from bench.crowd import Crowd, Done, People
from bench.delivery import delivering
from bench.measured import percentile
from bench.papers import Paper, Table
from bench.processes import Taken
from bench.rivals.guestlist import Guestlist, manage
from bench.rivals.rival import say
from tests import servers

EVERY = 10.0  # seconds between two lines
PURGE_EVERY = 10
FINDING = 15.0  # seconds in which it acts as fast as it goes
FLAT, GROWN = 1.3, 1.05  # of the last third to the first: p99; memory
WATCHED = (
    *("people_person", "signin_session", "signin_device", "signin_challenge", "signin_guess"),
    *("limits_usage", "limits_auditline", "delivery_message", "delivery_attempt"),
)
YOUNG = "now() - interval '1 day' AND now() - interval '60 seconds'"
# What is between a minute and a day old becomes older than it is kept; who reads keeps their session.
AGED = (
    "UPDATE signin_challenge SET expires_at = expires_at - interval '2 days'"
    f" WHERE expires_at - interval '300 seconds' BETWEEN {YOUNG}",
    f"UPDATE signin_session SET expires_at = now() WHERE created_at BETWEEN {YOUNG} AND NOT id = ANY(%(kept)s)",
    f"UPDATE signin_device SET seen_at = seen_at - interval '181 days' WHERE seen_at BETWEEN {YOUNG}",
    f"UPDATE signin_guess SET guessed_at = guessed_at - interval '31 days' WHERE guessed_at BETWEEN {YOUNG}",
    f"UPDATE signin_guard SET guessed_at = guessed_at - interval '31 days' WHERE guessed_at BETWEEN {YOUNG}",
    f"UPDATE limits_auditline SET at = at - interval '91 days' WHERE at BETWEEN {YOUNG}",
    f"UPDATE delivery_message SET created_at = created_at - interval '31 days' WHERE created_at BETWEEN {YOUNG}",
    f"UPDATE delivery_attempt SET began_at = began_at - interval '31 days' WHERE began_at BETWEEN {YOUNG}",
)


class Line(NamedTuple):
    """What was seen in ten seconds."""

    at: float  # seconds since the beginning
    rate: float
    p50: float
    p99: float
    errors: int
    taken: Taken
    rows: dict[str, int]


def seen(at: float, done: Sequence[Done], seconds: float, taken: Taken, rows: dict[str, int]) -> Line:
    """The line of these acts; times in milliseconds."""
    times = sorted(one.took * 1000 for one in done)
    errors = sum(bool(one.error) for one in done)
    return Line(at, len(done) / seconds, percentile(times, 0.5), percentile(times, 0.99), errors, taken, rows)


def verdicts(lines: Sequence[Line], dead: int) -> list[tuple[str, bool]]:
    """What the lines say together; the first fifth is warming up."""
    warm = lines[len(lines) // 5 :]
    third = max(1, len(warm) // 3)
    first, last = warm[:third], warm[-third:]

    def grown(figure: Any) -> float:
        before = statistics.median(map(figure, first))
        return statistics.median(map(figure, last)) / before if before else 1.0

    errors = sum(line.errors for line in lines)
    p99, memory = grown(lambda line: line.p99), grown(lambda line: line.taken.rss)
    files = statistics.median(line.taken.files for line in last) - statistics.median(line.taken.files for line in first)
    return [
        (f"errors: {errors}", errors == 0),
        (f"p99 of the last third to the first: x {p99:.2f} (at most {FLAT})", p99 <= FLAT),
        (f"memory of the last third to the first: x {memory:.3f} (below {GROWN})", memory < GROWN),
        (f"file descriptors: {files:+.0f}", files <= 0),
        (f"rows past their use when it was over: {dead}", dead == 0),
    ]


class Soak:
    """A server, its worker and its crowd."""

    def __init__(self, database: str, pids: Sequence[int], kept: list[str]) -> None:
        self._database, self._pids, self._kept = database, pids, kept
        self.lines: list[Line] = []

    async def run(self, crowd: Crowd, rate: float, seconds: float) -> None:
        """Go on at this rate, and look every ten seconds."""
        began = time.monotonic()
        walking = asyncio.create_task(crowd.stroll(rate, seconds))
        before, last = len(crowd.done), began
        while not walking.done():
            await asyncio.wait([walking], timeout=EVERY)
            rows = await asyncio.to_thread(self._age_and_count)
            now, done = time.monotonic(), crowd.done[before:]
            before += len(done)
            line = seen(now - began, done, now - last, processes.together(self._pids), rows)
            last = now
            self.lines.append(line)
            print(told(line), flush=True)
        await walking

    def _age_and_count(self) -> dict[str, int]:
        with psycopg.connect(self._database, autocommit=True) as connection:
            for statement in AGED:
                connection.execute(statement, {"kept": self._kept})
            counts = (connection.execute(f"SELECT count(*) FROM {table}").fetchone() for table in WATCHED)
            return {table: count for table, (count,) in zip(WATCHED, counts, strict=True)}


def told(line: Line) -> str:
    """For the terminal."""
    rows = " ".join(f"{table.partition('_')[2]} {count}" for table, count in line.rows.items())
    taken = line.taken
    return (
        f"{line.at:6.0f} s {line.rate:7.0f}/s p50 {line.p50:7.2f} ms p99 {line.p99:8.2f} ms errors {line.errors}"
        f" | {taken.rss / 2**20:.0f} MiB {taken.files} files {taken.threads} threads | {rows}"
    )


def dead_rows(database: str) -> int:
    """What a purge would still find."""
    told = manage(database, "purge", "--dry-run")
    return sum(int(line.rpartition(":")[2]) for line in told.splitlines() if line.strip())


def invite_codes(database: str) -> list[str]:
    """Codes that may be entered: of people who are not blocked."""
    statement = "SELECT invite_code FROM people_person WHERE blocked_at IS NULL ORDER BY id LIMIT 500"
    with psycopg.connect(database) as connection:
        return [code for (code,) in connection.execute(statement)]


def session_of(headers: dict[str, str]) -> str:
    """The id of the session that these headers show."""
    return headers["Authorization"].removeprefix("Bearer ").partition(".")[0]


def soak(plan: Any) -> tuple[list[Line], float, list[str], int]:
    """The lines, the rate at which it went on, the first errors, and how many dead rows were left."""
    # Six digits: by so many wrong guesses the breaker opens, and codes of four that are on their way are refused.
    rival = Guestlist(PURGE_EVERY=str(PURGE_EVERY), DELIVERY="worker", CODE_DIGITS="6")
    with tempfile.TemporaryDirectory() as folder, servers.fresh_database("postgres", Path(folder)) as database:
        manage(database, "migrate", "--verbosity", "0", **rival.settings)
        bearer = manage(database, "seed", "--people", str(plan.people), "--bearer", **rival.settings).strip()
        with (
            servers.starting(database, Path(folder) / "log", **rival.settings) as (url, server),
            delivering(rival.environment(database)) as worker,
        ):
            servers.wait_until_ready(url, server)
            readers = growth.sign_in(rival, url, growth.phones(database, plan.readers))
            people = People({"Authorization": f"Bearer {bearer}"}, readers, invite_codes(database))
            kept = [session_of(headers) for headers in [people.inviter, *readers]]
            pids = [*processes.family(server.pid), worker.pid]
            found = Soak(database, pids, kept)

            async def whole() -> tuple[float, list[str]]:
                crowd = Crowd(rival, url, people)
                await crowd.come(plan.connections)
                most = await crowd.rush(plan.finding)
                crowd.done.clear()  # who asks for more than there is may be told to come again
                say(f"at most {most:.0f} acts/s; from now on {plan.share:.0%} of that")
                await found.run(crowd, most * plan.share, plan.minutes * 60)
                crowd.go()
                return most * plan.share, [f"{one.what}: {one.error}" for one in crowd.done if one.error][:5]

            rate, errors = asyncio.run(whole())
            deadline = time.monotonic() + 6 * PURGE_EVERY
            while (dead := dead_rows(database)) and time.monotonic() < deadline:
                time.sleep(1)
    return found.lines, rate, errors, dead


def main(arguments: list[str] | None = None) -> int:
    """Measure; 1 when a verdict is bad."""
    parser = papers.parser(__doc__ or "")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--share", type=float, default=0.7, help="of the most that there can be")
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--readers", type=int, default=300)
    plan = parser.parse_args(arguments)
    plan.finding = FINDING
    if plan.quick:
        plan.minutes, plan.people, plan.readers, plan.finding = 0.75, 1000, 20, 3.0
    if not servers.answers("postgres"):
        say("This needs a PostgreSQL that answers (TEST_POSTGRES_URL).")
        return 1
    is_busy, facts = machine.is_busy(), papers.facts(["postgres"], minutes=plan.minutes, connections=plan.connections)
    lines, rate, errors, dead = soak(plan)
    said = verdicts(lines, dead)
    notes = [f"{'held' if holds else 'FAILED'}: {words}" for words, holds in said]
    table = Table(
        f"{rate:.0f} acts a second, {plan.share:.0%} of the most",
        ["second", "a second", "p50, ms", "p99, ms", "errors", "MiB", "files", "threads", *WATCHED],
        [
            [
                *(round(line.at), line.rate, line.p50, line.p99, line.errors),
                *(round(line.taken.rss / 2**20), line.taken.files, line.taken.threads),
                *line.rows.values(),
            ]
            for line in lines
        ],
    )
    paper = Paper("soak", facts, [*([papers.BUSY] if is_busy else []), *notes, *errors], [table])
    papers.deliver(paper, is_quick=plan.quick)
    return int(not all(holds for _, holds in said))


if __name__ == "__main__":
    sys.exit(main())
