"""A run, and what several of them say together: medians, ratios, goals. Pure: nothing is measured here."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

SUBJECT = "guestlist"


@dataclass
class Run:
    """One rival under one load for some seconds; times in milliseconds."""

    rate: float  # a second
    p50: float
    p99: float
    done: int
    errors: int
    told: str  # the first error's words
    client_cpu: float | None = None  # cores that the load itself took, where it is known


class Cell(NamedTuple):
    """What is compared: one scenario on one database, at a number of connections."""

    database: str
    scenario: str
    connections: int


class Goal(NamedTuple):
    """On this database, in this scenario, so many times a rival."""

    database: str
    scenario: str
    rival: str
    least: float


@dataclass
class Row:
    """A rival in a cell, all rounds taken together."""

    cell: Cell
    rival: str
    rate: float
    p50: float
    p99: float
    errors: int
    told: str
    ratio: float | None = None  # how many times as fast the subject is
    runs: list[Run] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """One error is enough: a server that refuses is fast."""
        return self.errors > 0


GOALS = (
    Goal("postgres", "profile", "better-auth", 3),
    Goal("postgres", "profile", "drf", 5),
    Goal("postgres", "profile", "bare-django", 0.7),
    Goal("sqlite", "profile", "drf", 5),
    Goal("sqlite", "profile", "bare-django", 0.7),
    Goal("postgres", "sign-in", "better-auth", 3),
    Goal("postgres", "sign-in", "drf", 5),
)


def percentile(sorted_times: Sequence[float], part: float) -> float:
    """Of times in order; 0 of none."""
    return sorted_times[min(len(sorted_times) - 1, int(len(sorted_times) * part))] if sorted_times else 0.0


def rows(found: dict[tuple[Cell, str], list[Run]], subject: str = SUBJECT) -> list[Row]:
    """A row for each cell and rival, with its medians and the median of its ratios, each within one round."""
    made = []
    for (cell, rival), runs in found.items():
        row = Row(
            cell,
            rival,
            *(statistics.median(getattr(run, name) for run in runs) for name in ("rate", "p50", "p99")),
            sum(run.errors for run in runs),
            next((run.told for run in runs if run.errors), ""),
            runs=runs,
        )
        if rival != subject and not row.failed:
            row.ratio = ratio(found.get((cell, subject), []), runs)
        made.append(row)
    return made


def ratio(ours: Sequence[Run], theirs: Sequence[Run]) -> float | None:
    """The median of the rounds' ratios; None when a round failed, or one of the two was not measured."""
    pairs = list(zip(ours, theirs, strict=False))
    if not pairs or any(run.errors or not run.rate for pair in pairs for run in pair):
        return None
    return statistics.median(mine.rate / other.rate for mine, other in pairs)


def goals(found: Iterable[Row], connections: int, wanted: Sequence[Goal] = GOALS) -> list[tuple[Goal, float | None]]:
    """Each goal that this run could show, with the ratio that it came to; None: a row of it failed."""
    by_place = {(row.cell, row.rival): row for row in found}
    shown = []
    for goal in wanted:
        row = by_place.get((Cell(goal.database, goal.scenario, connections), goal.rival))
        if row is not None:
            shown.append((goal, row.ratio))
    return shown


def as_json(row: Row) -> dict[str, Any]:
    """A row as the result file keeps it."""
    kept = asdict(row)
    kept.update(kept.pop("cell")._asdict() if isinstance(row.cell, Cell) else {})
    return {
        name: kept[name]
        for name in ("database", "scenario", "connections", *(n for n in kept if n not in Cell._fields))
    }
