"""The rows of messages as an outbox: found when due, taken up by one at a time, ended by whoever holds them.

Whoever takes a message up has a lease of 30 s. A claim's number fences it: who was too slow, and finds another one
there, changes nothing any more.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from guestlist.delivery import models, rests, rules, stamp
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
    held_until: datetime  # then anybody may take it up


class Kind(NamedTuple):
    """What a higher room tells of its messages; see actions.tell."""

    find: Callable[[Sequence[str], datetime | None], Mapping[str, str]]
    render: Callable[[str], str]
    failed: Callable[[str], None]


class Ended(NamedTuple):
    """What became of a message that somebody has taken up. With `retry_at` it is let go, and due again then."""

    message: Message
    state: str
    reason: str = ""
    gateway: str = ""
    sent_at: datetime | None = None
    ended_at: datetime | None = None
    tries: Sequence[Try] = ()
    retry_at: datetime | None = None
    fate: str = ""  # what one that is withheld is said to have come to
    was_due: bool = True


def let_go(message: Message, retry_at: datetime, tries: Sequence[Try] = ()) -> Ended:
    """A message that somebody else may take up at that time."""
    return Ended(message, "accepted", retry_at=retry_at, tries=tries)


def no_longer_due(message: Message, reason: str = "no longer due") -> Ended:
    """The end of a message that is not to be sent any more."""
    state, why = ("withheld", message.reason) if message.reason else ("failed", reason)
    return Ended(message, state, why, ended_at=clock.now(), was_due=False)


kinds: dict[str, Kind] = {}


def claim(most: int) -> list[Message]:
    """Take up messages that are due, up to so many, oldest first. Processes that do so at once share the work.

    Refuses with `unavailable` in a process whose gateways are not of the kind that the database belongs to.
    """
    if not sql.rows(models.DUE, clock.now(), 1):
        return []  # reading costs nobody a turn; on SQLite a claim is a writer's
    return _claim(most)


@sql.in_one_transaction
def _claim(most: int) -> list[Message]:
    stamp.hold()
    now = clock.now()
    free = "" if connection.vendor == "sqlite" else " FOR UPDATE SKIP LOCKED"
    ids = [id_ for (id_,) in sql.rows(models.DUE + free, now, most)]
    if not ids:
        return []
    holes, some = sql.padded(ids)
    sql.change(models.CLAIM.format(holes=holes), True, held_until := now + rules.LEASE, *some)
    rows = sql.rows(models.CLAIMED.format(facts=models.FACTS, holes=holes), *some)
    claimed = {row[0]: Message._make((*row, held_until)) for row in rows}
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
        due = kinds[kind].find([message.reference for message in mine], now) if mine and kind in kinds else {}
        found.update({message.id: due[message.reference] for message in mine if message.reference in due})
    return found


def is_still_due(message: Message) -> bool:
    """The same of one, for a thread that has been waiting for a gateway; and whether nobody else has it by now."""
    claims = sql.rows(models.CLAIMS.format(holes="%s"), message.id)
    return claims == [(message.id, message.claims)] and message.id in contents([message])


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
            sql.change(models.RELEASE, False, one.retry_at, one.message.id, one.message.claims)
    written = _written([one for one in ended if one.retry_at is None])
    for one in written:
        if one.sent_at is None and one.was_due:
            _tell_of_failure(one.message)
    return written


def _tell_of_failure(message: Message) -> None:
    # Not of one that was sent before: it has cost what it cost, and asking once more in vain does not undo that.
    if message.kind in kinds and not sql.rows(models.EVER_SENT, message.reference)[0][0]:
        kinds[message.kind].failed(message.reference)


def _written(ended: Sequence[Ended]) -> Sequence[Ended]:
    """Those that were still held by whoever sent them; the others are left as they are."""
    if not ended:
        return ended
    changes = [
        (
            one.state,
            one.reason[:150],
            one.fate,
            one.gateway,
            one.sent_at,
            one.ended_at,
            one.message.id,
            one.message.claims,
        )
        for one in ended
    ]
    if sql.change_many(models.END, changes) == len(ended):
        return ended
    holes, ids = sql.padded([one.message.id for one in ended])
    claims = dict(sql.rows(models.CLAIMS.format(holes=holes), *ids))
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
        if tried.is_its_fault:
            rests.failed(tried.gateway, tried.ended_at)
        else:
            rests.worked(tried.gateway)  # also when it refused this number: it is there
