"""Limits at work: policies taken all together or not at all, exact, and true about waiting.

They are counted in SQL, in the caller's transaction. With REDIS_URL those that may be forgotten are counted in Redis,
before that transaction: `holding` stands around it. It knows nothing of what is limited: subjects are texts.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from guestlist.lib import sliding_log, sql, usage, volatile
from guestlist.lib.policy import Limited as Limited
from guestlist.lib.policy import Policy as Policy
from guestlist.lib.policy import Spend as Spend
from guestlist.lib.policy import rounded_up as rounded_up
from guestlist.lib.policy import windows as windows
from guestlist.lib.sliding_log import Allowance as Allowance

Undo = Callable[[sliding_log.Use], list[sliding_log.Use]]


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


class Holding(NamedTuple):
    """What is still to be taken in SQL, and the names of soft policies that are spent already."""

    rest: list[Spend]
    passed: list[str]


class Taken(NamedTuple):
    """What `take` saw: soft policies that are spent, how often each counted one is used in its longest window.

    And what SQL remembers now, which need not be read again to tell what is left.
    """

    passed: list[str]
    counted: dict[str, int]
    texts: Mapping[str, str]


NOTHING_TAKEN = Taken([], {}, {})


@contextmanager
def holding(spends: Sequence[Spend], now: datetime, secret: bytes) -> Iterator[Holding]:
    """Take in Redis what is counted there, and yield what is still to be taken by the transaction in this block.

    Whatever leaves the block as an exception gives back what was taken here: together or not at all, as with SQL alone.
    It stands around a transaction, never inside one. Raises Limited, whose wait is that of all these spends.
    """
    held, passed = _in_redis(spends), list[str]()
    if not held:
        yield Holding(list(spends), passed)
        return
    slots = sliding_log.slots(held, now, secret)

    def one_more(found: Mapping[str, str]) -> list[sliding_log.Change]:
        passed[:] = sliding_log.passed(slots, found, now)  # of the last round, which is the one that counts
        return sliding_log.taken(slots, found, now)

    try:
        has_taken = volatile.rewrite(_ids(slots), now, one_more)
    except Limited as spent:
        also = _refusal(_in_sql(spends, now), now, secret)
        raise max([spent, *also], key=lambda limited: limited.retry_after) from None
    try:
        yield Holding(_in_sql(spends, now), passed)
    except BaseException:
        if has_taken:
            _undo_in_redis([spend for spend in held if spend.policy.name not in passed], now, secret, sliding_log.gone)
        raise


def take(spends: Sequence[Spend], now: datetime, secret: bytes) -> Taken:
    """Use each policy once, or raise Limited and use none. In the caller's transaction, locking in the order given."""
    slots = sliding_log.slots(spends, now, secret)
    remembered = usage.lock(_ids(slots), now)
    changes = sliding_log.taken(slots, remembered, now)
    usage.write(changes)
    texts = {**remembered, **{change.id: change.text for change in changes}}
    return Taken(sliding_log.passed(slots, remembered, now), sliding_log.counts(slots, changes), texts)


def would_wait(spends: Sequence[Spend], now: datetime, secret: bytes, taken: Taken = NOTHING_TAKEN) -> float:
    """Seconds until all of these would be allowed; 0 when they would now. Takes nothing, locks nothing.

    What was `taken` a moment ago is not read again.
    """
    kept, held = _in_sql(spends, now), _in_redis(spends)
    slots = sliding_log.slots(kept, now, secret)
    found = _known_or_read(slots, taken)
    waits = [sliding_log.wait(slot, found.get(slot.id, ""), now) for slot in slots]
    if held:
        slots = sliding_log.slots(held, now, secret)
        texts = volatile.read(_ids(slots), now) or {}
        waits += [sliding_log.wait(slot, texts.get(slot.id, ""), now) for slot in slots]
    return max(waits, default=0.0)


def left(spend: Spend, now: datetime, secret: bytes, taken: Taken = NOTHING_TAKEN) -> Allowance:
    """What this spend's tightest window still allows. For policies that are neither distinct nor counted."""
    found = []
    for held in _in_redis([spend]):
        (slot,) = sliding_log.slots([held], now, secret)
        texts = volatile.read([slot.id], now)
        found += [sliding_log.allowance(slot, texts[slot.id], now)] if texts else []
    for kept in _in_sql([spend], now):
        (slot,) = sliding_log.slots([kept], now, secret)
        with sql.in_a_crowd():
            text = _known_or_read([slot], taken).get(slot.id, "")
        found.append(sliding_log.allowance(slot, text, now))
    return sliding_log.tightest(found)


def used(spend: Spend, now: datetime, secret: bytes) -> int:
    """How often this spend's policy was used in its window of the clock. For counted policies with one window."""
    (slot,) = sliding_log.slots([spend], now, secret)
    return int(usage.read([slot.id]).get(slot.id) or 0)


def forgive(
    spends: Sequence[Spend], now: datetime, secret: bytes, also: Sequence[Spend] = (), at: Spend | None = None
) -> None:
    """Give back the newest use with each spend's tag, in SQL, in the caller's transaction; then `forgive_held`.

    Forgiven ones still count to three times the policy's figures. `also` others, at the price of one use of `at`: not
    when that is spent.
    """
    price = sliding_log.slots([at] if at else [], now, secret)
    bought = sliding_log.slots(also, now, secret)
    free = sliding_log.slots(_in_sql(spends, now), now, secret)
    if not (slots := [*price, *bought, *free]):
        return
    remembered = usage.lock(_ids(slots), now)
    if price and sliding_log.refusal(price, remembered, now) is None:
        paid = sliding_log.taken(price, remembered, now)
        usage.write([*paid, *sliding_log.undone([*bought, *free], remembered, now, sliding_log.forgiven)])
    else:
        usage.write(sliding_log.undone(free, remembered, now, sliding_log.forgiven))


def forgive_held(spends: Sequence[Spend], now: datetime, secret: bytes) -> None:
    """The same in Redis, after the transaction. Nothing is refused: what cannot be given back stays counted."""
    _undo_in_redis(_in_redis(spends), now, secret, sliding_log.forgiven)


def take_back(spends: Sequence[Spend], now: datetime, secret: bytes) -> None:
    """Undo the newest use with each spend's tag, wholly: of a try that was taken first and turned out not to count."""
    _undo(spends, now, secret, sliding_log.gone)


def _in_redis(spends: Iterable[Spend]) -> list[Spend]:
    return [spend for spend in spends if volatile.is_in_use() and spend.policy.is_volatile]


def _in_sql(spends: Iterable[Spend], now: datetime) -> list[Spend]:
    """What SQL has to count: of what is counted in Redis nothing, or half while Redis is not to be trusted."""
    if not volatile.is_in_use():
        return list(spends)
    found = []
    for spend in spends:
        if not spend.policy.is_volatile:
            found.append(spend)
        elif not volatile.is_trusted(spend.policy.longest, now):
            found.append(spend._replace(policy=spend.policy.halved()))
    return found


def _refusal(spends: Sequence[Spend], now: datetime, secret: bytes) -> list[Limited]:
    if not spends:
        return []
    slots = sliding_log.slots(spends, now, secret)
    spent = sliding_log.refusal(slots, usage.read(_ids(slots)), now)
    return [spent] if spent else []


def _known_or_read(slots: Sequence[sliding_log.Slot], taken: Taken) -> Mapping[str, str]:
    unknown = [slot.id for slot in slots if slot.id not in taken.texts]
    return {**taken.texts, **usage.read(unknown)} if unknown else taken.texts


def _undo(spends: Sequence[Spend], now: datetime, secret: bytes, undo: Undo) -> None:
    slots = sliding_log.slots(spends, now, secret)
    if slots:
        usage.write(sliding_log.undone(slots, usage.lock(_ids(slots), now), now, undo))


def _undo_in_redis(spends: Sequence[Spend], now: datetime, secret: bytes, undo: Undo) -> None:
    slots = sliding_log.slots(spends, now, secret)
    if slots:
        with suppress(*sql.AWAY):  # on the way out of something else, which it must not take the place of
            volatile.rewrite(_ids(slots), now, lambda found: sliding_log.undone(slots, found, now, undo))


def _ids(slots: Iterable[sliding_log.Slot]) -> list[str]:
    return [slot.id for slot in slots]
