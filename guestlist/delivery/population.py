"""The messages of a seeded sandbox. See people/population."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from guestlist.delivery import models, rules
from guestlist.lib.bulk import Filling

GATEWAY = "simulated"


class Sent(NamedTuple):
    """A message to be told of: what it was about, to whom, when, and until when it was of use."""

    reference: str
    phone: str
    at: datetime
    expires_at: datetime


def fillings(sent: Sequence[Sent]) -> list[Filling]:
    """The rows of this room; ids go up behind those that there are."""
    newest = models.Message.objects.order_by("-id").values_list("id", flat=True).first() or 0
    message = (
        "id, kind, reference, phone, region, language, channel, again, gateway, state, reason, fate, claims, is_held,"
        " created_at, due_at, expires_at, sent_at, ended_at"
    )
    attempt = "message_id, gateway, channel, state, reason, provider_id, price, currency, began_at, ended_at"
    return [
        Filling("delivery_message", message, _messages(sent, newest + 1), len(sent)),
        Filling("delivery_attempt", attempt, _attempts(sent, newest + 1), len(sent)),
    ]


def _messages(sent: Sequence[Sent], first_id: int) -> Iterator[tuple[Any, ...]]:
    for id_, one in enumerate(sent, first_id):
        arrived = one.at + _took(id_)
        yield (
            *(id_, "code", one.reference, one.phone, "RU", ("ru", "en")[id_ % 2], "", 0, GATEWAY, "delivered", "", ""),
            *(1, False, one.at, None, one.expires_at, arrived, arrived),
        )


def _attempts(sent: Sequence[Sent], first_id: int) -> Iterator[tuple[Any, ...]]:
    for id_, one in enumerate(sent, first_id):
        yield id_, GATEWAY, rules.CHANNELS[0], "sent", "", "", None, "", one.at, one.at + _took(id_)


def _took(id_: int) -> timedelta:
    return timedelta(milliseconds=1000 + id_ * 37 % 1000)
