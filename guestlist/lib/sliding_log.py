"""The arithmetic of limits: a sliding log of uses as a text, the same wherever the texts are kept.

Each use within a policy's longest window is remembered, so the n-th is allowed and the next is not, and the time to
wait is known to the second. Pure: the texts, the time and the secret are given.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from guestlist.lib import keys
from guestlist.lib.policy import Limited, Spend, Window, rounded_up


class Use(NamedTuple):
    """A use that is remembered: milliseconds since 1970, its tag, and whether it was given back."""

    at: int
    tag: str
    is_forgiven: bool


class Allowance(NamedTuple):
    """What a window still allows: so many, and the seconds until its oldest use is forgotten."""

    left: int
    reset: int
    window: Window


class Change(NamedTuple):
    """What is to be remembered under an id, and when it says nothing any more."""

    id: str
    text: str
    ends_at: datetime


class Slot(NamedTuple):
    """A place where uses are remembered: of a spend, or of one window of a counted one."""

    id: str
    spend: Spend
    windows: tuple[Window, ...]

    def change(self, text: str, now: datetime) -> Change:
        """Remember this text here."""
        return Change(self.id, text, now + timedelta(seconds=max(window.seconds for window in self.windows)))


def slots(spends: Iterable[Spend], now: datetime, secret: bytes) -> list[Slot]:
    """Where these spends are remembered, in their order; under a MAC, so that the store tells nobody of whom."""
    return [slot for spend in spends for slot in _slots(spend, now, secret)]


def taken(slots: Sequence[Slot], remembered: Mapping[str, str], now: datetime) -> list[Change]:
    """One use more everywhere. Raises Limited, by the policy that makes wait longest, when one is spent.

    Soft ones that are spent are left out.
    """
    if (spent := refusal(slots, remembered, now)) is not None:
        raise spent
    left_out = passed(slots, remembered, now)
    used = [slot for slot in slots if slot.spend.policy.name not in left_out]
    return [slot.change(_one_more(slot, remembered.get(slot.id, ""), now), now) for slot in used]


def refusal(slots: Sequence[Slot], remembered: Mapping[str, str], now: datetime) -> Limited | None:
    """The refusal that `taken` raises, if it does."""
    hard = [slot for slot in slots if not slot.spend.is_soft]
    waits = [(wait(slot, remembered.get(slot.id, ""), now), slot.spend.policy) for slot in hard]
    seconds, policy = max(waits, key=lambda found: found[0], default=(0.0, None))
    return Limited(policy, rounded_up(seconds)) if policy and seconds > 0 else None


def passed(slots: Sequence[Slot], remembered: Mapping[str, str], now: datetime) -> list[str]:
    """The names of soft policies that are spent."""
    soft = [slot for slot in slots if slot.spend.is_soft]
    return [slot.spend.policy.name for slot in soft if wait(slot, remembered.get(slot.id, ""), now) > 0]


def counts(slots: Sequence[Slot], changes: Iterable[Change]) -> dict[str, int]:
    """How often each counted policy is used in its longest window after these changes, by its name."""
    texts = {change.id: change.text for change in changes}
    counted = [slot for slot in slots if slot.spend.policy.is_counted and slot.id in texts]
    by_length = sorted(counted, key=lambda slot: slot.windows[0].seconds)
    return {slot.spend.policy.name: int(texts[slot.id]) for slot in by_length}


def undone(
    slots: Sequence[Slot], remembered: Mapping[str, str], now: datetime, undo: Callable[[Use], list[Use]]
) -> list[Change]:
    """The newest use with each spend's tag replaced by what `undo` makes of it: nothing, or a forgiven one."""
    changes = []
    for slot in slots:
        text = remembered.get(slot.id, "")
        if slot.spend.policy.is_counted:
            changes += [slot.change(str(int(text) - 1), now)] if int(text or 0) else []
            continue
        uses = _uses(text)
        mine = [index for index, use in enumerate(uses) if use.tag == slot.spend.tag and not use.is_forgiven]
        if mine:
            uses[mine[-1] : mine[-1] + 1] = undo(uses[mine[-1]])
            changes.append(slot.change(_text(uses), now))
    return changes


def forgiven(use: Use) -> list[Use]:
    """Given back: it only counts to three times the policy's figures any more."""
    return [use._replace(is_forgiven=True)]


def gone(_: Use) -> list[Use]:
    """Undone wholly."""
    return []


def wait(slot: Slot, remembered: str, now: datetime) -> float:
    """Seconds until another use fits; 0 when it fits now."""
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


def allowance(slot: Slot, remembered: str, now: datetime) -> Allowance:
    """What the tightest window still allows. For policies that are neither distinct nor counted."""
    uses = _uses(remembered)
    found = []
    for window in slot.windows:
        counted = [use for use in _recent(uses, window, now) if not use.is_forgiven]
        reset = -(-(counted[0].at + window.seconds * 1000 - _millis(now)) // 1000) if counted else 0
        found.append(Allowance(max(0, window.most - len(counted)), reset, window))
    return tightest(found)


def tightest(allowances: Iterable[Allowance]) -> Allowance:
    """The one that allows least, and for longest."""
    return min(allowances, key=lambda allowance: (allowance.left, -allowance.reset))


def _slots(spend: Spend, now: datetime, secret: bytes) -> list[Slot]:
    policy = spend.policy
    if not policy.is_counted:
        return [Slot(keys.mac(secret, policy.name, spend.subject).hex(), spend, policy.windows)]
    return [
        Slot(keys.mac(secret, policy.name, spend.subject, str(window.seconds), str(number)).hex(), spend, (window,))
        for window in policy.windows
        for number in [int(now.timestamp()) // window.seconds]
    ]


def _one_more(slot: Slot, remembered: str, now: datetime) -> str:
    if slot.spend.policy.is_counted:
        return str(int(remembered or 0) + 1)
    longest = Window(0, max(window.seconds for window in slot.windows))
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
