"""One message on its way: gateway after gateway until one takes it. What it must know on the way, it asks."""

import logging
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from guestlist.delivery import rules
from guestlist.delivery.gateways import NotSent, Outgoing, Receipt, Unavailable
from guestlist.delivery.routing import Way
from guestlist.lib import clock, metrics

ASKED = metrics.counter(
    "gateway_asked_total", "Times that a gateway was asked to carry a message.", ("gateway", "state")
)
TOOK = metrics.histogram("message_duration_seconds", "How long a gateway took for a message.", ("gateway",))

LONGEST_ID, LONGEST_CURRENCY = 64, 8  # characters
PLACES, MOST = 5, Decimal(10**7)  # as prices are kept

log = logging.getLogger("guestlist.delivery")


class Try(NamedTuple):
    """A gateway was asked: sent, maybe (nobody knows), or failed."""

    gateway: str
    channel: str
    state: str
    reason: str
    receipt: Receipt
    began_at: datetime
    ended_at: datetime
    is_its_fault: bool


class Carried(NamedTuple):
    """What became of a message: the gateways that were asked, the receipt of the one that took it, else the failure."""

    tries: list[Try]
    receipt: Receipt | None
    failure: NotSent | None


def carry(message: Outgoing, ways: Sequence[Way], may_go_on: Callable[[Way], bool | None]) -> Carried:
    """Ask one gateway after the other, within DEADLINE seconds in all.

    A number that none would reach ends it at once. A time-out may have sent it; the next one carries the same code.
    Before each but the first `may_go_on` is asked: no means that this one may not be asked, None that none may.
    """
    tries: list[Try] = []
    failure: NotSent = Unavailable("all rest")
    began = time.monotonic()
    for index, way in enumerate(ways):
        may = may_go_on(way) if index else True
        left = rules.DEADLINE - (time.monotonic() - began)
        if may is None or (index and left < rules.LEAST):
            break
        if not may:
            continue
        tried, error = _try(message._replace(channel=way.channel), way, rules.seconds_for(len(ways) - index - 1, left))
        tries.append(tried)
        if error is None:
            return Carried(tries, tried.receipt, None)
        failure = error
        if error.is_final:
            break
    return Carried(tries, None, failure)


def _try(message: Outgoing, way: Way, seconds: float) -> tuple[Try, NotSent | None]:
    name, began_at = way.gateway.name, clock.now()
    error: NotSent | None = None
    receipt = Receipt()
    with TOOK.labels(name).time():
        try:
            receipt = _clean(way.gateway.send(message, seconds))
        except NotSent as not_sent:
            error = not_sent
        except Exception as bug:  # of an adapter's: the next gateway is asked, and no word of it may hold the text
            log.error("the gateway %s broke: %s in line %s", name, type(bug).__name__, _line(bug))
            error = NotSent("a fault of ours", type(bug).__name__)
    state = "sent" if error is None else "maybe" if error.maybe_sent else "failed"
    ASKED.labels(name, state).inc()
    reason = str(error) if error else ""
    is_its_fault = error is not None and error.is_its_fault
    return Try(name, way.channel, state, reason, receipt, began_at, clock.now(), is_its_fault), error


def _clean(receipt: Receipt) -> Receipt:
    """What a provider has said, as every database takes it."""
    price = receipt.price
    is_price = price is not None and price.is_finite() and abs(price) < MOST
    return receipt._replace(
        id=_plain(receipt.id)[:LONGEST_ID],
        currency=_plain(receipt.currency)[:LONGEST_CURRENCY],
        price=round(price, PLACES) if price is not None and is_price else None,
    )


def _plain(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable() and letter.isascii())


def _line(bug: Exception) -> str:
    found = traceback.extract_tb(bug.__traceback__)[-1]
    return f"{found.lineno} of {found.name}"
