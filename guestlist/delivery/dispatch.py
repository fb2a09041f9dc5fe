"""A message made ready to go: everything is read now, so that sending it needs no database."""

import random
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

from django.utils import translation

from guestlist.delivery import models, outbox, rests, routing, rules
from guestlist.delivery.carrying import Carried, carry
from guestlist.delivery.gateways import NotSent, Outgoing
from guestlist.delivery.outbox import Ended, Message
from guestlist.delivery.routing import Way
from guestlist.lib import clock, sql

LATEST = 1000  # messages, among which are those whose fate a withheld one shares
SHORTEST = 0.5  # seconds that a withheld one takes when there are none

Sending = Callable[[], tuple[Ended, NotSent | None]]


class Fate(NamedTuple):
    """What became of another message: seconds until it was sent or failed, and then until it arrived, if it did."""

    took: float
    is_sent: bool
    arrived_after: float | None


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
    """Those of them whose gateways do not rest."""
    names = rests.awake([way.gateway.name for way in ways], clock.now())
    return [way for way in ways if way.gateway.name in names]


def along(message: Message, content: str, ways: Sequence[Way]) -> Sending:
    """What sends this message by these ways, in their order."""
    with translation.override(message.language):
        text = outbox.kinds[message.kind].render(content)
    now = clock.now()
    outgoing = Outgoing(
        phone=message.phone,
        text=text,
        code=content,
        language=message.language,
        lives=max(0, int((message.expires_at - now).total_seconds())),
        again=message.again,
    )

    def go() -> tuple[Ended, NotSent | None]:
        carried = carry(outgoing, ways, lambda: outbox.is_still_due(message))
        return _what_became(message, carried), carried.failure

    return go


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
    """What became of one of the last real messages: a quick or a sure answer would tell."""
    latest = sql.rows(models.LATEST, message.id - LATEST)
    if not latest:
        return Fate(SHORTEST, True, None)
    began, sent, ended = (sql.maybe_moment(value) for value in random.choice(latest))  # noqa: S311
    over = sent or ended
    took = (over - began).total_seconds() if began and over else SHORTEST
    arrived_after = (ended - sent).total_seconds() if sent and ended else None
    return Fate(max(0.0, min(took, rules.DEADLINE)), sent is not None, arrived_after)


def _pretend(message: Message, fate: Fate) -> tuple[Ended, NotSent | None]:
    time.sleep(fate.took)
    now = clock.now()
    if not fate.is_sent:
        return Ended(message, "withheld", message.reason, "", None, now), NotSent(message.reason)
    arrives_at = None if fate.arrived_after is None else now + timedelta(seconds=fate.arrived_after)
    return Ended(message, "withheld", message.reason, "", now, arrives_at), None
