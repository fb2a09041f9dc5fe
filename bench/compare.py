"""Guestlist beside its rivals, in one run on one machine: python -m bench.compare [--quick].

One server at a time, each with two processes; the rounds interleave (A B C, A B C, ...), each rival keeps its database
over all of them. A GET is loaded by wrk, where there is one; what takes several requests by bench/load.py.
"""

import argparse
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import load, machine, report, wrk
from bench.measured import SUBJECT, Cell, Run, rows
from bench.rivals import ALL
from bench.rivals.pgbench import Pgbench
from bench.rivals.rival import HOST, ME, PROCESSES, Population, Rival, analyze, say
from tests import servers

DATABASES = ("sqlite", "postgres")
SCENARIOS = ("profile", "page", "ask", "confirm", "sign-in", "activation")
CONNECTIONS = (1, 8, 32, 256)
READS = ("profile", "page")
RESULTS = servers.ROOT / "bench" / "results"
QUICK_RESULTS = servers.ROOT / "var" / "bench" / "quick"  # no measurement: it does not go into the repository
FASTEST_ACTIVATIONS = 2500  # a second, for which the seed has people
ENOUGH = 3.0  # times the fastest rival is what the load generator must reach by itself


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and report; 1 when a row failed or nothing could be measured."""
    plan = _plan(arguments)
    missing = {name: why for name in plan.rivals if (why := ALL[name].missing())}
    warnings = _warnings(plan)
    for name, why in missing.items():
        say(f"MISSING {ALL[name].title}: {why}; it is not in this comparison")
    for warning in warnings:
        say(f"WARNING {warning}")
    rivals = [ALL[name] for name in plan.rivals if name not in missing]
    facts = machine.facts(plan.databases)
    for rival in rivals:
        rival.install()
    ceiling = {
        number: load.ceiling(ALL[SUBJECT], number, plan.seconds).rate
        for number in plan.connections
        if set(plan.scenarios) - set(READS)
    }
    found: dict[tuple[Cell, str], list[Run]] = {}
    for database in plan.databases:
        Comparison(plan, database, rivals, found).run()
    made = report.Found(
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        how={"rounds": plan.rounds, "seconds each": plan.seconds, "processes each": PROCESSES},
        machine=facts,
        versions={rival.name: rival.versions() for rival in rivals},
        missing=missing,
        warnings=warnings,
        ceiling=ceiling,
        rows=sorted(rows(found), key=lambda row: _place(row.cell)),
        titles={name: rival.title for name, rival in ALL.items()},
    )
    made.warnings.extend(_too_near(made))
    print(report.table(made))
    print(", ".join(f"{name} {value}" for name, value in made.machine.items()))
    for file in report.write(made, QUICK_RESULTS if plan.quick else RESULTS):
        print(file.relative_to(servers.ROOT))
    if plan.quick:
        print("Quick: it shows that everything runs. It is not a measurement.")
    return int(not made.rows or any(row.failed for row in made.rows))


class Comparison:
    """All rounds on one kind of database."""

    def __init__(
        self, plan: argparse.Namespace, database: str, rivals: Sequence[Rival], found: dict[tuple[Cell, str], list[Run]]
    ) -> None:
        self._plan, self._kind, self._found = plan, database, found
        self._rivals = [rival for rival in rivals if database in rival.databases]
        self._next: dict[tuple[str, str], int] = {}  # the next phone, the next of the pool

    def run(self) -> None:
        """Make the databases, measure, drop them."""
        with ExitStack() as stack:
            homes = {}
            for rival in self._rivals:
                say(f"{self._kind}: making the tables and people of {rival.title}")
                with self._alone(rival):
                    homes[rival.name] = self._home(rival, stack)
            for number in range(self._plan.rounds):
                for rival in [one for one in self._rivals if one.name in homes]:
                    say(f"{self._kind}: round {number + 1} of {self._plan.rounds}: {rival.title}")
                    with self._alone(rival):
                        self._round(rival, *homes[rival.name])

    def _home(self, rival: Rival, stack: ExitStack) -> tuple[str, Path]:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = stack.enter_context(servers.fresh_database(self._kind, folder))
        rival.prepare(database, folder, Population(self._pool()))
        analyze(database)
        return database, folder

    @contextmanager
    def _alone(self, rival: Rival) -> Iterator[None]:
        # One rival that does not start leaves the others to be measured; its own rows have failed.
        try:
            yield
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
            say(f"FAILED {rival.title}: {traceback.format_exc(limit=-3).strip()}")
            for scenario in self._scenarios(rival):
                for connections in self._plan.connections:
                    self._keep(rival, scenario, connections, Run(0, 0, 0, 0, 1, told[:300]))

    def _round(self, rival: Rival, database: str, folder: Path) -> None:
        if isinstance(rival, Pgbench):
            for connections in self._plan.connections if "profile" in self._plan.scenarios else ():
                run = rival.measure(database, folder, connections, self._plan.seconds)
                self._keep(rival, "profile", connections, run)
            return
        with rival.running(database, folder) as url:
            self._warm(rival, url)
            for scenario in self._scenarios(rival):
                for connections in self._plan.connections:
                    self._keep(rival, scenario, connections, self._measure(rival, url, scenario, connections))

    def _measure(self, rival: Rival, url: str, scenario: str, connections: int, seconds: float | None = None) -> Run:
        lasting = seconds or self._plan.seconds
        if scenario in READS:
            who = rival.known(ME if scenario == "profile" else HOST) or self._sign_in(rival, url)
            if wrk.is_there():
                call = rival.profile(who) if scenario == "profile" else rival.page(who)
                return wrk.load(url, call, connections, lasting)
            return load.load(rival, url, scenario, connections, lasting, 0, who)[0]
        counter = (rival.name, "pool" if scenario == "activation" else "phone")
        end = self._pool() if scenario == "activation" else load.PHONES
        first = self._next.get(counter, 0)
        run, self._next[counter] = load.load(rival, url, scenario, connections, lasting, first, {}, end)
        return run

    def _warm(self, rival: Rival, url: str) -> None:
        for scenario in self._scenarios(rival):
            if scenario in ("profile", "sign-in"):
                self._measure(rival, url, scenario, 16, self._plan.warm)

    def _sign_in(self, rival: Rival, url: str) -> dict[str, str]:
        number = self._next.get((rival.name, "phone"), 0)
        self._next[rival.name, "phone"] = number + 1
        return load.sign_in(rival, url, number)

    def _keep(self, rival: Rival, scenario: str, connections: int, run: Run) -> None:
        if run.errors:
            say(f"FAILED {rival.title}, {scenario}, {connections} connections: {run.errors} errors: {run.told}")
        self._found.setdefault((Cell(self._kind, scenario, connections), rival.name), []).append(run)

    def _scenarios(self, rival: Rival) -> list[str]:
        spoken = {*rival.scenarios, *(["confirm"] if "sign-in" in rival.scenarios else [])}
        return [scenario for scenario in self._plan.scenarios if scenario in spoken]

    def _pool(self) -> int:
        if "activation" not in self._plan.scenarios:
            return 0
        return round(FASTEST_ACTIVATIONS * self._plan.seconds * self._plan.rounds * len(self._plan.connections))


def _plan(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="one short round: does everything run?")
    for name, values in (("databases", DATABASES), ("scenarios", SCENARIOS), ("rivals", tuple(ALL))):
        parser.add_argument(f"--{name}", nargs="+", choices=values, metavar=name[:-1].upper(), default=None)
    parser.add_argument("--connections", nargs="+", type=int, metavar="NUMBER")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="of each load")
    plan = parser.parse_args(arguments)
    quick = {"databases": ["postgres"], "scenarios": ["profile", "sign-in"], "connections": [32]}
    full: dict[str, Any] = {"databases": DATABASES, "scenarios": SCENARIOS, "connections": CONNECTIONS}
    defaults = {**(quick if plan.quick else full), "rivals": list(ALL)}
    defaults.update({"rounds": 1, "seconds": 3.0} if plan.quick else {"rounds": 3, "seconds": 3.0})
    for name, value in defaults.items():
        if getattr(plan, name) is None:
            setattr(plan, name, value)
    plan.warm = 1.0
    return plan


def _warnings(plan: argparse.Namespace) -> list[str]:
    found = []
    for database in list(plan.databases):
        if not servers.answers(database):
            found.append(f"no {database} answers: nothing is measured on it")
            plan.databases = [other for other in plan.databases if other != database]
    if not wrk.is_there():
        found.append("there is no wrk: reads are loaded by bench/load.py, whose own ceiling is low")
    if machine.is_busy():
        found.append("the machine was busy before this began: no figure of this run counts")
    return found


def _too_near(found: report.Found) -> list[str]:
    """Rows in which the client may have been what was measured."""
    told = []
    for row in found.rows:
        most = found.ceiling.get(row.cell.connections, 0.0)
        if row.cell.scenario == "sign-in" and not row.failed and most < ENOUGH * row.rate:
            told.append(f"{report.heading(row.cell)}: the load generator itself reaches only {most:.0f}/s")
    return sorted(set(told))


def _place(cell: Cell) -> tuple[int, int, int]:
    return DATABASES.index(cell.database), SCENARIOS.index(cell.scenario), cell.connections


if __name__ == "__main__":
    sys.exit(main())
