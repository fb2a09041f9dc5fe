"""Accept a message inside the transaction that needs it; send it after that transaction, holding no connection.

Its row is an outbox: whoever takes it up, the request itself, the worker, or any process after a crash, does the same.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.utils import translation

from guestlist.delivery import bell, courier, dispatch, models, outbox, rests, routing, rules
from guestlist.delivery.carrying import LONGEST_ID
from guestlist.delivery.gateways import Report as Report  # what `report` takes
from guestlist.delivery.gateways import Reporting, simulated
from guestlist.delivery.outbox import Message as Message  # what `accept` gives and `send` takes
from guestlist.delivery.rules import State as State  # what `state` gives
from guestlist.lib import clock, sql
from guestlist.lib.refusals import Refusal

LONGEST_REASON = 150  # characters
RETRY_AFTER = 5  # seconds to wait for a place; a simulated send takes at most a few

_places = threading.BoundedSemaphore(settings.INLINE_WAITING)


class Arrived(NamedTuple):
    """A message in the sandbox's inbox."""

    id: int
    phone: str
    channel: str
    text: str
    code: str  # the digits in the text
    at: datetime


def tell(
    kind: str,
    find: Callable[[Sequence[str], datetime | None], Mapping[str, str]],
    render: Callable[[str], str],
    failed: Callable[[str], None],
) -> None:
    """Called by a higher room at start, of one kind of messages.

    `find` gives the content (the code) of those references that are still due at a time, or, without one, of all that
    there are. `render` makes a content the text, in the language in force. `failed` is called, in a transaction, for a
    reference whose message will not be sent any more.
    """
    outbox.kinds[kind] = outbox.Kind(find, render, failed)


def is_sandbox() -> bool:
    """Whether the gateway only pretends, so that codes are shown."""
    return bool(settings.IS_SANDBOX)


@contextmanager
def waiting() -> Iterator[bool]:
    """Whether this thread may wait for a gateway; if not, its message is queued for another one.

    There are fewer places than threads, so profile and health never starve. The sandbox, whose answer is to say how it
    went, refuses with `delivery_failed` when all places are taken.
    """
    if settings.DELIVERY == "worker":
        yield False
        return
    if not _places.acquire(blocking=False):
        if is_sandbox():
            raise Refusal("delivery_failed", retry_after=RETRY_AFTER)
        yield False
        return
    try:
        yield True
    finally:
        _places.release()


def accept(
    kind: str,
    reference: str,
    phone: str,
    region: str,
    expires_at: datetime,
    *,
    taken_up: bool,
    channel: str = "",
    is_again: bool = False,
    withheld: str = "",
) -> Message:
    """Write down a message, in the caller's transaction. It is sent in the language in force now.

    With `taken_up` the caller sends it after that transaction; else it is queued. One that is `withheld`, for a reason
    that operators read, looks like every other from outside and is never sent.
    """
    now = clock.now()
    again = 0
    if is_again:
        again = int(sql.rows(models.BEFORE, reference)[0][0])
        sql.change(models.SUPERSEDE, now, reference, False)
    row: dict[str, Any] = {
        "kind": kind,
        "reference": reference,
        "phone": phone,
        "region": region,
        "language": translation.get_language() or settings.LANGUAGE_CODE,
        "channel": channel,
        "again": again,
        "state": "accepted",
        "reason": withheld,
        "claims": 1 if taken_up else 0,
        "created_at": now,
        "expires_at": expires_at,
    }
    due_at = now + rules.LEASE if taken_up else now
    made = sql.insert_id("delivery_message", **row, is_held=taken_up, due_at=due_at, gateway="", fate="")
    return Message(id=made or 0, held_until=due_at, **row)


def queued() -> None:
    """Wake whoever sends what is queued, after the transaction that accepted it."""
    bell.ring()


def send(message: Message, content: str) -> str:
    """Send a message accepted a moment ago, after its transaction; its state, `delivered` in the sandbox, else `sent`.

    Refuses with `delivery_failed`, within DEADLINE seconds. When the database is away just then, what became of the
    message is written down later: whoever waits is told the truth.
    """
    ended: outbox.Ended | None = None
    with sql.in_a_crowd():
        sending = dispatch.ready(message, content, outbox.failed_before(message))
    try:
        with sql.out_of_the_crowd():
            ended, failure = sending()
        with sql.in_a_crowd():
            outbox.end([ended])
    except sql.AWAY:
        if ended is None or not courier.write_later(ended):
            raise
    if failure is not None:
        names = [way.gateway.name for way in routing.ways(message.phone, message.region, message.channel)]
        rest = rests.wakes_in(names, clock.now())
        raise Refusal("delivery_failed", retry_after=max(RETRY_AFTER, -int(-rest // 1))) from failure
    return rules.shown(ended.state, ended.fate, ended.sent_at, ended.ended_at, clock.now()).name


def state(reference: str) -> State:
    """What has become of the newest message about this, as it may be told to whoever waits for it."""
    found = sql.row(models.NEWEST, reference)
    if found is None:
        return State("queued", None)
    name, fate, sent_at, ended_at = found
    return rules.shown(name, fate, sql.maybe_moment(sent_at), sql.maybe_moment(ended_at), clock.now())


def channels(phone: str, region: str) -> list[str]:
    """The channels by which a code can be asked for, best first."""
    return routing.channels(phone, region)


def reporting(gateway: str) -> Reporting | None:
    """The gateway of this name, if it is in use and its provider reports what became of messages."""
    found = routing.gateways().get(gateway)
    return found if isinstance(found, Reporting) else None


@sql.in_one_transaction
def report(gateway: str, told: Report) -> bool:
    """Take in what a provider says of a message; False when we know of no such message, or not yet.

    A failure counts only from the gateway that carried it last: another one may have taken it since.
    """
    id_ = told.id[:LONGEST_ID]
    found = sql.row(models.CARRIED, gateway, id_) if id_ and id_.isprintable() else None
    if found is None:
        return False
    attempt_id, message_id = found
    reason = "".join(filter(str.isprintable, told.reason))[:LONGEST_REASON]
    if told.state == "failed":
        sql.change(models.ATTEMPT_FAILED, reason, attempt_id)
    if told.state in ("delivered", "failed"):
        values = (told.state, reason, clock.now(), message_id)
        if sql.change(models.REPORTED, *values, told.state, gateway, told.state):
            outbox.SENT.labels(gateway, "undelivered" if told.state == "failed" else "delivered").inc()
    return True


def inbox(most: int, phone: str | None = None) -> list[Arrived]:
    """The newest messages of the sandbox, to one E.164 number or to all; their texts are made anew.

    The last to arrive is the first. Some arrive twice, with the same id.
    """
    now = clock.now()
    statement, values = (models.DELIVERED_TO, (phone, now, most)) if phone else (models.DELIVERED, (now, most))
    rows = sql.rows(statement, *values)
    found: dict[str, str] = {}
    for kind in {row[1] for row in rows}:
        found.update(outbox.kinds[kind].find([row[2] for row in rows if row[1] == kind], None))
    arrived = []
    for id_, kind, reference, to, language, channel, gateway, ended_at in rows:
        if reference in found:
            with translation.override(language):
                text = outbox.kinds[kind].render(found[reference])
            came_by = channel or routing.usual_channel(gateway)
            copies = simulated.act_for(to).copies
            arrived += [Arrived(id_, to, came_by, text, found[reference], sql.moment(ended_at))] * copies
    return sorted(arrived, key=lambda message: (message.at, message.id), reverse=True)


def delete_all() -> dict[str, int]:
    """Delete everything of this room, in the caller's transaction; how many rows of each kind. Only `golive` does."""
    return {name: sql.change(statement) for name, statement in models.DELETE_ALL.items()}
