"""What a million people need, or a hundred millions: computed from what `python -m bench.growth` has measured.

python -m bench.sizing [--people 1000000 100000000] [--reads 5] [--sign-ins 0.05] [--peak 4] [--busy 0.6] [--write]

How often people come is an assumption, and stands in the answer; what each visit costs and what each row weighs are
measured. `--write` puts the table into docs/scaling.md.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench import papers
from bench.rivals.rival import say
from tests import servers

PEOPLE = (1_000_000, 10_000_000, 100_000_000)
DOCUMENT = servers.ROOT / "docs" / "scaling.md"
BEGIN, END = "<!-- sizing: python -m bench.sizing --write -->\n", "<!-- /sizing -->\n"
UNMEASURED = (
    "Not measured yet: `python -m bench.growth` on a machine that does nothing else, then"
    " `python -m bench.sizing --write`.\n"
)
DAY = 86_400


class Measured(NamedTuple):
    """What a run of growth says of its biggest population."""

    date: str
    people: int
    cores: int  # that everything shared: service, database and load
    reads: float  # a second
    sign_ins: float  # a second
    row_bytes: int
    index_bytes: int


class Habits(NamedTuple):
    """How often people come: the assumptions."""

    reads: float  # profile reads of each person in a day
    sign_ins: float  # likewise
    peak: float  # the busiest hour to the average one
    busy: float  # the share of its cores that a machine may use then


class Need(NamedTuple):
    """What so many people need."""

    people: int
    gigabytes: float
    index_gigabytes: float
    reads: float  # a second, at the peak
    sign_ins: float
    cores: float


def measured(paper: dict[str, Any]) -> Measured:
    """From the paper of a growth run. ValueError when a row of it failed."""
    load, bytes_ = paper["tables"]
    people = max(row[1] for row in load["rows"])
    rates = {row[0]: row[2] for row in load["rows"] if row[1] == people}
    if any(row[5] for row in load["rows"]):
        raise ValueError("a row of the growth run failed")
    return Measured(
        date=paper["date"],
        people=people,
        cores=int(paper["facts"]["cores"]),
        reads=rates["profile"],
        sign_ins=rates["sign-in"],
        row_bytes=sum(row[4] - row[3] for row in bytes_["rows"]),
        index_bytes=sum(row[3] for row in bytes_["rows"]),
    )


def need(found: Measured, habits: Habits, people: int) -> Need:
    """Bytes grow with the people; cores with what they do, at what each act took of the cores that were there."""
    many = people / found.people
    reads, sign_ins = (people * times / DAY * habits.peak for times in (habits.reads, habits.sign_ins))
    cores = found.cores * (reads / found.reads + sign_ins / found.sign_ins) / habits.busy
    gigabytes = (found.row_bytes + found.index_bytes) * many / 1e9
    return Need(people, gigabytes, found.index_bytes * many / 1e9, reads, sign_ins, cores)


def table(found: Measured, habits: Habits, sizes: Sequence[int]) -> str:
    """Markdown."""
    lines = [
        f"Measured on {found.date} among {found.people:,} people, on {found.cores} cores that service, database and"
        f" load shared: {found.reads:,.0f} profile reads a second, {found.sign_ins:,.0f} sign-ins a second,"
        f" {(found.row_bytes + found.index_bytes) / found.people:,.0f} bytes a person with indexes."
        f" Assumed: each person reads {habits.reads:g} times a day and signs in {habits.sign_ins:g} times, the peak is"
        f" {habits.peak:g} times the average, and cores are {habits.busy:.0%} busy then.",
        "",
        "| People | Data, GB | of which indexes, GB | Reads/s, peak | Sign-ins/s, peak | Cores, database included |",
        "|--:|--:|--:|--:|--:|--:|",
    ]
    for one in (need(found, habits, people) for people in sizes):
        figures = (one.gigabytes, one.index_gigabytes, one.reads, one.sign_ins, one.cores)
        lines.append(f"| {one.people:,} | " + " | ".join(f"{figure:,.1f}" for figure in figures) + " |")
    return "\n".join(lines) + "\n"


def written(document: str, text: str) -> str:
    """The document with this text between its marks."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def main(arguments: list[str] | None = None) -> int:
    """Print, and write where it is wanted; 1 when nothing was measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--people", nargs="+", type=int, default=list(PEOPLE))
    parser.add_argument("--reads", type=float, default=5.0, help="of each person in a day")
    parser.add_argument("--sign-ins", type=float, default=0.05, help="likewise")
    parser.add_argument("--peak", type=float, default=4.0, help="the busiest hour to the average one")
    parser.add_argument("--busy", type=float, default=0.6, help="how busy a core may be then")
    parser.add_argument("--results", type=Path, default=papers.RESULTS, help="where the papers of measurements are")
    parser.add_argument("--write", action="store_true", help="into docs/scaling.md")
    plan = parser.parse_args(arguments)
    paper = papers.newest("growth", plan.results)
    if paper is None:
        say(UNMEASURED.strip())
        return 1
    text = table(measured(paper), Habits(plan.reads, plan.sign_ins, plan.peak, plan.busy), plan.people)
    print(text)
    if plan.write:
        DOCUMENT.write_text(written(DOCUMENT.read_text(encoding="utf-8"), text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
