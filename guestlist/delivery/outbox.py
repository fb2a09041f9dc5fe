"""The rows of messages as an outbox: found when due, taken up by one at a time, ended by whoever holds them.

Whoever takes a message up has a lease of 30 s. A claim's number fences it: who was too slow, and finds another one
there, changes nothing any more.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from guestlist.delivery import models, rests, rules
from guestlist.delivery.carrying import Try
from guestlist.lib import clock, metrics, sql

SENT = metrics.counter("messages_sent_total", "Messages that were tried, by what became of them.", ("gateway", "state"))


class Message(NamedTuple):
    """A message that somebody has taken up, or that is to be: `claims` tells it from a later claim of the same one."""

    id: int
    kind: str
    reference: str
    phone: str
    region: str
    language: str
    channel: str
    again: int
    state: str
    reason: str  # why it is withheld, if it is
    claims: int
    created_at: datetime
    expires_at: datetime


class Kind(NamedTuple):
    """What a higher room tells of its messages; see actions.tell."""

    find: Callable[[Sequence[str], datetime | None], Mapping[str, str]]
    render: Callable[[str], str]
    failed: Callable[[str], None]


class Ended(NamedTuple):
    """What became of a message that somebody has taken up. With `retry_at` it is let go, and due again then."""

    message: Message
    state: str
    reason: str
    gateway: str
    sent_at: datetime | None
    ended_at: datetime | None
    tries: Sequence[Try] = ()
    retry_at: datetime | None = None


kinds: dict[str, Kind] = {}


def claim(most: int) -> list[Message]:
    """Take up messages that are due, up to so many, oldest first. Processes that do so at once share the work."""
    if not sql.rows(models.DUE, clock.now(), 1):
        return []  # reading costs nobody a turn; on SQLite a claim is a writer's
    return _claim(most)


@sql.in_one_transaction
def _claim(most: int) -> list[Message]:
    now = clock.now()
    free = "" if connection.vendor == "sqlite" else " FOR UPDATE SKIP LOCKED"
    ids = [id_ for (id_,) in sql.rows(models.DUE + free, now, most)]
    if not ids:
        return []
    holes = ", ".join(["%s"] * len(ids))
    sql.change(models.CLAIM.format(holes=holes), now + rules.LEASE, *ids)
    rows = sql.rows(models.CLAIMED.format(facts=models.FACTS, holes=holes), *ids)
    claimed = {row[0]: Message(*row) for row in rows}
    return [
        message._replace(created_at=sql.moment(message.created_at), expires_at=sql.moment(message.expires_at))
        for message in (claimed[id_] for id_ in ids)
    ]


def contents(messages: Sequence[Message]) -> dict[int, str]:
    """The contents of those messages that are still due, by their ids: not too old, not used, not replaced."""
    now = clock.now()
    found: dict[int, str] = {}
    for kind in {message.kind for message in messages}:
        mine = [message for message in messages if message.kind == kind and message.expires_at > now]
        due = kinds[kind].find([message.reference for message in mine], now) if mine else {}
        found.update({message.id: due[message.reference] for message in mine if message.reference in due})
    return found


def is_still_due(message: Message) -> bool:
    """The same of one, for a thread that has been waiting for a gateway."""
    with sql.in_a_crowd():
        return message.id in contents([message])


def failed_before(message: Message) -> list[str]:
    """The gateways that failed with the same content before."""
    if not message.again and message.claims <= 1:
        return []
    return [name for (name,) in sql.rows(models.FAILED_BEFORE, message.reference)]


def end(ended: Sequence[Ended]) -> None:
    """Write down what became of messages. Of one that somebody else has taken up since, only what was tried."""
    for one in _end(ended):
        SENT.labels(one.gateway, one.state).inc()


@sql.in_one_transaction
def _end(ended: Sequence[Ended]) -> Sequence[Ended]:
    _note([(one.message.id, tried) for one in ended for tried in one.tries])
    for one in ended:
        if one.retry_at is not None:
            sql.change(models.RELEASE, one.retry_at, one.message.id, one.message.claims)
    written = _written([one for one in ended if one.retry_at is None])
    for one in written:
        if one.sent_at is None:
            kinds[one.message.kind].failed(one.message.reference)
    return written


def no_longer_due(message: Message) -> Ended:
    """The end of a message that came too late to be sent."""
    if message.reason:
        return Ended(message, "withheld", message.reason, "", None, clock.now())
    return Ended(message, "failed", "no longer due", "", None, clock.now())


def _written(ended: Sequence[Ended]) -> Sequence[Ended]:
    """Those that were still held by whoever sent them; the others are left as they are."""
    if not ended:
        return ended
    changes = [
        (one.state, one.reason[:150], one.gateway, one.sent_at, one.ended_at, one.message.id, one.message.claims)
        for one in ended
    ]
    if sql.change_many(models.END, changes) == len(ended):
        return ended
    ids = [one.message.id for one in ended]
    claims = dict(sql.rows(models.CLAIMS.format(holes=", ".join(["%s"] * len(ids))), *ids))
    return [one for one in ended if claims.get(one.message.id) == one.message.claims]


def _note(tries: Sequence[tuple[int, Try]]) -> None:
    rows = [
        (
            message_id,
            tried.gateway,
            tried.channel,
            tried.state,
            tried.reason[:150],
            tried.receipt.id[:64],
            tried.receipt.price,
            tried.receipt.currency[:8],
            tried.began_at,
            tried.ended_at,
        )
        for message_id, tried in tries
    ]
    if rows:
        sql.change_many(models.NOTE, rows)
    for _, tried in sorted(tries, key=lambda one: one[1].gateway):  # everybody locks them in the same order
        if tried.state == "sent":
            rests.worked(tried.gateway)
        elif tried.is_its_fault:
            rests.failed(tried.gateway, tried.ended_at)
