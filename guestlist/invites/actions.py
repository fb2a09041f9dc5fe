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
from guestlist.people import holders

PAGE = 100


class Invitee(NamedTuple):
    """Somebody who entered my code, as they wish to stand in my list: the number may be masked, or None."""

    phone: str | None
    activated_at: datetime


class Found(NamedTuple):
    """What a code is to whoever enters it: whose, and whether they have entered it before."""

    phone: str
    inviter_id: int | None  # None of one that was entered, and whose owner is deleted
    is_entered: bool


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


def undo(invitee_id: int, why: str, operator: audit.Operator) -> bool:
    """Undo somebody's activation, as an operator: they may enter a code once more. False when there is none.

    The reason, up to 150 characters, stands in the journal with the operator's name. Refuses with `invalid_request`
    what is no reason.
    """
    return _undo(invitee_id, rules.reason(why), operator)


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


def look(person_id: int, code: str, ip: str) -> Found | str:
    """What a code is to this person, or the name of a refusal that must not roll back the try that it counted.

    In the caller's transaction. Raises the refusals of `activate` that count nothing.
    """
    found = sql.row(models.LOOK, code, person_id)
    if found is None:
        raise Refusal("not_signed_in")  # deleted a moment ago
    phone, entered, inviter_id, inviter_blocked_at = found
    if entered is not None:
        _once(entered, code)
        return Found(phone, inviter_id, is_entered=True)
    if inviter_id == person_id:
        raise Refusal("own_invite")
    is_unknown = inviter_id is None or inviter_blocked_at is not None
    _count_try(phone, source(ip), is_unknown)
    return "unknown_invite" if is_unknown else Found(phone, inviter_id, is_entered=False)


def would_refuse(person_id: int, found: Found) -> str | None:
    """The refusal that the unique keys would lead to, if there is one: for who only looks."""
    if settings.INVITE_LOOPS == "refuse" and sql.row(models.REVERSE, found.inviter_id, person_id):
        return "invite_loop"
    line = sql.row(models.HAS_ENTERED, digest_of(found.phone))
    expires_at = sql.maybe_moment(line[0]) if line else None
    has_entered = line is not None and (expires_at is None or expires_at > clock.now())
    return "already_activated" if has_entered else None


def digest_of(phone: str) -> str:
    """A number as the ledger knows it."""
    return keys.mac(settings.LEDGER_SUBKEY, "v1", phone).hex()


@sql.in_one_transaction
def _activate(person_id: int, code: str, ip: str) -> str | None:
    """None, or the name of a refusal that must not roll back the try that it counted."""
    found = look(person_id, code, ip)
    if isinstance(found, str):
        return found
    if (
        found.inviter_id is not None
        and not found.is_entered
        and _insert(person_id, found.inviter_id, code, found.phone)
    ):
        audit.record("invite.activated", phone=found.phone, person_id=person_id, ip=ip, inviter=found.inviter_id)
    return None


@sql.in_one_transaction
def _undo(invitee_id: int, why: str, operator: audit.Operator) -> bool:
    found = sql.row(models.UNDO_LOOK, invitee_id)
    if found is None:
        return False
    inviter_id, code, phone = found
    if not sql.change(models.UNDO, invitee_id, code):
        return False  # somebody else has, a moment ago
    # In the order in which an activation writes them.
    sql.change(models.FORGET_NUMBER, keys.mac(settings.LEDGER_SUBKEY, "v1", phone).hex())
    if inviter_id is not None:
        sql.change(models.COUNT_DOWN, inviter_id)
    whose = inviter_id or (sql.row(models.WHOSE_IT_WAS, invitee_id, code) or (0,))[0]  # who is deleted has no row
    line = {"invitee_id": invitee_id, "inviter_id": whose, "code": code, "actor": operator.name, "reason": why}
    models.JournalLine.objects.create(at=clock.now(), what="undone", **line)
    facts = {"inviter": whose, "by": operator.name}
    audit.record("invite.undone", phone=phone, person_id=invitee_id, ip=operator.ip, **facts)
    return True


def _count_try(phone: str, address: str, is_unknown: bool) -> None:
    # Refused before it is told whether the code exists, so that a spent limit tells nothing.
    if not limits.is_on():
        return
    now, tries = clock.now(), policies.spends(phone, address, _in_force())
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
    there = holders.hold(person_id, inviter_id)  # neither is deleted before we commit
    if person_id not in there:
        raise Refusal("not_signed_in")
    if inviter_id not in there:
        raise Refusal("unknown_invite")
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
            raise Refusal("invite_loop" if loop_key else "unknown_invite")
        _once(rival[0], code)
        return False
    digest = digest_of(phone)
    is_first = sql.insert("invites_ledgerline", digest=digest, activated_at=now, expires_at=None)
    if not is_first and not sql.change(models.ENTER_ANEW, now, digest, now):
        raise Refusal("already_activated")  # by this number, in an earlier life; the insert above is rolled back
    sql.count_up("invites_tally", "inviter_id", "invitees", inviter_id)
    models.JournalLine.objects.create(at=now, what="activated", invitee_id=person_id, inviter_id=inviter_id, code=code)
    return True


def _once(entered: str, code: str) -> None:
    if entered != code:
        raise Refusal("already_activated")
