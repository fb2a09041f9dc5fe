"""What a comparison found, as a table, as Markdown, as JSON and as a chart. Pure but for the writing of files."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench import chart
from bench.measured import SUBJECT, Cell, Goal, Row, as_json, goals

NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
SHOWN_AT = 32  # connections: where the goals are, and the chart


class Found(NamedTuple):
    """Everything that one comparison brought."""

    date: str
    how: dict[str, Any]
    machine: dict[str, str]
    versions: dict[str, dict[str, str]]
    missing: dict[str, str]
    warnings: list[str]
    ceiling: dict[int, float]  # connections -> sign-ins a second that the load generator itself reaches
    rows: list[Row]
    titles: Mapping[str, str]


def table(found: Found) -> str:
    """For the terminal. The ratio says how many times as fast as that rival Guestlist is."""
    lines: list[str] = []
    for cell, rows in by_cell(found.rows).items():
        lines.append(f"\n{heading(cell)}")
        lines += [f"  {found.titles[row.rival]:26}{_figures(row)}" for row in rows]
    lines += ["", *(_goal(goal, ratio, found.titles) for goal, ratio in goals(found.rows, SHOWN_AT))]
    lines += [f"MISSING {found.titles[name]}: {why}" for name, why in found.missing.items()]
    lines += [f"WARNING {warning}" for warning in found.warnings]
    lines += [
        f"ceiling of the load generator itself: {rate:.0f} sign-ins/s over {connections} connections"
        for connections, rate in found.ceiling.items()
    ]
    return "\n".join(lines)


def markdown(found: Found) -> str:
    """The same, to be read in the repository."""
    lines = [f"# {found.date}", "", f"![bars]({found.date}.svg)", ""]
    lines += [
        "Ratios count, and only within this run; the ratio is how many times as fast as that rival Guestlist is.",
        "",
    ]
    lines += [f"**{warning}**\n" for warning in found.warnings]
    lines += [f"**Missing: {found.titles[name]}: {why}.**\n" for name, why in found.missing.items()]
    lines += [f"- {_goal(goal, ratio, found.titles)}" for goal, ratio in goals(found.rows, SHOWN_AT)]
    lines += ["", "| what | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in {**found.machine, **found.how}.items()]
    for name, versions in found.versions.items():
        lines.append(f"| {found.titles[name]} | {', '.join(f'{what} {which}' for what, which in versions.items())} |")
    for connections, rate in found.ceiling.items():
        lines.append(f"| ceiling of the load generator, {connections} connections | {rate:.0f} sign-ins/s |")
    for cell, rows in by_cell(found.rows).items():
        lines += ["", f"## {heading(cell)}", "", "| | a second | ratio | p50, ms | p99, ms |", "|---|--:|--:|--:|--:|"]
        for row in rows:
            told = f"**failed: {row.errors} errors** ({row.told})" if row.failed else f"{row.rate:.0f}"
            ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
            lines.append(f"| {found.titles[row.rival]} | {told} | {ratio} | {row.p50:.1f} | {row.p99:.1f} |")
    return "\n".join(lines) + "\n"


def panels(found: Found) -> list[chart.Panel]:
    """A panel for each scenario at 32 connections, the fastest first; what failed is not drawn."""
    return [
        chart.Panel(
            f"{heading(cell)}: a second",
            [
                chart.Bar(found.titles[row.rival], row.rate, row.rival == SUBJECT, _times(row))
                for row in sorted(rows, key=lambda row: -row.rate)
                if not row.failed
            ],
        )
        for cell, rows in by_cell(found.rows).items()
        if cell.connections == SHOWN_AT
    ]


def write(found: Found, folder: Path) -> list[Path]:
    """JSON, Markdown and chart, named by the date."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = {**found._asdict(), "rows": [as_json(row) for row in found.rows]}
    files = {
        ".json": json.dumps(whole, indent=1, ensure_ascii=False) + "\n",
        ".md": markdown(found),
        ".svg": chart.svg(panels(found)),
    }
    for ending, text in files.items():
        (folder / (found.date + ending)).write_text(text, encoding="utf-8")
    return [folder / (found.date + ending) for ending in files]


def by_cell(rows: Sequence[Row]) -> dict[Cell, list[Row]]:
    """The rows of each cell, in the order of the databases, scenarios and connections."""
    cells: dict[Cell, list[Row]] = {}
    for row in rows:
        cells.setdefault(row.cell, []).append(row)
    return cells


def heading(cell: Cell) -> str:
    """What is compared, in words."""
    return (
        f"{NAMES[cell.database]}, {cell.scenario}, {cell.connections} connection{'s' if cell.connections > 1 else ''}"
    )


def _figures(row: Row) -> str:
    if row.failed:
        return f"FAILED: {row.errors} errors, the first: {row.told}"
    ratio = "" if row.ratio is None else f"{row.ratio:.2f} x"
    return f"{row.rate:9.0f} /s {ratio:>9}   p50 {row.p50:8.2f} ms   p99 {row.p99:8.2f} ms"


def _times(row: Row) -> str:
    return "" if row.ratio is None else f"({row.ratio:.2g} ×)"


def _goal(goal: Goal, ratio: float | None, titles: Mapping[str, str]) -> str:
    came_to = "could not be told, a row failed" if ratio is None else f"{ratio:.2f}"
    verdict = "reached" if ratio is not None and ratio >= goal.least else "NOT REACHED"
    what = f"{NAMES[goal.database]}, {goal.scenario}: at least {goal.least:g} times {titles[goal.rival]}"
    return f"{what}: {came_to}: {verdict}"
