"""What does a second web process bring? Everything at once through nginx, on one PostgreSQL and one Redis.

python -m bench.scaleout [--webs 1 2 4] [--workers 2] [--seconds 10] [--rounds 3] [--connections 64] [--quick]

On one machine the processes share its cores with the database, nginx and the load itself: the figures say what is lost
on the way, and little about machines of their own.
"""

import asyncio
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench import growth, machine, papers
from bench.crowd import Crowd, People
from bench.measured import percentile
from bench.papers import Paper, Table
from bench.rivals.guestlist import Guestlist, manage
from bench.rivals.rival import say
from bench.soak import invite_codes
from tests import nodes, servers


def measure(webs: int, plan: Any) -> list[Any]:
    """Web processes, acts a second and their times in milliseconds, medians of the rounds; and errors."""
    rival = Guestlist(WEB_CONCURRENCY="1", CODE_DIGITS="6")
    with (
        tempfile.TemporaryDirectory() as name,
        servers.fresh_database("postgres", Path(name)) as database,
        servers.running_redis(Path(name)) as redis,
    ):
        folder = Path(name)
        settings = {**rival.settings, **nodes.KEYS, "REDIS_URL": redis.url}
        manage(database, "migrate", "--verbosity", "0", **settings)
        bearer = manage(database, "seed", "--people", str(plan.people), "--bearer", **settings).strip()
        with nodes.serving(database, folder, webs, plan.workers, **settings) as found:
            readers = growth.sign_in(rival, found.front, growth.phones(database, plan.readers))
            people = People({"Authorization": f"Bearer {bearer}"}, readers, invite_codes(database))
            crowd, rates = Crowd(rival, found.front, people), []

            async def whole() -> None:
                await crowd.come(plan.connections)
                for number in range(plan.rounds):
                    say(f"{webs} web processes: round {number + 1} of {plan.rounds}")
                    rates.append(await crowd.rush(plan.seconds))
                crowd.go()

            asyncio.run(whole())
    times = sorted(one.took * 1000 for one in crowd.done)
    errors = [f"{one.what}: {one.error}" for one in crowd.done if one.error]
    for error in errors[:3]:
        say(f"FAILED: {error}")
    return [webs, statistics.median(rates), percentile(times, 0.5), percentile(times, 0.99), len(errors)]


def main(arguments: list[str] | None = None) -> int:
    """Measure; 1 when there was an error."""
    parser = papers.parser(__doc__ or "")
    parser.add_argument("--webs", nargs="+", type=int, default=[1, 2, 4])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--readers", type=int, default=300)
    plan = parser.parse_args(arguments)
    if plan.quick:
        plan.webs, plan.seconds, plan.rounds, plan.people, plan.readers = [1, 2], 2.0, 1, 1000, 20
    if not servers.answers("postgres"):
        say("This needs a PostgreSQL that answers (TEST_POSTGRES_URL), nginx and redis-server.")
        return 1
    is_busy = machine.is_busy()
    facts = papers.facts(["postgres"], workers=plan.workers, connections=plan.connections, seconds_each=plan.seconds)
    rows = [measure(webs, plan) for webs in plan.webs]
    one = rows[0]
    notes = [f"{row[0]} web processes to {one[0]}: x {row[1] / one[1]:.2f}" for row in rows[1:]]
    table = Table("Through nginx", ["web processes", "acts a second", "p50, ms", "p99, ms", "errors"], rows)
    papers.deliver(
        Paper("scaleout", facts, [*([papers.BUSY] if is_busy else []), *notes], [table]), is_quick=plan.quick
    )
    return int(any(row[-1] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
