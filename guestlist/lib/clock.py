"""The one clock. Actions read it; rules are given its time; tests set it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime


def _system() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _system


def now() -> datetime:
    """The time now: aware, UTC, microseconds."""
    return _source()


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Hold the clock of this process at `moment` (aware); for tests and simulations."""
    global _source
    before, _source = _source, lambda: moment
    try:
        yield
    finally:
        _source = before


def rfc3339(moment: datetime) -> str:
    """`2026-01-31T12:00:00Z`: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
