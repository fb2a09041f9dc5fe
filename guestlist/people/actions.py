"""What can be done with people: arrive, be known, be edited. Callers that already are in a transaction stay in it."""

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.db import connection

from guestlist.lib import audit, clock, keys, sql, usage
from guestlist.lib.audit import Operator
from guestlist.lib.refusals import Refusal
from guestlist.people import models, rules

VISIBILITIES = ("full", "masked", "hidden")  # of a number, in its inviter's list
DRAWS = 20  # at 100 million people a drawn code is taken with 9 %: twenty in a row, never


_when_blocked: list[Callable[[str], None]] = []


class Arrival(NamedTuple):
    """Who came, and whether for the first time."""

    person_id: int
    is_new: bool
    is_blocked: bool


def arrive(phone: str) -> Arrival | None:
    """The person of this E.164 number, made with an invite code when nobody has it. Two at once make one person.

    None when a sandbox that others reach has no room for one more. Must run in the transaction that consumes the
    confirmed code.
    """
    for _ in range(DRAWS):
        if found := sql.row(models.BY_PHONE + models.HELD[connection.vendor], phone):  # not deleted before we commit
            return Arrival(found[0], is_new=False, is_blocked=found[1] is not None)
        if not _has_room(phone):
            return None
        code = rules.draw_invite_code(secrets.randbelow)
        made = sql.insert_id(
            "people_person",
            phone=phone,
            username="",
            email="",
            public_id=keys.token(128),
            invite_code=code,
            phone_visibility=settings.PHONE_VISIBILITY_DEFAULT,
            created_at=clock.now(),
        )
        if made is not None:  # otherwise the number or the code was taken: look again
            if sql.row(models.IS_RETIRED, code):  # looked at behind the insert, which waits for a deletion under way
                sql.change(models.DELETE, made)
                continue
            return Arrival(made, is_new=True, is_blocked=False)
    raise RuntimeError("no free invite code was drawn")


def number() -> int:
    """How many people there are. It reads a whole index: for operators, not for requests."""
    return int(sql.rows(models.HOW_MANY)[0][0])


def is_anybody_there() -> bool:
    """Whether there is one person at least."""
    return models.Person.objects.exists()


def id_of(phone: str) -> int | None:
    """The person who has signed in with this E.164 number; None when nobody has."""
    found = sql.row(models.BY_PHONE, phone)
    return found[0] if found else None


def public_id(person_id: int) -> str:
    """The random id that other services know this person by: it says neither number nor how many people there are."""
    found = sql.row(models.PUBLIC_ID_OF, person_id)
    if found and found[0] is None:  # made by a process that ran the version before
        sql.change(models.GIVE_PUBLIC_ID, keys.token(128), person_id)
        found = sql.row(models.PUBLIC_ID_OF, person_id)
    if found is None:
        raise Refusal("not_signed_in")  # deleted a moment ago
    return str(found[0])


def visibility(person_id: int) -> str:
    """How this person's number stands in their inviter's list: full, masked or hidden."""
    found = sql.row(models.VISIBILITY_OF, person_id)
    if found is None:
        raise Refusal("not_signed_in")  # deleted a moment ago
    return str(found[0])


def edit(person_id: int, username: str | None, email: str | None, phone_visibility: str | None) -> None:
    """Change what is given; None leaves a field as it is. Refuses with `invalid_username` or `invalid_email`."""
    wanted = {
        "username": None if username is None else rules.username(username),
        "email": None if email is None else rules.email(email),
        "phone_visibility": phone_visibility,
    }
    changes = {field: value for field, value in wanted.items() if value is not None}
    if changes:
        sql.change(models.EDIT.format(", ".join(f"{field} = %s" for field in changes)), *changes.values(), person_id)


def when_blocked(act: Callable[[str], None]) -> None:
    """Called by a higher room at start: what else happens, in the same transaction, when a person is blocked."""
    _when_blocked.append(act)


@sql.in_one_transaction
def block(person: models.Person, operator: Operator) -> bool:
    """Block a person from this moment on: their sessions and their invite code stop working. False when they were."""
    is_turned = _turn(person, "person.blocked", operator, clock.now())
    for act in _when_blocked if is_turned else []:
        act(person.phone)
    return is_turned


@sql.in_one_transaction
def unblock(person: models.Person, operator: Operator) -> bool:
    """Let a person in again; sessions that have not ended work again. False when they were not blocked."""
    return _turn(person, "person.unblocked", operator, None)


def _has_room(phone: str) -> bool:
    """Whether one more person may be made; or whether this one was, a moment ago."""
    if not (settings.IS_SANDBOX and settings.IS_OPEN):
        return True
    usage.lock(["people"], clock.now())  # until this transaction ends: of two at once only one is the last
    return models.Person.objects.count() < settings.PEOPLE_MAX or sql.row(models.BY_PHONE, phone) is not None


def delete_all() -> dict[str, int]:
    """Delete everything of this room, in the caller's transaction; how many rows of each kind. Only `golive` does."""
    return {name: sql.change(statement) for name, statement in models.DELETE_ALL.items()}


def _turn(person: models.Person, event: str, operator: Operator, blocked_at: datetime | None) -> bool:
    others = models.Person.objects.filter(pk=person.pk, blocked_at__isnull=blocked_at is not None)
    if not others.update(blocked_at=blocked_at):
        return False
    audit.record(event, phone=person.phone, person_id=person.pk, ip=operator.ip, by=operator.name)
    return True
