"""One message on its way: gateway after gateway until one takes it. Speaks to providers, and to no database."""

import logging
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from guestlist.delivery import rules
from guestlist.delivery.gateways import NotSent, Outgoing, Receipt, Unavailable
from guestlist.delivery.routing import Way
from guestlist.lib import clock, metrics

ASKED = metrics.counter(
    "gateway_asked_total", "Times that a gateway was asked to carry a message.", ("gateway", "state")
)
TOOK = metrics.histogram("message_duration_seconds", "How long a gateway took for a message.", ("gateway",))

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


def carry(message: Outgoing, ways: Sequence[Way], is_due: Callable[[], bool] = lambda: True) -> Carried:
    """Ask one gateway after the other, within DEADLINE seconds in all.

    A number that none would reach ends it at once. A time-out may have sent it; the next one carries the same code.
    Before each but the first it is asked whether the message is still due.
    """
    tries: list[Try] = []
    failure: NotSent = Unavailable("all rest")
    began = time.monotonic()
    for index, way in enumerate(ways):
        left = rules.DEADLINE - (time.monotonic() - began)
        if tries and (left < rules.LEAST or not is_due()):
            break
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
            receipt = way.gateway.send(message, seconds)
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


def _line(bug: Exception) -> str:
    found = traceback.extract_tb(bug.__traceback__)[-1]
    return f"{found.lineno} of {found.name}"
