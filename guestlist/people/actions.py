"""What can be done with people: arrive, be known, be edited. Callers that already are in a transaction stay in it."""

import secrets
from typing import NamedTuple

from django.conf import settings

from guestlist.lib import clock, sql
from guestlist.people import models, rules

DRAWS = 20  # at 100 million people a drawn code is taken with 9 %: twenty in a row, never


class Arrival(NamedTuple):
    """Who came, and whether for the first time."""

    person_id: int
    is_new: bool
    is_blocked: bool


def arrive(phone: str) -> Arrival:
    """The person of this E.164 number, made with an invite code when nobody has it. Two at once make one person.

    Must run in the transaction that consumes the confirmed code.
    """
    for _ in range(DRAWS):
        if found := sql.row(models.BY_PHONE, phone):
            return Arrival(found[0], is_new=False, is_blocked=found[1] is not None)
        made = sql.insert(
            "people_person",
            phone=phone,
            username="",
            email="",
            invite_code=rules.draw_invite_code(secrets.randbelow),
            phone_visibility=settings.PHONE_VISIBILITY_DEFAULT,
            created_at=clock.now(),
        )
        if made:  # otherwise the number or the code was taken: look again
            person_id = sql.row(models.BY_PHONE, phone)[0]  # type: ignore[index]
            return Arrival(person_id, is_new=True, is_blocked=False)
    raise RuntimeError("no free invite code was drawn")


def is_known(phone: str) -> bool:
    """Whether somebody has signed in with this E.164 number."""
    return sql.row(models.BY_PHONE, phone) is not None


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
