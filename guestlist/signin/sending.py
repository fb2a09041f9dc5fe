"""The limits of sending at work: taken in the ask's own transaction, all or none. With LIMITS=relaxed they rest."""

from contextlib import suppress
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


def take(who: policies.Asking, now: datetime) -> None:
    """Count one ask against every limit, or refuse with `too_many_requests` and count nothing."""
    if not limits.is_on():
        return
    try:
        limits.take(policies.spends(who, in_force(), settings.SMS_DAILY_BUDGET), now, settings.LIMITS_SUBKEY)
    except limits.Limited as spent:
        raise Refusal("too_many_requests", retry_after=spent.retry_after) from spent


def resend_in(who: policies.Asking, now: datetime) -> int:
    """Seconds until the limits of the phone allow this client to ask again; 0 in the relaxed sandbox."""
    if not limits.is_on():
        return 0
    return int(-(-limits.would_wait(policies.phone_spends(who, in_force()), now, settings.LIMITS_SUBKEY) // 1))


def confirmed(who: policies.Asking, now: datetime) -> None:
    """Give a confirmed ask back to its address, and waive the pause, once an hour; never phone, prefix or budget."""
    if not limits.is_on():
        return
    given_back = [] if who.device else policies.address_spends(who, in_force())
    waived = limits.Spend(in_force()["PAUSE_WAIVED"], f"{who.phone} {who.device}")
    with suppress(limits.Limited):  # it was waived within the hour, by this sign-in's twin perhaps
        limits.take([waived], now, settings.LIMITS_SUBKEY)
        given_back = [policies.phone_spends(who, in_force())[0], *given_back]
    given_back = [spend for spend in given_back if not spend.policy.is_counted]
    if given_back:
        limits.forgive(given_back, now, settings.LIMITS_SUBKEY)


def allowance(ip: str, now: datetime) -> limits.Allowance | None:
    """How many codes this address may still ask for, by its tightest window; None in the relaxed sandbox."""
    if not limits.is_on():
        return None
    return limits.left(limits.Spend(in_force()["CODES_PER_ADDRESS"], source(ip)), now, settings.LIMITS_SUBKEY)
