"""Where the figures of a measurement go: printed, and as Markdown and JSON under bench/results/."""

import argparse
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from bench import machine
from tests import servers

RESULTS = servers.ROOT / "bench" / "results"
QUICK_RESULTS = servers.ROOT / "var" / "bench" / "quick"  # no measurement: it does not go into the repository
BUSY = "The machine was busy before this began: no figure of this run counts."


class Table(NamedTuple):
    """Figures with a title; the first column says of what."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


class Paper(NamedTuple):
    """What a measurement found. `notes` are sentences, verdicts first; `texts` are long, such as plans."""

    name: str
    facts: dict[str, str]
    notes: Sequence[str]
    tables: Sequence[Table]
    texts: dict[str, str] = {}


def parser(words: str) -> argparse.ArgumentParser:
    """With what each measurement has."""
    made = argparse.ArgumentParser(description=words.split("\n", 1)[0])
    made.add_argument("--quick", action="store_true", help="does it run? no figure is kept")
    return made


def facts(databases: Sequence[str], **how: Any) -> dict[str, str]:
    """The machine, and how it was measured."""
    return {**machine.facts(databases), **{name.replace("_", " "): str(value) for name, value in how.items()}}


def deliver(paper: Paper, *, is_quick: bool) -> None:
    """Print it and keep it; a quick one where git does not look."""
    print(markdown(paper, with_texts=False))
    for file in write(paper, QUICK_RESULTS if is_quick else RESULTS):
        print(file.relative_to(servers.ROOT))
    if is_quick:
        print("Quick: it shows that everything runs. It is not a measurement.")


def write(paper: Paper, folder: Path) -> list[Path]:
    """Both files, named by the date and the measurement."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{datetime.now(UTC):%Y-%m-%d}-{paper.name}"
    kept = {"date": stem[:10], **paper._asdict(), "tables": [table._asdict() for table in paper.tables]}
    files = {".md": markdown(paper), ".json": json.dumps(kept, indent=1, ensure_ascii=False) + "\n"}
    for ending, text in files.items():
        (folder / (stem + ending)).write_text(text, encoding="utf-8")
    return [folder / (stem + ending) for ending in files]


def newest(name: str, folder: Path = RESULTS) -> dict[str, Any] | None:
    """The newest paper of this name, as JSON; None when there is none."""
    found = sorted(folder.glob(f"????-??-??-{name}.json"))
    return dict(json.loads(found[-1].read_text(encoding="utf-8"))) if found else None


def markdown(paper: Paper, *, with_texts: bool = True) -> str:
    """To be read in the repository and on a terminal."""
    lines = [f"# {paper.name}", "", *(f"- {note}" for note in paper.notes)]
    for table in paper.tables:
        lines += [
            "",
            f"## {table.title}",
            "",
            _line(table.columns),
            _line(["---", *["--:"] * (len(table.columns) - 1)]),
        ]
        lines += [_line(row) for row in table.rows]
    lines += ["", "## What it was measured on", "", "| what | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in paper.facts.items()]
    for title, text in paper.texts.items() if with_texts else ():
        lines += ["", f"## {title}", "", "```text", text, "```"]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in cells) + " |"
