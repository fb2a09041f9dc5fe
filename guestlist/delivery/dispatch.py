"""A message made ready to go: everything is read now, so that sending it needs no database."""

import random
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

from django.utils import translation

from guestlist.delivery import models, outbox, rests, routing, rules
from guestlist.delivery.carrying import Carried, carry
from guestlist.delivery.gateways import NotSent, Outgoing, Unavailable
from guestlist.delivery.outbox import Ended, Message
from guestlist.delivery.routing import Way
from guestlist.lib import clock, sql

LATEST = 1000  # messages, among which are those whose fate a withheld one shares
SHORTEST = 0.5  # seconds that a withheld one takes when there are none
REPORTED_WITHIN = timedelta(minutes=1)

Sending = Callable[[], tuple[Ended, NotSent | None]]


class Fate(NamedTuple):
    """What became of another message: how long gateways took, whether one took it, and what was heard of it then."""

    took: float
    is_sent: bool
    heard: str = ""  # delivered or undelivered
    heard_after: float = 0.0


def ready(message: Message, content: str, failed_before: Sequence[str] = ()) -> Sending:
    """What sends this message when it is called, from any thread: how it ended, and the failure if it did not go out.

    One that is withheld takes as long as another one took, and goes nowhere.
    """
    if message.reason:
        fate = _fate_of_another(message)
        return lambda: _pretend(message, fate)
    ways = routing.ways(message.phone, message.region, message.channel)
    return along(message, content, routing.without(awake(ways), failed_before))


def awake(ways: Sequence[Way]) -> list[Way]:
    """Those of them whose gateways do not rest; none in front of the others that may not be asked yet."""
    now = clock.now()
    names = rests.awake([way.gateway.name for way in ways], now)
    found = [way for way in ways if way.gateway.name in names]
    while found and not rests.may_ask(found[0].gateway.name, now):
        found.pop(0)
    return found


def along(message: Message, content: str, ways: Sequence[Way]) -> Sending:
    """What sends this message by these ways, in their order. Whoever stood still for too long sends nothing."""
    with translation.override(message.language):
        text = outbox.kinds[message.kind].render(content)
    outgoing = Outgoing(
        phone=message.phone,
        text=text,
        code=content,
        language=message.language,
        lives=max(0, int((message.expires_at - clock.now()).total_seconds())),
        again=message.again,
    )

    def go() -> tuple[Ended, NotSent | None]:
        if clock.now() + timedelta(seconds=rules.DEADLINE) > message.held_until:
            return outbox.let_go(message, clock.now()), Unavailable("somebody else's by now")
        carried = carry(outgoing, ways, lambda way: _may_go_on(message, way))
        return _what_became(message, carried), carried.failure

    return go


def _may_go_on(message: Message, way: Way) -> bool | None:
    try:
        with sql.in_a_crowd():
            return rests.may_ask(way.gateway.name, clock.now()) if outbox.is_still_due(message) else None
    except sql.AWAY:
        return None  # what was tried so far is known, and shall be written down


def _what_became(message: Message, carried: Carried) -> Ended:
    now = clock.now()
    last = carried.tries[-1].gateway if carried.tries else ""
    if carried.receipt is None:
        return Ended(message, "failed", str(carried.failure), last, None, now, carried.tries)
    receipt = carried.receipt
    if receipt.arrives_in is None:
        return Ended(message, "sent", "", last, now, None, carried.tries)
    ends_at = now + timedelta(seconds=receipt.arrives_in)
    state = "failed" if receipt.undelivered else "delivered"
    return Ended(message, state, receipt.undelivered, last, now, ends_at, carried.tries)


def _fate_of_another(message: Message) -> Fate:
    """What became of one of the last messages that gateways were asked to carry: a quick or a sure answer would tell.

    Of those that are a minute old, of which most reports have come, if there are any. The same one each time that this
    one is tried.
    """
    now = clock.now()
    latest = sql.rows(models.LATEST, now - REPORTED_WITHIN, LATEST) or sql.rows(models.LATEST, now, LATEST)
    if not latest:
        return Fate(SHORTEST, True)
    state, *times = random.Random(message.reference).choice(latest)  # noqa: S311
    sent, ended, began, answered = (sql.maybe_moment(value) for value in times)
    took = (answered - began).total_seconds() if began and answered else SHORTEST
    heard = {"delivered": "delivered", "failed": "undelivered"}.get(state, "") if sent and ended else ""
    after = (ended - sent).total_seconds() if sent and ended and heard else 0.0
    return Fate(max(0.0, min(took, rules.DEADLINE)), sent is not None, heard, after)


def _pretend(message: Message, fate: Fate) -> tuple[Ended, NotSent | None]:
    time.sleep(fate.took)
    now = clock.now()
    if not fate.is_sent:
        return Ended(message, "withheld", message.reason, ended_at=now), NotSent(message.reason)
    ends_at = now + timedelta(seconds=fate.heard_after) if fate.heard else None
    return Ended(message, "withheld", message.reason, sent_at=now, ended_at=ends_at, fate=fate.heard), None
