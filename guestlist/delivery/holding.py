"""What we hold of a number: the messages to it. What gateways were asked stays without it, as figures and prices."""

from typing import Any

from guestlist.delivery import models
from guestlist.lib import sql


def held(phone: str) -> list[dict[str, Any]]:
    """The messages to this number, oldest first; not what became of them, which is told as for everybody."""
    names = ("created_at", "kind", "channel", "language")
    rows = sql.rows(models.HELD, phone)
    return [{**dict(zip(names, row, strict=True)), "created_at": sql.moment(row[0])} for row in rows]


def forget(phone: str) -> None:
    """Delete the messages to this number, in the caller's transaction; what is not sent yet is not sent."""
    sql.change(models.FORGET, phone)
