"""Tokens for other services: a JWT of ten minutes that says who is signed in. It opens nothing here."""

from typing import Any, NamedTuple

from django.conf import settings

from guestlist.lib import audit, clock, keys, limits, sql
from guestlist.lib.refusals import Refusal
from guestlist.people import actions as people
from guestlist.signin import policies, rules, sessions


class Minted(NamedTuple):
    """A token, and how long it lives."""

    token: str
    expires_in: int


def mint(caller: sessions.Caller, audience: str, ip: str) -> Minted:
    """A token for one of JWT_AUDIENCES. Refuses with `too_many_requests`.

    Nothing calls it back: it outlives its session by up to its ten minutes.
    """
    if audience not in settings.JWT_AUDIENCES:
        raise ValueError("the caller must have checked the audience")
    from guestlist.lib import jwt  # here, so that a start without tokens does not wait for its library

    token_id = keys.token(128)
    with audit.refusals("token.refused", person_id=caller.person_id, ip=ip):
        subject = _note(caller, audience, token_id, ip)
    claims = rules.claims(settings.PUBLIC_URL, audience, subject, caller.session_id, token_id, clock.now())
    newest = next(iter(settings.JWT_KEYS.values()))
    return Minted(jwt.signed(newest, rules.TOKEN_TYPE, claims), rules.seconds(rules.TOKEN_LIFETIME))


def public_keys() -> list[dict[str, Any]]:
    """The public keys of the ring, newest first: an old one stays until it is dropped."""
    from guestlist.lib import jwt

    return [jwt.public(seed) for seed in settings.JWT_KEYS.values()]


@sql.in_one_transaction
def _note(caller: sessions.Caller, audience: str, token_id: str, ip: str) -> str:
    """The person's public id, with the token counted and its line written."""
    if limits.is_on():
        used = limits.Spend(limits.in_force(policies.POLICIES)["TOKENS_PER_PERSON"], str(caller.person_id))
        try:
            limits.take([used], clock.now(), settings.LIMITS_SUBKEY)
        except limits.Limited as spent:
            raise Refusal("too_many_requests", retry_after=spent.retry_after) from spent
    facts = {"session": sessions.short(caller.session_id), "audience": audience, "jti": token_id}
    audit.record("token.minted", person_id=caller.person_id, ip=ip, **facts)
    return people.public_id(caller.person_id)
