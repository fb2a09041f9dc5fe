"""Does it stay as fast when it has grown? Profiles, pages and sign-ins among few people and among a million.

python -m bench.growth [--sizes 1000 1000000] [--seconds 5] [--rounds 3] [--connections 32] [--readers 1000] [--quick]

Both servers run from the beginning to the end, and take turns within each round: a slow moment is slow for both. Each
reader is a person of the seed who has signed in by the two requests; `wrk` reads as all of them in turn.
"""

import asyncio
import json
import re
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from bench import load, machine, papers, wrk
from bench.measured import Run
from bench.papers import Paper, Table
from bench.rivals import ALL, SUBJECT
from bench.rivals.guestlist import Guestlist, manage
from bench.rivals.rival import Call, analyze, say
from tests import servers

SIZES, READERS = (1000, 1_000_000), 1000
MOST_RATIO = 1.5  # of the profile's p99 among many to that among few
SMALL_INVITER = 150  # invitees where 100 000 do not fit: more than a page
SCENARIOS = ("profile", "inviter's profile", "first page", "middle page", "sign-in")
SHELL = ("shell", "--verbosity", "0", "-c")
MIDDLE = """
from guestlist.invites import rules
from guestlist.invites.models import Activation
mine = Activation.objects.filter(inviter_id=1).order_by("activated_at", "invitee_id")
one = mine[mine.count() // 2]
print(rules.cursor_text(rules.Cursor(one.activated_at, one.invitee_id)))
"""
SIZES_OF = """
SELECT c.relname, GREATEST(c.reltuples, 0)::bigint, pg_relation_size(c.oid), pg_indexes_size(c.oid),
       pg_total_relation_size(c.oid)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND n.nspname = 'public' AND c.reltuples > 0 ORDER BY 5 DESC
"""


class Home(NamedTuple):
    """A population and its server."""

    size: int
    database: str
    url: str
    bearer: str  # of the inviter
    readers: list[dict[str, str]]
    pages: dict[str, str]  # scenario -> path


@contextmanager
def home(rival: Guestlist, size: int, readers: int) -> Iterator[Home]:
    """Seed a database of its own, serve it, sign the readers in."""
    with tempfile.TemporaryDirectory() as folder, servers.fresh_database("postgres", Path(folder)) as database:
        say(f"{size} people: seeding")
        manage(database, "migrate", "--verbosity", "0", **rival.settings)
        invitees = [] if size >= 200_000 else ["--inviter", str(min(SMALL_INVITER, size // 2))]
        bearer = manage(database, "seed", "--people", str(size), "--bearer", *invitees, **rival.settings).strip()
        analyze(database)
        with rival.running(database, Path(folder)) as url:
            say(f"{size} people: signing {readers} readers in")
            yield Home(size, database, url, bearer, sign_in(rival, url, phones(database, readers)), pages(database))


def sign_in(rival: Guestlist, where: str, phones: list[str]) -> list[dict[str, str]]:
    """The headers of people who have these numbers, once they have signed in."""

    async def all_of_them() -> list[dict[str, str]]:
        left, found = iter(phones), list[dict[str, str]]()

        async def some() -> None:
            connection = await load.Connection.to(where)
            for phone in left:
                found.append(await load.signed_in(rival, connection, phone))
            connection.close()

        await asyncio.gather(*(some() for _ in range(8)))
        return found

    return asyncio.run(all_of_them())


def phones(database: str, wanted: int) -> list[str]:
    """The numbers of people from all over the seed, but for the inviter, the first one."""
    statement = "SELECT phone FROM people_person WHERE id > 1 AND blocked_at IS NULL AND id %% %s = 0 LIMIT %s"
    with psycopg.connect(database) as connection:
        (people,) = connection.execute("SELECT count(*) FROM people_person").fetchone()
        return [phone for (phone,) in connection.execute(statement, [max(1, people // (2 * wanted)), wanted])]


def pages(database: str) -> dict[str, str]:
    """The paths of the inviter's first page, and of one in the middle of all."""
    path = "/user/user-profile/activeusers/"
    return {"first page": path, "middle page": f"{path}?cursor={manage(database, *SHELL, MIDDLE).strip()}"}


def measure(rival: Guestlist, where: Home, scenario: str, plan: Any, first: int) -> tuple[Run, int]:
    """A run, and the number of the next new phone."""
    if scenario == "sign-in":
        return load.load(rival, where.url, scenario, plan.connections, plan.seconds, first, {})
    inviter = {"Authorization": f"Bearer {where.bearer}"}
    calls = [Call("GET", where.pages.get(scenario, "/user/user-profile/"), inviter)]
    if scenario == "profile":
        calls = [rival.profile(reader) for reader in where.readers]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(wrk.in_turn(calls))
        script.flush()
        return wrk.load(where.url, calls[0], plan.connections, plan.seconds, Path(script.name)), first


def sizes(database: str) -> list[list[Any]]:
    """Of each table: rows, bytes of its rows and of its indexes, all in all, and all for each row."""
    with psycopg.connect(database) as connection:
        found = connection.execute(SIZES_OF).fetchall()
    return [[*row, row[4] / max(1, row[1])] for row in found]


def plans(where: Home) -> str:
    """What each statement of a day took among these people; the slowest first."""
    script = (servers.ROOT / "bench" / "explained.py").read_text()
    told = manage(where.database, *SHELL, script, TOKEN=where.bearer, LOG_LEVEL="ERROR")
    found: dict[str, str] = json.loads(told)
    by_time = sorted(found.items(), key=lambda one: -took(one[1]))
    return "\n\n".join(f"{' '.join(statement.split())}\n{plan}" for statement, plan in by_time)


def took(plan: str) -> float:
    """Milliseconds that the plan's execution took, by its own last line."""
    said = re.search(r"Execution Time: ([0-9.]+) ms", plan)
    return float(said[1]) if said else 0.0


def summary(found: dict[tuple[str, int], list[Run]], wanted: list[int]) -> tuple[list[str], list[list[Any]]]:
    """Verdicts, and a row for each scenario: medians of the rounds, and those of the biggest over the smallest."""
    few, many = min(wanted), max(wanted)
    verdicts, lines = [], []
    for scenario in SCENARIOS:
        for size in wanted:
            runs = found[scenario, size]
            middle = [statistics.median(getattr(run, name) for run in runs) for name in ("rate", "p50", "p99")]
            lines.append([scenario, size, *middle, sum(run.errors for run in runs)])
        if errors := [run.told for size in wanted for run in found[scenario, size] if run.errors]:
            verdicts.append(f"FAILED: {scenario}: {errors[0]}")
            continue
        ratios = {
            name: statistics.median(
                getattr(big, name) / getattr(small, name)
                for big, small in zip(found[scenario, many], found[scenario, few], strict=True)
            )
            for name in ("p50", "p99")
        }
        told = f"{scenario}, {many} people to {few}: p50 x {ratios['p50']:.2f}, p99 x {ratios['p99']:.2f}"
        has_goal = "profile" in scenario
        verdict = f": {'reached' if ratios['p99'] <= MOST_RATIO else 'NOT REACHED'} (at most {MOST_RATIO})"
        verdicts.append(told + (verdict if has_goal else ""))
    return verdicts, lines


def main(arguments: list[str] | None = None) -> int:
    """Measure; 1 when a row failed."""
    parser = papers.parser(__doc__ or "")
    parser.add_argument("--sizes", nargs="+", type=int, default=None, metavar="PEOPLE")
    parser.add_argument("--seconds", type=float, default=None, help="of each load")
    parser.add_argument("--rounds", type=int, default=None)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--readers", type=int, default=None, help="people who read their profiles in turn")
    plan = parser.parse_args(arguments)
    quick = {"sizes": [300, 3000], "seconds": 1.0, "rounds": 1, "readers": 20}
    full: dict[str, Any] = {"sizes": list(SIZES), "seconds": 5.0, "rounds": 3, "readers": READERS}
    for name, value in (quick if plan.quick else full).items():
        if getattr(plan, name) is None:
            setattr(plan, name, value)
    if not (wrk.is_there() and servers.answers("postgres")):
        say("This needs wrk and a PostgreSQL that answers (TEST_POSTGRES_URL).")
        return 1
    is_busy = machine.is_busy()
    rival = ALL[SUBJECT]
    assert isinstance(rival, Guestlist)
    facts = papers.facts(
        ["postgres"], rounds=plan.rounds, seconds_each=plan.seconds, connections=plan.connections, readers=plan.readers
    )
    found: dict[tuple[str, int], list[Run]] = {}
    with ExitStack() as stack:
        homes = [stack.enter_context(home(rival, size, min(plan.readers, size // 2))) for size in plan.sizes]
        first = dict.fromkeys(plan.sizes, 0)
        for number in range(plan.rounds):
            for scenario in SCENARIOS:
                for where in homes if number % 2 == 0 else reversed(homes):
                    say(f"round {number + 1} of {plan.rounds}: {scenario}, {where.size} people")
                    run, first[where.size] = measure(rival, where, scenario, plan, first[where.size])
                    found.setdefault((scenario, where.size), []).append(run)
        biggest = max(homes, key=lambda where: where.size)
        tables = sizes(biggest.database)
        told = plans(biggest)
    verdicts, lines = summary(found, plan.sizes)
    paper = Paper(
        "growth",
        facts,
        [*([papers.BUSY] if is_busy else []), *verdicts],
        [
            Table("Under load", ["what", "people", "a second", "p50, ms", "p99, ms", "errors"], lines),
            Table(
                f"Bytes among {biggest.size} people",
                ["table", "rows", "rows' bytes", "indexes' bytes", "all", "all, a row"],
                tables,
            ),
        ],
        {f"Plans among {biggest.size} people": told},
    )
    papers.deliver(paper, is_quick=plan.quick)
    return int(any(line[-1] for line in lines))


if __name__ == "__main__":
    sys.exit(main())
