"""The limits of sending at work: an ask takes all or none. With LIMITS=relaxed they rest."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cache

from django.conf import settings

from guestlist.lib import keys, limits
from guestlist.lib.addresses import source
from guestlist.lib.refusals import Refusal
from guestlist.signin import policies


@cache
def in_force() -> dict[str, limits.Policy]:
    """Every policy by name, as the settings have it."""
    return limits.in_force(policies.POLICIES)


def asking(phone: str, device: str, ip: str, is_known: bool) -> policies.Asking:
    """An ask, as the limits see it."""
    tag = keys.mac(settings.LIMITS_SUBKEY, "tag", phone)[:6].hex()
    return policies.Asking(phone, tag, device, source(ip), is_known)


@contextmanager
def holding(who: policies.Asking, now: datetime) -> Iterator[list[limits.Spend]]:
    """Count one ask against every limit, or refuse with `too_many_requests` and count nothing.

    It stands around the ask's transaction, which has to `take` the spends that this yields.
    """
    if not limits.is_on():
        yield []
        return
    spends = policies.spends(who, in_force(), settings.SMS_DAILY_BUDGET)
    try:
        with limits.holding(spends, now, settings.LIMITS_SUBKEY) as rest:
            yield rest
    except limits.Limited as spent:
        raise Refusal("too_many_requests", retry_after=spent.retry_after) from spent


def take(spends: Sequence[limits.Spend], now: datetime) -> None:
    """The part of `holding` that belongs into the ask's transaction."""
    if spends:
        limits.take(spends, now, settings.LIMITS_SUBKEY)


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
