"""What operators watch: counts and times of the service's processes, and figures that are read when they are asked for.

It knows nothing of what is measured: rooms make their counters here and say how their figures are read. The values of
labels are names of ours, never anything from outside: so they are few, and hold no number, no address and no code.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from guestlist.lib import shared_counts, sql

PREFIX = "guestlist_"
CONTENT_TYPE = prometheus_client.CONTENT_TYPE_PLAIN_0_0_4
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds

prometheus_client.disable_created_metrics()  # a second series beside each one, of when it was first counted


class Figure(NamedTuple):
    """A gauge: what it says, and how it is read."""

    words: str
    read: Callable[[], float]


DATABASE_UP = f"{PREFIX}database_up"
DATABASE_UP_WORDS = "Whether the database answered just now (1); when it did not (0), gauges are missing."

LABELS: dict[str, tuple[str, ...]] = {DATABASE_UP: ()}  # of everything that may be shown, counted yet or not

_counts = CollectorRegistry()
_figures: dict[str, Figure] = {}


def counter(name: str, words: str, labels: Sequence[str] = ()) -> Counter:
    """Something that is counted; `name` ends in _total."""
    LABELS[PREFIX + name] = tuple(labels)
    return Counter(PREFIX + name, words, labels, registry=_counts)


def histogram(name: str, words: str, labels: Sequence[str] = ()) -> Histogram:
    """Something that takes time; `name` ends in _seconds."""
    LABELS[PREFIX + name] = tuple(labels)
    return Histogram(PREFIX + name, words, labels, registry=_counts, buckets=BUCKETS)


def gauge(name: str, words: str, read: Callable[[], float]) -> None:
    """A figure that is read when somebody asks, and stands there once, however many processes serve."""
    LABELS[PREFIX + name] = ()
    _figures[PREFIX + name] = Figure(words, read)


def exposition() -> bytes:
    """Everything in Prometheus' text format. Of several server processes together, where they share their counts."""
    figures = CollectorRegistry()
    figures.register(_Read(list(_read())))
    sql.let_go()  # nobody needs the database while files are read
    return prometheus_client.generate_latest(figures) + _counted()


class _Read:
    """Figures that have been read, as prometheus_client collects them."""

    def __init__(self, found: list[Metric]) -> None:
        self._found = found

    def collect(self) -> list[Metric]:
        """All of them."""
        return self._found


def _read() -> Iterator[Metric]:
    is_up = 1
    try:
        for name, figure in _figures.items():
            yield GaugeMetricFamily(name, figure.words, figure.read())
    except sql.AWAY:
        is_up = 0  # each of the others would wait as long; counts do not need it
    yield GaugeMetricFamily(DATABASE_UP, DATABASE_UP_WORDS, is_up)


def _counted() -> bytes:
    folder = shared_counts.folder()
    if folder is None:
        return prometheus_client.generate_latest(_counts)
    together = CollectorRegistry()
    with shared_counts.files(folder) as files:
        together.register(_Read(list(MultiProcessCollector.merge(files))))
    return prometheus_client.generate_latest(together)
