"""Challenges: made when a code is asked for, found again by the token that the client keeps. The code is derived."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings

from guestlist.lib import clock, keys, limits, sql
from guestlist.lib.addresses import source
from guestlist.signin import fixed, guard, models, rules

PURPOSE = "sign-in"


def code_of(challenge: rules.Challenge) -> str:
    """The code of a challenge; only the message's text and the sandbox's echo are made of it."""
    if is_fixed(challenge):
        return fixed.code_of(challenge.phone, clock.now()) or ""
    return rules.code_for(settings.CODE_PEPPERS[challenge.pepper_id], PURPOSE, challenge)


def is_fixed(challenge: rules.Challenge) -> bool:
    """Whether its code is one of SANDBOX_NUMBERS."""
    return challenge.pepper_id == fixed.PEPPER


def has_pepper(challenge: rules.Challenge) -> bool:
    """Whether its code can still be told: a key that left the ring takes its codes along, a listing its code."""
    if is_fixed(challenge):
        return fixed.code_of(challenge.phone, clock.now()) is not None
    return challenge.pepper_id in settings.CODE_PEPPERS


def id_of(token: str) -> str:
    """The id of the challenge whose token a client shows."""
    return keys.digest(token)


def find(id_: str) -> rules.Challenge | None:
    """The challenge with this id, or None."""
    found = _found([id_])
    return found[0] if found else None


def attempts(id_: str) -> int:
    """How many tries at this challenge are spent, all of them when it is gone."""
    found = find(id_)
    return found.attempts if found else rules.TRIES


def codes(ids: Sequence[str], due_at: datetime | None) -> dict[str, str]:
    """The codes of these challenges by their ids: of those that still work at a time, or, without one, of all."""
    return {
        challenge.id: code_of(challenge)
        for challenge in _found(ids)
        if has_pepper(challenge) and (due_at is None or rules.is_alive(challenge, challenge.phone, due_at))
    }


def newest_living(phone: str, now: datetime) -> str | None:
    """The id of the phone's newest living challenge, for clients without one: only the relaxed sandbox has them."""
    if limits.is_on():
        return None
    newest = sql.row(models.NEWEST_LIVING, phone, now - rules.LIFETIME, rules.TRIES, now)
    return newest[0] if newest else None


def phone_asked(token: str) -> str | None:
    """The number that the client with this token asked a code for."""
    challenge = find(id_of(token))
    return challenge.phone if challenge else None


def same_again(phone: str, token: str | None, who: guard.Class, now: datetime) -> tuple[str, rules.Challenge] | None:
    """The client's own challenge and its token, when asking again is to send the same code."""
    challenge = find(id_of(token)) if token else None
    if token is None or challenge is None or not has_pepper(challenge):
        return None
    if (challenge.device, is_fixed(challenge)) != (who.device, who.is_fixed):
        return None
    if not rules.is_worth_repeating(challenge, phone, who.digits, now):
        return None
    return token, challenge


def new(
    phone: str, region: str, old_token: str | None, who: guard.Class, ip: str, now: datetime
) -> tuple[str, rules.Challenge]:
    """A new challenge and its token, in the caller's transaction; it takes the place of the client's old one.

    One with a region has its part in how many codes of that country are confirmed.
    """
    if old_token:
        sql.change(models.SUPERSEDE, now, id_of(old_token), phone, now)
    token = keys.token(128)
    challenge = rules.Challenge(
        id=id_of(token),
        phone=phone,
        salt=keys.token(128),
        pepper_id=fixed.PEPPER if who.is_fixed else next(iter(settings.CODE_PEPPERS)),
        digits=who.digits,
        attempts=0,
        created_at=now,
        expires_at=now + rules.LIFETIME,
        used_at=None,
        device=who.device,
    )
    sql.insert("signin_challenge", **challenge._asdict(), region=region, address=source(ip))
    return token, challenge


def not_sent(id_: str) -> None:
    """Leave a code whose message was not sent out of what its country is judged by."""
    sql.change(models.NOT_SENT, id_)


def _found(ids: Sequence[str]) -> list[rules.Challenge]:
    if not ids:
        return []
    holes, some = sql.padded(ids)
    rows = [rules.Challenge(*row) for row in sql.rows(models.CHALLENGES.format(holes=holes), *some)]
    return [
        row._replace(
            created_at=sql.moment(row.created_at),
            expires_at=sql.moment(row.expires_at),
            used_at=sql.maybe_moment(row.used_at),
        )
        for row in rows
    ]
