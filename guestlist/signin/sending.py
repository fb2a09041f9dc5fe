"""The limits of sending at work: an ask takes all or none. With LIMITS=relaxed they rest."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cache

from django.conf import settings

from guestlist.lib import keys, limits
from guestlist.lib.addresses import source
from guestlist.lib.refusals import Refusal
from guestlist.signin import policies

# It spares numbers that somebody has signed in with. With a live gateway a refusal would tell which those are, so the
# ask is answered like every other and nothing is sent (docs/decisions/0015).
WITHHELD = "CODES_PER_PREFIX"


@cache
def in_force() -> dict[str, limits.Policy]:
    """Every policy by name, as the settings have it."""
    return limits.in_force(policies.POLICIES)


def asking(phone: str, device: str, ip: str, is_known: bool, slowed: str = "") -> policies.Asking:
    """An ask, as the limits see it."""
    tag = keys.mac(settings.LIMITS_SUBKEY, "tag", phone)[:6].hex()
    return policies.Asking(phone, tag, device, source(ip), is_known, slowed)


@contextmanager
def holding(who: policies.Asking, now: datetime) -> Iterator[limits.Holding]:
    """Count one ask against every limit, or refuse with `too_many_requests` and count nothing.

    It stands around the ask's transaction, which has to `take` what this yields.
    """
    if not limits.is_on():
        yield limits.Holding([], [])
        return
    soft = policies.dry(settings.DRY_RUN)
    if not settings.IS_SANDBOX:
        soft.add(WITHHELD)
    try:
        spends = policies.spends(who, in_force(), settings.SMS_DAILY_BUDGET, soft)
        with limits.holding(spends, now, settings.LIMITS_SUBKEY) as held:
            yield held
    except limits.Limited as spent:
        raise Refusal("too_many_requests", retry_after=spent.retry_after) from spent


def take(held: limits.Holding, now: datetime) -> list[str]:
    """The part of `holding` that belongs into the ask's transaction; the limits that are spent and refuse nothing."""
    passed = limits.take(held.rest, now, settings.LIMITS_SUBKEY) if held.rest else []
    return list(dict.fromkeys([*held.passed, *passed]))


def withheld(passed: Iterable[str]) -> str:
    """The limit for whose sake the message is not sent though the answer says so; "" when it is sent."""
    return WITHHELD if WITHHELD in passed and WITHHELD not in settings.DRY_RUN else ""


def resend_in(who: policies.Asking, now: datetime) -> int:
    """Seconds until the limits of the phone allow this client to ask again; 0 in the relaxed sandbox."""
    if not limits.is_on():
        return 0
    return int(-(-limits.would_wait(policies.phone_spends(who, in_force()), now, settings.LIMITS_SUBKEY) // 1))


def confirmed(who: policies.Asking, now: datetime) -> None:
    """Give a confirmed ask back to its address, and waive the pause, once an hour; never phone, prefix or budget.

    In the sign-in's transaction; `confirmed_held` follows it.
    """
    if not limits.is_on():
        return
    given_back = _given_back(who)
    waived = limits.Spend(in_force()["PAUSE_WAIVED"], f"{who.phone} {who.device}")
    with suppress(limits.Limited):  # it was waived within the hour, by this sign-in's twin perhaps
        limits.take([waived], now, settings.LIMITS_SUBKEY)
        given_back = [policies.phone_spends(who, in_force())[0], *given_back]
    limits.forgive(given_back, now, settings.LIMITS_SUBKEY)


def confirmed_held(who: policies.Asking, now: datetime) -> None:
    """Give back to the address what is counted outside of the database, after the sign-in's transaction."""
    if limits.is_on():
        limits.forgive_held(_given_back(who), now, settings.LIMITS_SUBKEY)


def allowance(ip: str, now: datetime) -> limits.Allowance | None:
    """How many codes this address may still ask for, by its tightest window; None in the relaxed sandbox."""
    if not limits.is_on():
        return None
    return limits.left(limits.Spend(in_force()["CODES_PER_ADDRESS"], source(ip)), now, settings.LIMITS_SUBKEY)


def _given_back(who: policies.Asking) -> list[limits.Spend]:
    spends = [] if who.device else policies.address_spends(who, in_force())
    return [spend for spend in spends if not spend.policy.is_counted]
