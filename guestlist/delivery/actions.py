"""Accept a message inside the transaction that needs it; send it after that transaction, holding no connection."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.utils import translation

from guestlist.delivery import models
from guestlist.delivery.gateways import Gateway, NotSent, Outgoing
from guestlist.delivery.gateways.simulated import Simulated
from guestlist.lib import clock, sql
from guestlist.lib.refusals import Refusal

RETRY_AFTER = 5  # seconds to wait for a place; a simulated send takes at most a few

gateway: Gateway = Simulated()
_places = threading.BoundedSemaphore(settings.INLINE_WAITING)


class Kind(NamedTuple):
    """What a higher room told about one kind of message: how it reads, and whether it is still to be sent."""

    text: Callable[[str], str | None]
    is_due: Callable[[str], bool]


class Arrived(NamedTuple):
    """A message in the sandbox's inbox."""

    id: int
    phone: str
    text: str
    at: datetime


_kinds: dict[str, Kind] = {}


def tell(kind: str, *, text: Callable[[str], str | None], is_due: Callable[[str], bool]) -> None:
    """Called by a higher room at start: how messages of this kind read, and whether one is still due."""
    _kinds[kind] = Kind(text, is_due)


def is_sandbox() -> bool:
    """Whether the gateway only pretends, so that codes are shown."""
    return gateway.name == "simulated"


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


def accept(kind: str, reference: str, phone: str, expires_at: datetime) -> int:
    """Write down a message, in the caller's transaction; its id. It is sent in the language in force now."""
    message = models.Message.objects.create(
        kind=kind,
        reference=reference,
        phone=phone,
        language=translation.get_language() or settings.LANGUAGE_CODE,
        gateway=gateway.name,
        state="accepted",
        created_at=clock.now(),
        expires_at=expires_at,
    )
    return int(message.pk)


def send(message_id: int) -> str:
    """Send an accepted message, after its transaction; its state, `delivered`. Refuses with `delivery_failed`."""
    outgoing = _due(message_id)
    sql.let_go()
    if outgoing is None:
        raise Refusal("delivery_failed")
    try:
        gateway.send(outgoing)
    except NotSent as failure:
        sql.change(models.END, "failed", str(failure)[:150], clock.now(), message_id)
        raise Refusal("delivery_failed", retry_after=RETRY_AFTER) from failure
    sql.change(models.END, "delivered", "", clock.now(), message_id)
    return "delivered"


def inbox(most: int, phone: str | None = None) -> list[Arrived]:
    """The newest messages of the sandbox, newest first, to one E.164 number or to all; their texts are made anew."""
    statement, values = (models.DELIVERED_TO, (phone, most)) if phone else (models.DELIVERED, (most,))
    arrived = []
    for id_, kind, reference, to, language, ended_at in sql.rows(statement, *values):
        text = _text(kind, reference, language)
        if text is not None:
            arrived.append(Arrived(id_, to, text, sql.moment(ended_at)))  # type: ignore[arg-type]
    return arrived


def _due(message_id: int) -> Outgoing | None:
    found = sql.row(models.TO_SEND, message_id)
    if found is None:
        return None
    kind, reference, phone, language, expires_at = found
    if (sql.moment(expires_at) or clock.now()) <= clock.now() or not _kinds[kind].is_due(reference):
        return None
    text = _text(kind, reference, language)
    return None if text is None else Outgoing(phone, text)


def _text(kind: str, reference: str, language: str) -> str | None:
    with translation.override(language):
        return _kinds[kind].text(reference)
