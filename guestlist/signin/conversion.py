"""Which codes are confirmed, and what to pause when too few are. Pure: rows, pauses and the time are given."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from guestlist.signin import rules

WINDOW = timedelta(minutes=30)
LEAST_CODES = 50  # fewer say nothing
BAD_SHARE, ALARM_SHARE = 0.20, 0.35  # confirmed, at most
UNANSWERED = 3  # codes of one address, or to one prefix, from which on it is a source of them
SHORTEST, LONGEST = timedelta(minutes=15), timedelta(hours=4)
GOOD_FOR = timedelta(hours=1)  # after so long without a pause the next one is a short one again


class Scopes(NamedTuple):
    """What an ask can be paused by; their names stand in the rows of pauses."""

    region: str
    address: str  # empty: nobody knows
    prefix: str  # the number without its last 4 digits


class Code(NamedTuple):
    """A code to an unknown device."""

    scopes: Scopes
    asked_at: datetime
    is_confirmed: bool


class Pause(NamedTuple):
    """The last pause of a scope: when it ended or ends, and how long it was."""

    ends_at: datetime
    seconds: int


class Tally(NamedTuple):
    """So many codes counted, so many of them confirmed."""

    asked: int
    confirmed: int

    def is_at_most(self, share: float) -> bool:
        """Whether there are enough codes to judge, and no more than this share was confirmed."""
        return self.asked >= LEAST_CODES and self.confirmed <= share * self.asked


class Begun(NamedTuple):
    """A pause that is to begin, and what it is for."""

    scope: str
    seconds: int
    tally: Tally


class Judgement(NamedTuple):
    """What was seen of a region, whether it is worth an alarm, and the pauses to begin, worst first."""

    tally: Tally
    is_low: bool
    pauses: list[Begun]


def scopes(phone: str, region: str, source: str) -> Scopes:
    """The scopes of an ask: `region:KZ`, `address:KZ:203.0.113.7` and `prefix:+7701123`."""
    return Scopes(f"region:{region}", f"address:{region}:{source}" if source else "", f"prefix:{phone[:-4]}")


def judge(region: str, codes: Sequence[Code], pauses: Mapping[str, Pause], now: datetime) -> Judgement:
    """Judge the codes of a region's scope by the last pauses of it and of its addresses and prefixes.

    Addresses and prefixes are set aside first; the region is paused only when the rest is bad as well.
    """
    last = pauses.get(region)
    is_paused = last is not None and last.ends_at > now
    since = now - WINDOW if last is None or is_paused else max(now - WINDOW, last.ends_at)
    seen = [code for code in codes if code.asked_at > since and _counts(code, now) and not _is_settled(code, pauses)]
    whole = _tally(seen)
    if not whole.is_at_most(BAD_SHARE):
        return Judgement(whole, whole.is_at_most(ALARM_SHARE), [])
    sources = {**_sources(seen, lambda code: code.scopes.address), **_sources(seen, lambda code: code.scopes.prefix)}
    rest = _tally([code for code in seen if not sources.keys() & {code.scopes.address, code.scopes.prefix}])
    bad = sorted(sources.items(), key=lambda found: found[1].confirmed - found[1].asked)
    if rest.is_at_most(BAD_SHARE) and not is_paused:
        bad.insert(0, (region, rest))
    return Judgement(whole, True, [Begun(scope, _seconds(pauses.get(scope), now), tally) for scope, tally in bad])


def _counts(code: Code, now: datetime) -> bool:
    return code.is_confirmed or now - code.asked_at >= rules.LIFETIME


def _is_settled(code: Code, pauses: Mapping[str, Pause]) -> bool:
    """Whether its address or its prefix has been paused for it; then it is held against nobody again."""
    found = (pauses.get(scope) for scope in (code.scopes.address, code.scopes.prefix))
    return any(pause is not None and code.asked_at <= pause.ends_at for pause in found)


def _sources(codes: Iterable[Code], scope: Callable[[Code], str]) -> dict[str, Tally]:
    grouped: dict[str, list[Code]] = {}
    for code in codes:
        grouped.setdefault(scope(code), []).append(code)
    tallies = {name: _tally(some) for name, some in grouped.items() if name}
    return {name: tally for name, tally in tallies.items() if _is_source(tally)}


def _is_source(tally: Tally) -> bool:
    """Whether it looks like the attack itself: thousands of people may share an address behind a mobile operator."""
    return tally.asked - tally.confirmed >= UNANSWERED and tally.confirmed <= BAD_SHARE * tally.asked


def _tally(codes: Sequence[Code]) -> Tally:
    return Tally(len(codes), sum(code.is_confirmed for code in codes))


def _seconds(last: Pause | None, now: datetime) -> int:
    """How long the next pause is: twice the last one, if that ended within the good hour."""
    shortest, longest = int(SHORTEST.total_seconds()), int(LONGEST.total_seconds())
    if last is None or now - last.ends_at >= GOOD_FOR:
        return shortest
    return min(longest, max(shortest, 2 * last.seconds))
