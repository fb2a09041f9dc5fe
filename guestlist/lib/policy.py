"""What a limit is: a named policy of "so many in so long", in words; it knows nothing of what is limited."""

import re
from datetime import timedelta
from typing import NamedTuple

WINDOW = re.compile(r"(\d{1,6})/(\d{0,4})(s|m|h|d)")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Window(NamedTuple):
    """At most so many in so many seconds."""

    most: int
    seconds: int


class Policy(NamedTuple):
    """A limit with a name, in words that operators read."""

    name: str
    windows: tuple[Window, ...]
    words: str
    is_distinct: bool = False  # counts different tags, not uses
    is_counted: bool = False  # remembers numbers instead of uses: for limits in the thousands, by the clock's windows
    is_volatile: bool = False  # may be counted in Redis, which may forget: never what a code's safety hangs on

    @classmethod
    def of(
        cls,
        name: str,
        text: str,
        words: str,
        *,
        is_distinct: bool = False,
        is_counted: bool = False,
        is_volatile: bool = False,
    ) -> "Policy":
        """A policy whose windows are written like `3/15m,5/h,10/d`. Raises ValueError for anything else."""
        return cls(name, windows(text), words, is_distinct, is_counted, is_volatile)

    def at_most(self, most: int) -> "Policy":
        """The same, with another figure in its only window."""
        (window,) = self.windows
        return self._replace(windows=(Window(most, window.seconds),))

    def halved(self) -> "Policy":
        """The same at half its figures; one at least."""
        return self._replace(windows=tuple(Window(max(1, most // 2), seconds) for most, seconds in self.windows))

    @property
    def longest(self) -> timedelta:
        """How long a use counts."""
        return timedelta(seconds=max(window.seconds for window in self.windows))


class Spend(NamedTuple):
    """One use of a policy: by whom, and of what."""

    policy: Policy
    subject: str
    tag: str = ""
    is_soft: bool = False  # when it is spent it refuses nothing, counts nothing, and is only told of


class Limited(Exception):
    """A policy is spent: nothing was taken from any."""

    def __init__(self, policy: Policy, retry_after: int) -> None:
        super().__init__(policy.name)
        self.policy, self.retry_after = policy, retry_after


def windows(text: str) -> tuple[Window, ...]:
    """The windows of `3/15m,5/h,10/d`. Raises ValueError for anything else."""
    found = []
    for part in text.replace(" ", "").split(","):
        match = WINDOW.fullmatch(part)
        if not match or not int(match[1]) or not int(match[2] or 1):
            raise ValueError("it must be like 3/15m,5/h,10/d")
        found.append(Window(int(match[1]), int(match[2] or 1) * UNITS[match[3]]))
    return tuple(found)


def rounded_up(seconds: float) -> int:
    """Seconds to wait, rounded so that they do not tell which limit it was: to 10 s, 60 s or 15 minutes."""
    grain = 10 if seconds <= 900 else 60 if seconds <= 3600 else 900
    return int(-(-seconds // grain) * grain)
