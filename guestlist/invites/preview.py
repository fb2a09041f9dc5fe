"""Look before the one leap: whose code it is, as they let strangers see it. Changes nothing but the count of tries."""

from typing import NamedTuple

from guestlist.invites import actions, models, rules
from guestlist.lib import audit, sql
from guestlist.lib.phone import masked
from guestlist.lib.refusals import Refusal


class Preview(NamedTuple):
    """A code as we write it, and its inviter: their name, else their number masked; None when they hide it."""

    code: str
    inviter: str | None


def preview(person_id: int, typed: str, ip: str) -> Preview:
    """Whose invite code it is. Refuses as `actions.activate` would, and counts an unknown code as a try."""
    with audit.refusals("invite.refused", person_id=person_id, ip=ip):
        found = _preview(person_id, rules.canonical(typed), ip)
        if isinstance(found, str):
            raise Refusal(found)
    return found


@sql.in_one_transaction
def _preview(person_id: int, code: str, ip: str) -> Preview | str:
    """What is shown, or the name of a refusal that must not roll back the try that it counted."""
    found = actions.look(person_id, code, ip)
    if isinstance(found, str):
        return found
    if not found.is_entered and (refusal := actions.would_refuse(person_id, found)):
        return refusal
    inviter = sql.row(models.INVITER, found.inviter_id) if found.inviter_id else None
    return Preview(code, _as_seen(*inviter) if inviter else None)


def _as_seen(username: str, phone: str, visibility: str) -> str | None:
    """Never the whole number, whatever its owner shows to their own inviter."""
    if username:
        return username
    return None if visibility == "hidden" else masked(phone)
