"""What the service holds of a person: each room tells of its part at start, so that here it is exported and erased.

What is erased, what stays and why: docs/decisions/0019-leaving.md.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.db import connection

from guestlist.lib import audit, clock, limits, sql
from guestlist.lib.refusals import Refusal
from guestlist.people import models, policies

LINES = 10_000  # of the audit trail, the newest
OWN = (  # what is done within a session of one's own, or opens it
    *("registered", "signed_in", "signed_out", "session.ended", "sessions.ended", "token.minted"),
    *("invite.activated", "person.exported"),
)


class Known(NamedTuple):
    """By what the rooms know a person."""

    id: int
    phone: str


class Holder(NamedTuple):
    """A room's part: `export` gives it, `erase` deletes it in the caller's transaction.

    `close` runs before the person is locked: it takes away what somebody could still sign in with. A sign-in locks in
    that order too.
    """

    name: str
    export: Callable[[Known], Any]
    erase: Callable[[Known], None]
    close: Callable[[Known], None] | None = None


_holders: dict[str, Holder] = {}


def tell(holder: Holder) -> None:
    """Called by each room at start."""
    _holders[holder.name] = holder


def hold(*ids: int) -> set[int]:
    """Those of these people who are there: they cannot be deleted until the caller's transaction ends."""
    holes = ", ".join(["%s"] * len(ids))
    return {id_ for (id_,) in sql.rows(models.THERE.format(holes=holes) + models.HELD[connection.vendor], *ids)}


def export(person_id: int, ip: str) -> dict[str, Any]:
    """Everything that is held of this person, by part; times are datetimes. Refuses with `too_many_requests`.

    Of others it has what they show anyway: invitees as they wish to be seen. Where others may have acted with this
    number, asking for codes and guessing, it has no address.
    """
    with audit.refusals("export.refused", person_id=person_id, ip=ip):
        _note(person_id, ip)
    known, person = _profile(person_id)
    found = {"profile": person, **{holder.name: holder.export(known) for holder in _holders.values()}}
    _profile(person_id)  # deleted meanwhile: then half of it is not there
    return found


def erase(person_id: int, ip: str) -> None:
    """Delete a person and everything that is held of them, in the caller's transaction.

    What stays holds no number: docs/security.md lists it. Refuses with `not_signed_in` when they are deleted already.
    """
    known, _ = _profile(person_id)
    for holder in _holders.values():
        if holder.close:
            holder.close(known)
    locked = sql.row(models.PROFILE + models.LOCKED[connection.vendor], person_id)
    if locked is None:
        raise Refusal("not_signed_in")  # another request was first
    for holder in _holders.values():
        holder.erase(known)
    sql.insert("people_retiredcode", code=models.Profile(*locked).invite_code, retired_at=clock.now())
    sql.change(models.DELETE, person_id)
    audit.record("person.deleted", phone=known.phone, person_id=person_id, ip=ip)


def trail(known: Known) -> list[dict[str, Any]]:
    """The lines of the audit trail about this person, newest first.

    Of what others did, with this number or as operators, only that it happened; no limit's name.
    """
    return [
        {
            "at": line.at,
            "event": line.event,
            **({"ip": line.ip, "agent": line.facts.get("agent", "")} if _is_own(line) else {"ip": "", "agent": ""}),
        }
        for line in audit.lines_of(known.id, LINES)
    ]


def forget_name(known: Known) -> None:
    """Take the person's name out of the operators' history, where it stands beside what was edited."""
    mine = LogEntry.objects.filter(content_type__app_label="people", content_type__model="person")
    mine.filter(object_id=str(known.id)).update(object_repr="")


def _is_own(line: audit.Line) -> bool:
    return line.event in OWN and "by" not in line.facts


def _profile(person_id: int) -> tuple[Known, dict[str, Any]]:
    found = sql.row(models.PROFILE, person_id)
    if found is None:
        raise Refusal("not_signed_in")  # deleted a moment ago
    person = models.Profile(*found)
    times = {"created_at": sql.moment(person.created_at), "blocked_at": sql.maybe_moment(person.blocked_at)}
    return Known(person.id, person.phone), {**person._asdict(), **times}


@sql.in_one_transaction
def _note(person_id: int, ip: str) -> None:
    if limits.is_on():
        used = limits.Spend(_in_force()["EXPORTS_PER_PERSON"], str(person_id))
        try:
            limits.take([used], clock.now(), settings.LIMITS_SUBKEY)
        except limits.Limited as spent:
            raise Refusal("too_many_requests", retry_after=spent.retry_after) from spent
    audit.record("person.exported", person_id=person_id, ip=ip)


@cache
def _in_force() -> dict[str, limits.Policy]:
    return limits.in_force(policies.POLICIES)
