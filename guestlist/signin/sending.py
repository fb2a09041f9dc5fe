"""The limits of sending at work: an ask takes all or none.

With LIMITS=relaxed they rest, but for those by address where the sandbox is open to others.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache, partial

from django.conf import settings
from django.db import transaction

from guestlist.lib import audit, keys, limits
from guestlist.lib.addresses import source
from guestlist.lib.refusals import Refusal
from guestlist.signin import policies

# It spares numbers that somebody has signed in with. With a live gateway a refusal would tell which those are, so the
# ask is answered like every other and nothing is sent (docs/decisions/0015).
WITHHELD = "CODES_PER_PREFIX"

log = logging.getLogger("guestlist.signin")


@cache
def in_force() -> dict[str, limits.Policy]:
    """Every policy by name, as the settings have it."""
    return limits.in_force(policies.POLICIES)


def asking(phone: str, device: str, ip: str, is_known: bool, slowed: str = "") -> policies.Asking:
    """An ask, as the limits see it."""
    tag = keys.mac(settings.LIMITS_SUBKEY, "tag", phone)[:6].hex()
    return policies.Asking(phone, tag, device, source(ip), is_known, slowed)


def is_by_address() -> bool:
    """Whether codes are limited by address: a relaxed sandbox that others reach is no less a target for floods."""
    return limits.is_on() or bool(settings.IS_OPEN)


def enforced(who: policies.Asking) -> list[limits.Spend]:
    """What an ask uses of the limits that are enforced now."""
    if not limits.is_on():
        return policies.address_spends(who, in_force()) if is_by_address() else []
    soft = policies.dry(settings.DRY_RUN) | (set() if settings.IS_SANDBOX else {WITHHELD})
    return policies.spends(who, in_force(), settings.SMS_DAILY_BUDGET, soft)


@contextmanager
def holding(who: policies.Asking, now: datetime) -> Iterator[limits.Holding]:
    """Count one ask against every limit that is enforced, or refuse with `too_many_requests` and count nothing.

    It stands around the ask's transaction, which has to `take` what this yields.
    """
    try:
        with limits.holding(enforced(who), now, settings.LIMITS_SUBKEY) as held:
            yield held
    except limits.Limited as spent:
        raise Refusal("too_many_requests", retry_after=spent.retry_after) from spent


def wait(who: policies.Asking, now: datetime) -> float:
    """Seconds until the limits alone would allow this ask."""
    hard = [spend for spend in enforced(who) if not spend.is_soft]
    return limits.would_wait(hard, now, settings.LIMITS_SUBKEY) if hard else 0.0


def take(held: limits.Holding, now: datetime) -> limits.Taken:
    """The part of `holding` that belongs into the ask's transaction; in `passed` what is spent and refuses nothing."""
    if not held.rest:
        return limits.NOTHING_TAKEN._replace(passed=held.passed)
    taken = limits.take(held.rest, now, settings.LIMITS_SUBKEY)
    passed = list(dict.fromkeys([*held.passed, *taken.passed]))
    if withheld(passed):  # what is not sent costs nothing of the day
        limits.take_back([policies.in_all(in_force(), settings.SMS_DAILY_BUDGET)], now, settings.LIMITS_SUBKEY)
    else:
        _watch_budget(taken.counted.get("CODES_IN_ALL", 0), settings.SMS_DAILY_BUDGET)
    return taken._replace(passed=passed)


def withheld(passed: Iterable[str]) -> str:
    """The limit for whose sake the message is not sent though the answer says so; "" when it is sent."""
    return WITHHELD if WITHHELD in passed and WITHHELD not in settings.DRY_RUN else ""


def resend_in(who: policies.Asking, now: datetime, taken: limits.Taken = limits.NOTHING_TAKEN) -> int:
    """Seconds until the limits of the phone allow this client to ask again; 0 in the relaxed sandbox.

    What was `taken` by its ask a moment ago is not read again.
    """
    if not limits.is_on():
        return 0
    spends = policies.phone_spends(who, in_force())
    return int(-(-limits.would_wait(spends, now, settings.LIMITS_SUBKEY, taken) // 1))


def confirmed(who: policies.Asking, now: datetime) -> None:
    """Give a confirmed ask back to its address, and waive the pause, once an hour; never phone, prefix or budget.

    In the sign-in's transaction; `confirmed_held` follows it.
    """
    given_back = _given_back(who)
    if not limits.is_on():
        limits.forgive(given_back, now, settings.LIMITS_SUBKEY)
        return
    pause = policies.phone_spends(who, in_force())[0]
    once = limits.Spend(in_force()["PAUSE_WAIVED"], f"{who.phone} {who.device}")  # or by this sign-in's twin
    limits.forgive(given_back, now, settings.LIMITS_SUBKEY, also=[pause], at=once)


def confirmed_held(who: policies.Asking, now: datetime) -> None:
    """Give back to the address what is counted outside of the database, after the sign-in's transaction."""
    limits.forgive_held(_given_back(who), now, settings.LIMITS_SUBKEY)


def budget_used(now: datetime) -> int:
    """Codes that count against SMS_DAILY_BUDGET, of this day (UTC); 0 in the relaxed sandbox."""
    whole = policies.in_all(in_force(), settings.SMS_DAILY_BUDGET)
    return limits.used(whole, now, settings.LIMITS_SUBKEY) if limits.is_on() else 0


def allowance(ip: str, now: datetime, taken: limits.Taken = limits.NOTHING_TAKEN) -> limits.Allowance | None:
    """How many codes this address may still ask for, by its tightest window; None where it is not limited."""
    if not is_by_address():
        return None
    whole = limits.Spend(in_force()["CODES_PER_ADDRESS"], source(ip))
    return limits.left(whole, now, settings.LIMITS_SUBKEY, taken)


def _given_back(who: policies.Asking) -> list[limits.Spend]:
    spends = policies.address_spends(who, in_force()) if is_by_address() and not who.device else []
    return [spend for spend in spends if not spend.policy.is_counted]


def _watch_budget(used: int, budget: int) -> None:
    if used == policies.unreserved(budget):  # exactly one ask of the day takes this one, whichever process it is in
        audit.record("budget.low", used=used, budget=budget)
        words = "%d of the day's %d codes are used (SMS_DAILY_BUDGET): the rest is kept for known devices"
        transaction.on_commit(partial(log.warning, words, used, budget))
