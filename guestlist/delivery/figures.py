"""What operators watch of delivery: what waits, and which gateways rest."""

from datetime import datetime
from typing import NamedTuple

from guestlist.delivery import models
from guestlist.lib import clock, sql
from guestlist.lib.metrics import gauge


class Queue(NamedTuple):
    """Messages that are due and that nobody has taken up: how many, and for how many seconds the oldest one is."""

    number: int
    seconds: float


class Resting(NamedTuple):
    """A gateway that nobody asks for now: how often in a row it failed, and until when."""

    gateway: str
    failures: int
    until: datetime


def queue(now: datetime) -> Queue:
    """What waits."""
    number, oldest = sql.rows(models.WAITING, now)[0]
    return Queue(int(number), max(0.0, (now - sql.moment(oldest)).total_seconds()) if number else 0.0)


def resting(now: datetime) -> list[Resting]:
    """The gateways that rest, by name."""
    rows = [(name, failures, sql.maybe_moment(until)) for name, failures, until in sql.rows(models.RESTS)]
    return sorted(Resting(name, failures, until) for name, failures, until in rows if until and until > now)


def show() -> None:
    """Put the room's figures among the metrics."""
    gauge(
        "messages_waiting",
        "Messages that are due and that nobody has taken up.",
        lambda: queue(clock.now()).number,
    )
    gauge(
        "messages_waiting_seconds",
        "How long the oldest of them has been due; 0 when there is none.",
        lambda: queue(clock.now()).seconds,
    )
    gauge(
        "gateways_resting",
        "Gateways that nobody asks for a while, because they failed too often in a row.",
        lambda: len(resting(clock.now())),
    )
