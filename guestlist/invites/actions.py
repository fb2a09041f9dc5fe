"""Enter an invite code, once; list who entered mine."""

from datetime import datetime
from functools import cache
from typing import NamedTuple

from django.conf import settings

from guestlist.invites import models, policies, rules
from guestlist.lib import audit, clock, keys, limits, sql
from guestlist.lib.addresses import source
from guestlist.lib.phone import masked
from guestlist.lib.refusals import Refusal

PAGE = 100


class Invitee(NamedTuple):
    """Somebody who entered my code, as they wish to stand in my list: the number may be masked, or None."""

    phone: str | None
    activated_at: datetime


class Page(NamedTuple):
    """Invitees, oldest first, and the cursor of the next page, if there is one."""

    invitees: list[Invitee]
    next: str | None


def activate(person_id: int, typed: str, ip: str) -> None:
    """Enter somebody's invite code: once, ever. The same code again is answered like the first time.

    Refuses with `malformed_invite`, `already_activated`, `own_invite`, `unknown_invite` (nobody's, or a blocked
    person's), `too_many_requests` after many unknown ones and, where INVITE_LOOPS=refuse, `invite_loop`.
    """
    with audit.refusals("invite.refused", person_id=person_id, ip=ip):
        if refusal := _activate(person_id, rules.canonical(typed), ip):
            raise Refusal(refusal)


def invitees_of(person_id: int, cursor: str | None, limit: int) -> Page:
    """A page of at most `limit` (up to 100) people who entered this person's code, after `cursor`."""
    after = rules.cursor_from(cursor) if cursor else rules.Cursor(rules.EPOCH, 0)
    found = sql.rows(models.INVITEES, person_id, after.activated_at, after.activated_at, after.invitee_id, limit + 1)
    return page(found, limit)


def page(found: list[tuple[int, datetime | str, str, str]], limit: int) -> Page:
    """A page made of up to `limit` + 1 rows of (invitee id, activated at, phone, visibility)."""
    invitees = [Invitee(shown(phone, how), sql.moment(at)) for _, at, phone, how in found[:limit]]
    if len(found) <= limit:
        return Page(invitees, None)
    return Page(invitees, rules.cursor_text(rules.Cursor(invitees[-1].activated_at, found[limit - 1][0])))


def shown(phone: str, visibility: str) -> str | None:
    """A number as its owner lets the inviter see it."""
    if visibility == "full":
        return phone
    return masked(phone) if visibility == "masked" else None


def delete_all() -> dict[str, int]:
    """Delete everything of this room, in the caller's transaction; how many rows of each kind. Only `golive` does."""
    return {name: sql.change(statement) for name, statement in models.DELETE_ALL.items()}


@sql.in_one_transaction
def _activate(person_id: int, code: str, ip: str) -> str | None:
    """None, or the name of a refusal that must not roll back the try that it counted."""
    found = sql.row(models.LOOK, code, person_id)
    if found is None:
        raise Refusal("not_signed_in")  # deleted a moment ago
    phone, entered, inviter_id, inviter_blocked_at = found
    if entered is not None:
        _once(entered, code)
        return None
    if inviter_id == person_id:
        raise Refusal("own_invite")
    is_unknown = inviter_id is None or inviter_blocked_at is not None
    _count_try(person_id, source(ip), is_unknown)
    if is_unknown:
        return "unknown_invite"
    if _insert(person_id, inviter_id, code, phone):
        audit.record("invite.activated", phone=phone, person_id=person_id, ip=ip, inviter=inviter_id)
    return None


def _count_try(person_id: int, address: str, is_unknown: bool) -> None:
    # Refused before it is told whether the code exists, so that a spent limit tells nothing.
    if not limits.is_on():
        return
    now, tries = clock.now(), policies.spends(person_id, address, _in_force())
    try:
        if is_unknown:
            limits.take(tries, now, settings.LIMITS_SUBKEY)
        elif (seconds := limits.would_wait(tries, now, settings.LIMITS_SUBKEY)) > 0:
            raise limits.Limited(tries[0].policy, limits.rounded_up(seconds))
    except limits.Limited as spent:
        raise Refusal("too_many_requests", retry_after=spent.retry_after) from spent


@cache
def _in_force() -> dict[str, limits.Policy]:
    return limits.in_force(policies.POLICIES)


def _insert(person_id: int, inviter_id: int, code: str, phone: str) -> bool:
    # The unique keys decide: the invitee's, the number's in the ledger, and the pair's where loops are refused.
    now = clock.now()
    loop_key = None
    if settings.INVITE_LOOPS == "refuse":
        loop_key = f"{min(person_id, inviter_id)}:{max(person_id, inviter_id)}"
        if sql.row(models.REVERSE, inviter_id, person_id):  # from the time when loops were allowed: it has no key
            raise Refusal("invite_loop")
    if not sql.insert(
        "invites_activation",
        invitee_id=person_id,
        inviter_id=inviter_id,
        code=code,
        loop_key=loop_key,
        activated_at=now,
    ):
        rival = sql.row(models.ENTERED, person_id)
        if rival is None:
            raise Refusal("invite_loop" if loop_key else "unknown_invite")  # unknown: deleted a moment ago
        _once(rival[0], code)
        return False
    digest = keys.mac(settings.LEDGER_SUBKEY, "v1", phone).hex()
    if not sql.insert("invites_ledgerline", digest=digest, activated_at=now, expires_at=None):
        raise Refusal("already_activated")  # by this number, in an earlier life; the insert above is rolled back
    sql.count_up("invites_tally", "inviter_id", "invitees", inviter_id)
    models.JournalLine.objects.create(at=now, what="activated", invitee_id=person_id, inviter_id=inviter_id, code=code)
    return True


def _once(entered: str, code: str) -> None:
    if entered != code:
        raise Refusal("already_activated")
