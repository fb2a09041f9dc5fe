"""Sessions: opened by a confirmation, recognised by their token, ended one by one or all others.

Whoever ends a session means that what opened it is not to be trusted: its device is forgotten in the same transaction.
Signing out is no such thing, nor is the confirmation that replaces a session.
"""

import re
from datetime import datetime
from typing import Any, NamedTuple

from guestlist.lib import audit, clock, keys, sql
from guestlist.lib.audit import Operator
from guestlist.people.models import Person
from guestlist.signin import devices, models, rules

ID = re.compile(r"[A-Za-z0-9_-]{22}")
TOKEN = re.compile(r"[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}")


class Caller(NamedTuple):
    """Who is calling: a person, through one of their sessions."""

    person_id: int
    session_id: str


class Opened(NamedTuple):
    """A new session: its token is told once, and nowhere kept."""

    token: str
    expires_at: datetime
    ends_at: datetime


class Shown(NamedTuple):
    """A session as its owner sees it."""

    id: str
    current: bool
    created_at: datetime
    last_seen_at: datetime
    ip: str
    user_agent: str


class Presented(NamedTuple):
    """A session token that has the right form; whether it is true, only the stored digest tells."""

    id: str
    secret_digest: str


def presented(token: str) -> Presented | None:
    """The halves of a token `id.secret`; None when it is none of ours by its form alone."""
    if not TOKEN.fullmatch(token):
        return None
    id_, secret = token.split(".")
    return Presented(id_, keys.digest(secret))


def open_session(
    person_id: int, kind: str, device: str, ip: str, user_agent: str, most: datetime | None = None
) -> Opened:
    """Open a session on the device with this token, in the caller's transaction.

    `kind` is cookie (14 days idle, 30 at most) or token (30, 90); none lives beyond `most`.
    """
    now = clock.now()
    id_, secret = keys.token(128), keys.token(256)
    lifetime = rules.SESSIONS[kind]
    ends_at = min(now + lifetime.most, most or now + lifetime.most)
    opened = Opened(f"{id_}.{secret}", min(now + lifetime.idle, ends_at), ends_at)
    sql.insert(
        "signin_session",
        id=id_,
        secret_digest=keys.digest(secret),
        person_id=person_id,
        kind=kind,
        created_at=now,
        last_seen_at=now,
        expires_at=opened.expires_at,
        ends_at=opened.ends_at,
        ip=ip,
        user_agent=user_agent[: models.USER_AGENT],
        device=keys.digest(device),
    )
    return opened


def recognise(shown: Presented) -> Caller | None:
    """Who is calling, by one statement; None when the session is unknown, over, or its person blocked."""
    found = sql.row(models.SESSION, shown.id, clock.now())
    if found is None or not keys.same(found[0], shown.secret_digest):
        return None
    seen(shown.id, found[2], sql.moment(found[3]), sql.moment(found[4]))
    return Caller(found[1], shown.id)


def phone_of(caller: Caller | None) -> str | None:
    """The number of whoever is calling."""
    found = sql.row(models.PHONE_OF, caller.person_id) if caller else None
    return found[0] if found else None


def seen(session_id: str, kind: str, last_seen_at: datetime, ends_at: datetime) -> None:
    """Note that a session was used, at most once an hour."""
    now = clock.now()
    if now - last_seen_at >= rules.SEEN_EVERY:
        sql.change(models.SEEN, now, min(now + rules.SESSIONS[kind].idle, ends_at), session_id)


def sessions_of(caller: Caller) -> list[Shown]:
    """The caller's living sessions, newest first."""
    return [
        Shown(id_, id_ == caller.session_id, sql.moment(created_at), sql.moment(last_seen_at), ip, user_agent)
        for id_, created_at, last_seen_at, ip, user_agent in sql.rows(models.SESSIONS_OF, caller.person_id, clock.now())
    ]


@sql.in_one_transaction
def sign_out(caller: Caller, ip: str) -> None:
    """End the session that is calling; its device stays known."""
    if sql.change(models.END, caller.session_id, caller.person_id):
        audit.record("signed_out", person_id=caller.person_id, ip=ip, session=short(caller.session_id))


@sql.in_one_transaction
def end(caller: Caller, session_id: str, ip: str) -> bool:
    """End one of the caller's sessions and forget its device; False when they have none of that id."""
    if not ID.fullmatch(session_id) or not _end(session_id, caller.person_id):
        return False
    audit.record("session.ended", person_id=caller.person_id, ip=ip, session=short(session_id))
    return True


@sql.in_one_transaction
def end_others(caller: Caller, ip: str) -> int:
    """End all sessions of the caller but this one, forget all their devices but this one's; how many sessions ended."""
    mine = sql.row(models.OPENED_ON, caller.session_id, caller.person_id)
    if mine is None:
        return 0  # ended a moment ago, by another one
    ended = sql.change(models.END_OTHERS, caller.person_id, caller.session_id)
    devices.forget_others(*mine)
    if ended:
        audit.record("sessions.ended", person_id=caller.person_id, ip=ip, ended=ended)
    return ended


@sql.in_one_transaction
def end_for(session: models.Session, operator: Operator) -> None:
    """End somebody's session and forget its device, as an operator."""
    if _end(session.pk, session.person_id):
        facts = {"session": short(session.pk), "by": operator.name}
        audit.record("session.ended", person_id=session.person_id, ip=operator.ip, **facts)


@sql.in_one_transaction
def end_all_for(person: Person, operator: Operator) -> int:
    """End all of somebody's sessions and forget all their devices, as an operator; how many sessions ended."""
    ended, _ = models.Session.objects.filter(person_id=person.pk).delete()
    devices.forget_all(person.phone)
    if ended:
        whose: dict[str, Any] = {"phone": person.phone, "person_id": person.pk, "ip": operator.ip}
        audit.record("sessions.ended", **whose, ended=ended, by=operator.name)
    return ended


def end_presented(token: str) -> bool:
    """End the session of this token, if it is one; for a confirmation that replaces it."""
    shown = presented(token)
    return shown is not None and sql.change(models.END_PRESENTED, shown.id, shown.secret_digest) == 1


def short(session_id: str) -> str:
    """Enough of an id to tell a person's sessions apart in the audit trail."""
    return session_id[:6]


def _end(session_id: str, person_id: int) -> bool:
    found = sql.row(models.OPENED_ON, session_id, person_id)
    if found is None or not sql.change(models.END, session_id, person_id):
        return False
    devices.forget(*found)
    return True
