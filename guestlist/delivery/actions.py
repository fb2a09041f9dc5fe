"""Accept a message inside the transaction that needs it; send it after that transaction, holding no connection."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.utils import translation

from guestlist.delivery import models
from guestlist.delivery.gateways import Gateway, NotSent, Outgoing
from guestlist.delivery.gateways.http import Http
from guestlist.delivery.gateways.simulated import Simulated
from guestlist.delivery.models import Message as Message  # what `accept` gives and `send` takes
from guestlist.lib import clock, metrics, sql
from guestlist.lib.refusals import Refusal

SENT = metrics.counter("messages_sent_total", "Messages that were tried, by what became of them.", ("gateway", "state"))
TOOK = metrics.histogram("message_duration_seconds", "How long a gateway took for a message.", ("gateway",))
RETRY_AFTER = 5  # seconds to wait for a place; a simulated send takes at most a few

gateway: Gateway = Simulated() if settings.IS_SANDBOX else Http()
LATEST = 1000  # messages, among which are those whose fate a withheld one shares
SHORTEST = 0.5  # seconds that a withheld one takes when there are none
_places = threading.BoundedSemaphore(settings.INLINE_WAITING)


class Arrived(NamedTuple):
    """A message in the sandbox's inbox."""

    id: int
    phone: str
    text: str
    at: datetime


_texts: dict[str, Callable[[str], str | None]] = {}


def tell(kind: str, text: Callable[[str], str | None]) -> None:
    """Called by a higher room at start: how messages of this kind read, given what they are about."""
    _texts[kind] = text


def is_sandbox() -> bool:
    """Whether the gateway only pretends, so that codes are shown."""
    return bool(settings.IS_SANDBOX)


@contextmanager
def waiting() -> Iterator[None]:
    """A place to wait for a gateway. There are fewer than threads, so profile and health never starve.

    Refuses with `delivery_failed` when all places are taken.
    """
    if not _places.acquire(blocking=False):
        raise Refusal("delivery_failed", retry_after=RETRY_AFTER)
    try:
        yield
    finally:
        _places.release()


def accept(kind: str, reference: str, phone: str, expires_at: datetime, withheld: str = "") -> Message:
    """Write down a message, in the caller's transaction. It is sent in the language in force now.

    One that is `withheld`, for a reason that operators read, looks like every other from outside and is never sent.
    """
    return Message.objects.create(
        kind=kind,
        reference=reference,
        phone=phone,
        language=translation.get_language() or settings.LANGUAGE_CODE,
        gateway=gateway.name,
        state="accepted",
        reason=withheld,
        created_at=clock.now(),
        expires_at=expires_at,
    )


def send(message: Message) -> str:
    """Send an accepted message, after its transaction; its state, `delivered` in the sandbox and `sent` when live.

    Refuses with `delivery_failed`.
    """
    with sql.in_a_crowd():
        text = _text(message.kind, message.reference, message.language)
    if text is None:
        raise Refusal("delivery_failed")
    try:
        with sql.out_of_the_crowd():
            _carry(message, text)
    except NotSent as failure:
        _end(message, "withheld" if message.reason else "failed", message.reason or str(failure)[:150])
        raise Refusal("delivery_failed", retry_after=RETRY_AFTER) from failure
    sent = "delivered" if is_sandbox() else "sent"
    _end(message, "withheld" if message.reason else sent, message.reason)
    return sent


def inbox(most: int, phone: str | None = None) -> list[Arrived]:
    """The newest messages of the sandbox, newest first, to one E.164 number or to all; their texts are made anew."""
    statement, values = (models.DELIVERED_TO, (phone, most)) if phone else (models.DELIVERED, (most,))
    arrived = []
    for id_, kind, reference, to, language, ended_at in sql.rows(statement, *values):
        text = _text(kind, reference, language)
        if text is not None:
            arrived.append(Arrived(id_, to, text, sql.moment(ended_at)))
    return arrived


def _carry(message: Message, text: str) -> None:
    if message.reason:
        _pretend(message)
        return
    with TOOK.labels(gateway.name).time():
        gateway.send(Outgoing(message.phone, text))


def _pretend(message: Message) -> None:
    """Take as long as one of the last real sends took, and fail as often: a quick or a sure answer would tell."""
    with sql.in_a_crowd():
        latest = sql.rows(models.LATEST, message.pk - LATEST)
    state, began, ended = random.choice(latest) if latest else ("sent", None, None)  # noqa: S311
    time.sleep((sql.moment(ended) - sql.moment(began)).total_seconds() if ended else SHORTEST)
    if state == "failed":
        raise NotSent(message.reason)


def _end(message: Message, state: str, reason: str = "") -> None:
    SENT.labels(message.gateway, state).inc()
    with sql.in_a_crowd():
        sql.change(models.END, state, reason, clock.now(), message.pk)


def delete_all() -> dict[str, int]:
    """Delete everything of this room, in the caller's transaction; how many rows of each kind. Only `golive` does."""
    return {name: sql.change(statement) for name, statement in models.DELETE_ALL.items()}


def _text(kind: str, reference: str, language: str) -> str | None:
    with translation.override(language):
        return _texts[kind](reference)
