"""The audit trail: who did what, from where. A row and a log line each; never a code, never a token.

`record` inside the transaction of what it tells, so that both are committed or neither. `refused` behind it: a refusal
rolls its transaction back. Whoever is refused can come again without end: rows of refusals are thinned, lines are not.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from django.db import connection

from guestlist.lib import clock, dying, logs, models, sql
from guestlist.lib.logs import Fact
from guestlist.lib.phone import starred
from guestlist.lib.policy import Limited
from guestlist.lib.refusals import Because, Refusal

THINNED = timedelta(seconds=10)  # of refusals for the same reason, a process writes one row in this time
LONGEST_IP, LONGEST_REQUEST_ID = 45, 32
INSERT = (
    "INSERT INTO limits_auditline (at, event, phone, person_id, ip, request_id, facts)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s)"
)
FACT = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)')
OLD = dying.Old("audit lines", "limits_auditline", "at", timedelta(days=90))


class Operator(NamedTuple):
    """An operator who acts: their name stands in the line as `by`."""

    name: str
    ip: str


class Line(NamedTuple):
    """A line that was written."""

    at: datetime
    event: str
    ip: str
    facts: dict[str, str]


class Flood(NamedTuple):
    """Refusals for one reason: when one was written, and how many came since."""

    since: datetime
    left_out: int


_floods: dict[tuple[str, str], Flood] = {}
_turn = threading.Lock()


def record(event: str, *, phone: str | None = None, person_id: int | None = None, ip: str = "", **facts: Fact) -> None:
    """Write down an event, in the caller's transaction if there is one; the log's line follows its commit."""
    _write(event, phone, person_id, ip, facts)


def refused(
    event: str, reason: str, *, phone: str | None = None, person_id: int | None = None, ip: str = "", **facts: Fact
) -> None:
    """Write down a refusal, when its transaction is over. A row at most once in 10 s for each event and reason.

    `reason` is a name of ours, never anything that was typed. The next row says how many were left out.
    """
    left_out = _left_out(event, reason)
    if left_out is None:
        _tell(event, phone, person_id, ip, {"reason": reason, **facts}, reason)
    else:
        _write(event, phone, person_id, ip, {"reason": reason, **facts, "left_out": left_out or None}, reason)


@contextmanager
def refusals(event: str, *, phone: str | None = None, person_id: int | None = None, ip: str = "") -> Iterator[None]:
    """Write down the refusal that leaves this block; one by a limit is `limit.refused`, with its policy.

    The reason is the refusal's name, or what a Because says that caused it.

    It stands around a transaction, never inside one.
    """
    try:
        yield
    except Refusal as refusal:
        cause = refusal.__cause__
        if isinstance(cause, Limited):
            refused("limit.refused", cause.policy.name, phone=phone, person_id=person_id, ip=ip, of=event)
        elif isinstance(cause, Because):
            refused(event, cause.reason, phone=phone, person_id=person_id, ip=ip, **cause.facts)
        else:
            refused(event, refusal.code, phone=phone, person_id=person_id, ip=ip)
        raise


def record_once(event: str, within: timedelta, *, each: str = "", **facts: Any) -> None:
    """Write down what goes on for a while, unless any process has within this time; looks at most once in 10 s.

    `each` names a fact for each of whose values that holds by itself.
    """
    of_these = logs.words({each: facts[each]}) if each else ""
    if _left_out(event, of_these) is None:
        return
    told = [found for (found,) in sql.rows(models.AUDITED_SINCE, event, clock.now() - within)]
    if not any(not of_these or of_these in found.split() for found in told):
        record(event, **facts)


def lines_of(person_id: int, most: int) -> list[Line]:
    """The newest lines about a person, newest first."""
    return [
        Line(sql.moment(at), event, ip, {key: _unquoted(value) for key, value in FACT.findall(facts)})
        for at, event, ip, facts in sql.rows(models.LINES_OF, person_id, most)
    ]


def _unquoted(value: str) -> str:
    return value[1:-1].replace('\\"', '"').replace("\\\\", "\\") if value.startswith('"') else value


def _write(
    event: str, phone: str | None, person_id: int | None, ip: str, facts: dict[str, Fact], reason: str = ""
) -> None:
    _tell(event, phone, person_id, ip, facts, reason)
    values = (starred(phone) if phone else "", person_id, ip[:LONGEST_IP])
    sql.change(INSERT, clock.now(), event, *values, logs.request_id.get()[:LONGEST_REQUEST_ID], logs.words(facts))


def _tell(
    event: str, phone: str | None, person_id: int | None, ip: str, facts: dict[str, Fact], reason: str = ""
) -> None:
    told = {"phone": starred(phone) if phone else None, "person": person_id, "ip": ip, **facts}
    if connection.in_atomic_block:
        connection.on_commit(partial(logs.event, event, told, reason))  # what is rolled back has not happened
    else:
        logs.event(event, told, reason)


def _left_out(event: str, reason: str) -> int | None:
    """How many were left out before this one, which is to be written; None when it is to be left out too."""
    now = clock.now()
    with _turn:
        flood = _floods.get((event, reason))
        if flood and flood.since <= now < flood.since + THINNED:
            _floods[event, reason] = flood._replace(left_out=flood.left_out + 1)
            return None
        _floods[event, reason] = Flood(now, 0)
        return flood.left_out if flood else 0
