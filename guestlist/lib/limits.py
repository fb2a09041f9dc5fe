"""Limits: named policies of "so many in so long", taken all together or not at all, exact, and true about waiting.

A policy remembers each use within its longest window (a sliding log), so the n-th is allowed and the next is not,
and the time to wait is known to the second. It knows nothing of what is limited: subjects are texts.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from guestlist.lib import keys, usage

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

    @classmethod
    def of(cls, name: str, text: str, words: str, *, is_distinct: bool = False, is_counted: bool = False) -> "Policy":
        """A policy whose windows are written like `3/15m,5/h,10/d`. Raises ValueError for anything else."""
        return cls(name, windows(text), words, is_distinct, is_counted)

    def at_most(self, most: int) -> "Policy":
        """The same, with another figure in its only window."""
        (window,) = self.windows
        return self._replace(windows=(Window(most, window.seconds),))


class Spend(NamedTuple):
    """One use of a policy: by whom, and of what."""

    policy: Policy
    subject: str
    tag: str = ""


class Use(NamedTuple):
    """A use that is remembered: milliseconds since 1970, its tag, and whether it was given back."""

    at: int
    tag: str
    is_forgiven: bool


def is_on() -> bool:
    """Whether limits are enforced; the sandbox may relax them."""
    return bool(settings.LIMITS == "on")


def in_force(policies: Mapping[str, Policy]) -> dict[str, Policy]:
    """The policies, with windows from LIMIT_<NAME> where it is set. ImproperlyConfigured names what does not fit."""
    found = {}
    for policy in policies.values():
        text = settings.LIMIT_OVERRIDES.get(f"LIMIT_{policy.name}", "")
        try:
            found[policy.name] = policy._replace(windows=windows(text)) if text else policy
        except ValueError as error:
            raise ImproperlyConfigured(f"LIMIT_{policy.name} is {text!r}; {error}.") from error
    return found


def check_names(policies: Iterable[Policy]) -> None:
    """Refuse a LIMIT_<NAME> of which there is no policy: a limit that is misspelt is a limit that is off."""
    names = {f"LIMIT_{policy.name}" for policy in policies}
    for name in settings.LIMIT_OVERRIDES:
        if name not in names:
            raise ImproperlyConfigured(f"{name} is no limit; there are: {', '.join(sorted(names))}.")


class Limited(Exception):
    """A policy is spent: nothing was taken from any."""

    def __init__(self, policy: Policy, retry_after: int) -> None:
        super().__init__(policy.name)
        self.policy, self.retry_after = policy, retry_after


class Allowance(NamedTuple):
    """What a window still allows: so many, and the seconds until its oldest use is forgotten."""

    left: int
    reset: int
    window: Window


class Slot(NamedTuple):
    """A row: of a spend, or of one window of a counted one."""

    id: str
    spend: Spend
    windows: tuple[Window, ...]

    @property
    def longest(self) -> int:
        """Seconds that a use counts."""
        return max(window.seconds for window in self.windows)

    def ends_at(self, now: datetime) -> datetime:
        """When the row, used now, says nothing any more."""
        return now + timedelta(seconds=self.longest)


def windows(text: str) -> tuple[Window, ...]:
    """The windows of `3/15m,5/h,10/d`. Raises ValueError for anything else."""
    found = []
    for part in text.replace(" ", "").split(","):
        match = WINDOW.fullmatch(part)
        if not match or not int(match[1]) or not int(match[2] or 1):
            raise ValueError("it must be like 3/15m,5/h,10/d")
        found.append(Window(int(match[1]), int(match[2] or 1) * UNITS[match[3]]))
    return tuple(found)


def take(spends: Sequence[Spend], now: datetime, secret: bytes) -> None:
    """Use each policy once, or raise Limited and use none. In the caller's transaction, locking in the order given."""
    slots = [slot for spend in spends for slot in _slots(spend, now, secret)]
    remembered = usage.lock([slot.id for slot in slots], now)
    waits = [(_wait(slot, remembered[slot.id], now), slot.spend.policy) for slot in slots]
    seconds, policy = max(waits, key=lambda found: found[0])
    if seconds > 0:
        raise Limited(policy, rounded_up(seconds))
    usage.write([(slot.id, _one_more(slot, remembered[slot.id], now), slot.ends_at(now)) for slot in slots])


def would_wait(spends: Sequence[Spend], now: datetime, secret: bytes) -> float:
    """Seconds until `take` would allow these; 0 when it would now. Takes nothing, locks nothing."""
    slots = [slot for spend in spends for slot in _slots(spend, now, secret)]
    found = usage.read([slot.id for slot in slots])
    return max(_wait(slot, found.get(slot.id, ""), now) for slot in slots)


def left(spend: Spend, now: datetime, secret: bytes) -> Allowance:
    """What this spend's tightest window still allows. For policies that are neither distinct nor counted."""
    (slot,) = _slots(spend, now, secret)
    uses = _uses(usage.read([slot.id]).get(slot.id, ""))
    found = []
    for window in slot.windows:
        counted = [use for use in _recent(uses, window, now) if not use.is_forgiven]
        reset = -(-(counted[0].at + window.seconds * 1000 - _millis(now)) // 1000) if counted else 0
        found.append(Allowance(max(0, window.most - len(counted)), reset, window))
    return min(found, key=lambda allowance: (allowance.left, -allowance.reset))


def forgive(spends: Sequence[Spend], now: datetime, secret: bytes) -> None:
    """Give back the newest use with each spend's tag. Forgiven ones still count to three times the policy's figures."""
    _undo(spends, now, secret, lambda use: [use._replace(is_forgiven=True)])


def take_back(spends: Sequence[Spend], now: datetime, secret: bytes) -> None:
    """Undo the newest use with each spend's tag, wholly: of a try that was taken first and turned out not to count."""
    _undo(spends, now, secret, lambda use: [])


def rounded_up(seconds: float) -> int:
    """Seconds to wait, rounded so that they do not tell which limit it was: to 10 s, 60 s or 15 minutes."""
    grain = 10 if seconds <= 900 else 60 if seconds <= 3600 else 900
    return int(-(-seconds // grain) * grain)


def _undo(spends: Sequence[Spend], now: datetime, secret: bytes, undone: Callable[[Use], list[Use]]) -> None:
    slots = [slot for spend in spends for slot in _slots(spend, now, secret)]
    remembered = usage.lock([slot.id for slot in slots], now)
    changes = []
    for slot in slots:
        uses = _uses(remembered[slot.id])
        mine = [index for index, use in enumerate(uses) if use.tag == slot.spend.tag and not use.is_forgiven]
        if mine:
            uses[mine[-1] : mine[-1] + 1] = undone(uses[mine[-1]])
            changes.append((slot.id, _text(uses), slot.ends_at(now)))
    usage.write(changes)


def _slots(spend: Spend, now: datetime, secret: bytes) -> list[Slot]:
    policy = spend.policy
    if not policy.is_counted:
        return [Slot(keys.mac(secret, policy.name, spend.subject).hex(), spend, policy.windows)]
    return [
        Slot(keys.mac(secret, policy.name, spend.subject, str(window.seconds), str(number)).hex(), spend, (window,))
        for window in policy.windows
        for number in [int(now.timestamp()) // window.seconds]
    ]


def _wait(slot: Slot, remembered: str, now: datetime) -> float:
    if slot.spend.policy.is_counted:
        (window,) = slot.windows
        is_spent = int(remembered or 0) >= window.most
        return window.seconds - now.timestamp() % window.seconds if is_spent else 0.0
    longest, uses = 0.0, _uses(remembered)
    for window in slot.windows:
        recent = _recent(uses, window, now)
        for some, most in ([use for use in recent if not use.is_forgiven], window.most), (recent, 3 * window.most):
            blocking = _blocking(some, slot.spend, most)
            if blocking is not None:
                longest = max(longest, (blocking.at - _millis(now)) / 1000 + window.seconds)
    return longest


def _one_more(slot: Slot, remembered: str, now: datetime) -> str:
    if slot.spend.policy.is_counted:
        return str(int(remembered or 0) + 1)
    longest = Window(0, slot.longest)
    return _text([*_recent(_uses(remembered), longest, now), Use(_millis(now), slot.spend.tag, False)])


def _blocking(uses: list[Use], spend: Spend, most: int) -> Use | None:
    """The use that must be forgotten before another one fits; None when it fits now."""
    if not spend.policy.is_distinct:
        return uses[-most] if len(uses) >= most else None
    newest = {use.tag: use for use in uses}
    if spend.tag in newest or len(newest) < most:
        return None
    return sorted(newest.values())[-most]


def _recent(uses: Iterable[Use], window: Window, now: datetime) -> list[Use]:
    oldest = _millis(now) - window.seconds * 1000
    return [use for use in uses if use.at > oldest]


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _uses(text: str) -> list[Use]:
    """Read `1790000000000,1790000000001:tag,1790000000002:tag:-`: time, tag, and a dash when it was given back."""
    found = []
    for part in text.split(",") if text else []:
        at, _, rest = part.partition(":")
        tag, _, mark = rest.partition(":")
        found.append(Use(int(at), tag, mark == "-"))
    return found


def _text(uses: Iterable[Use]) -> str:
    return ",".join(f"{use.at}:{use.tag}:{'-' if use.is_forgiven else ''}".rstrip(":") for use in uses)
