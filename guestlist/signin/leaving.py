"""Delete me: what a person can do for good, and so only just after they have signed in."""

from datetime import datetime
from typing import Any

from guestlist.delivery import holding
from guestlist.lib import audit, clock, sql
from guestlist.lib.refusals import Refusal
from guestlist.people import holders
from guestlist.people.holders import Known
from guestlist.signin import devices, models, rules, sessions

PART = "sign_in"


def is_fresh(caller: sessions.Caller) -> bool:
    """Whether this session was opened within the last 5 minutes. Refuses with `not_signed_in` when it has ended."""
    now = clock.now()
    found = sql.row(models.OPENED_AT, caller.session_id, caller.person_id, now)
    if found is None:
        raise Refusal("not_signed_in")
    return now - sql.moment(found[0]) <= rules.FRESH_FOR


def leave(caller: sessions.Caller, ip: str) -> None:
    """Delete whoever is calling, with all that is held of them; of many at once one does it.

    Refuses with `confirm_again` when the session is older than 5 minutes, with `not_signed_in` when it has ended.
    """
    with audit.refusals("deletion.refused", person_id=caller.person_id, ip=ip):
        _leave(caller, ip)


def close(known: Known) -> None:
    """Take back the codes that were asked for to this number: an old one would make the person anew."""
    sql.change(models.DELETE_CHALLENGES, known.phone)


def erase(known: Known) -> None:
    """End all sessions and forget all devices. Wrong guesses stay their 30 days: they guard the number."""
    sql.change(models.END_ALL, known.id)
    devices.forget_all(known.phone)


def held(known: Known) -> dict[str, Any]:
    """Sessions, devices, codes that were asked for and wrong guesses; addresses of the person's own sessions only."""
    return {
        "sessions": _listed(
            ("created_at", "last_seen_at", "expires_at", "ip", "user_agent"), models.HELD_SESSIONS, known.id
        ),
        "devices": _listed(("created_at", "seen_at"), models.HELD_DEVICES, known.phone),
        "codes": _listed(("created_at", "expires_at", "used_at", "digits"), models.HELD_CHALLENGES, known.phone),
        "wrong_guesses": _listed(("guessed_at", "digits"), models.HELD_GUESSES, known.phone),
    }


def messages(known: Known) -> list[dict[str, Any]]:
    """The messages to the person's number: people and delivery, side by side, know nothing of each other."""
    return holding.held(known.phone)


def forget_messages(known: Known) -> None:
    """Delete them."""
    holding.forget(known.phone)


@sql.in_one_transaction
def _leave(caller: sessions.Caller, ip: str) -> None:
    if not is_fresh(caller):
        raise Refusal("confirm_again")
    holders.erase(caller.person_id, ip)


def _listed(names: tuple[str, ...], statement: str, key: int | str) -> list[dict[str, Any]]:
    found = [dict(zip(names, row, strict=True)) for row in sql.rows(statement, key)]
    return [{name: _moment(value) if name.endswith("_at") else value for name, value in row.items()} for row in found]


def _moment(value: Any) -> datetime | None:
    return sql.maybe_moment(value)
