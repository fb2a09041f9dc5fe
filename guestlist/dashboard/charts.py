"""Bars drawn on the server: whole numbers for SVG's attributes, from figures. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 720, 200
TOP, BOTTOM = 40, 172  # of the bars; above and below them stand labels
GAP = 4
LEAST = 2  # of a bar that is more than nothing
WHOLE = 1000  # of a bar in a table's row


class Figure(NamedTuple):
    """What is drawn at one place: its label below, the grey figure, and the one in our hue in front of it, if any.

    None: there is nothing to say.
    """

    label: str
    words: str  # the label in full, for the table
    whole: float | None
    part: float | None = None


class Bar(NamedTuple):
    """A bar, and where its own label stands."""

    x: int
    y: int
    width: int
    height: int
    middle: int


class Mark(NamedTuple):
    """A place of the chart: its figure, its bars, and whether the label below and the number above are written."""

    figure: Figure
    whole: Bar
    part: Bar | None
    is_labelled: bool
    is_told: bool

    @property
    def told_at(self) -> int:
        """Where the number above the bar stands."""
        return self.whole.y - 5


class Chart(NamedTuple):
    """Marks from left to right, on a base of zero."""

    marks: list[Mark]
    most: float


def chart(figures: Sequence[Figure], every: int = 1, most: float | None = None) -> Chart:
    """A chart of figures, of which every so-manieth has its label below, counted from the last.

    Bars are as high as their share of `most`, else of the highest. That one and the last are told in numbers.
    """
    top = most or max((max(figure.whole or 0, figure.part or 0) for figure in figures), default=0)
    step = WIDTH / max(1, len(figures))
    highest = max(range(len(figures)), key=lambda number: figures[number].whole or 0, default=0)
    marks = []
    for number, figure in enumerate(figures):
        is_told = figure.whole is not None and figure.whole > 0 and number in (highest, len(figures) - 1)
        marks.append(
            Mark(
                figure,
                _bar(number, step, figure.whole, top),
                None if figure.part is None else _bar(number, step, figure.part, top),
                (len(figures) - 1 - number) % every == 0,
                # Neighbours' numbers would stand over each other.
                is_told and (number == highest or number - highest > every),
            )
        )
    return Chart(marks, top)


def length(value: float, most: float) -> int:
    """How long a bar in a table's row is, of WHOLE; a little when it is more than nothing."""
    return 0 if not value or not most else max(LEAST, round(WHOLE * min(1.0, value / most)))


def _bar(number: int, step: float, value: float | None, most: float) -> Bar:
    whole = BOTTOM - TOP
    height = 0 if not value or not most else max(LEAST, round(whole * min(1.0, value / most)))
    x = round(number * step) + GAP // 2
    width = max(LEAST, round((number + 1) * step) - round(number * step) - GAP)
    return Bar(x, BOTTOM - height, width, height, x + width // 2)
