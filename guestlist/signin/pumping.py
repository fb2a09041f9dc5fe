"""Defences against pumping: codes asked for by somebody who earns on each message, or wants it to cost us.

Regions and kinds of number are refused where gateways are live. A country, an address or a prefix whose codes nobody
confirms is paused for unknown devices: the pauses are rows that all processes share. See docs/security.md.
"""

import threading
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from guestlist.lib import audit, clock, limits, sql
from guestlist.lib.addresses import source
from guestlist.lib.phone import Kind, starred
from guestlist.lib.refusals import Because, Refusal
from guestlist.signin import conversion, models, policies, rules, sending

CONVERSION = limits.Policy("CONVERSION", (), "codes to a country, address or prefix whose codes nobody confirms")
JUDGED_EVERY = timedelta(seconds=5)  # a region, by each process
MOST_CODES = 5000  # the newest of the window
MOST_PAUSES = 100  # begun by one judgement; the next one goes on

_judged: dict[str, datetime] = {}
_turn = threading.Lock()


def check(asking: policies.Asking, kind: Kind, ip: str, now: datetime) -> str:
    """Refuse what may not be sent to, and an ask that is paused; outside of the ask's transaction.

    Refuses with `phone_not_allowed` and `too_many_requests`. The answer is the number's region when codes to it are
    slowed, else empty: PHONE_REGION is never wholly paused, and known devices never are.
    """
    _check_number(asking.phone, kind, ip)
    return "" if asking.device or not limits.is_on() else _check_conversion(asking, kind.region, ip, now)


def tell(passed: Iterable[str], phone: str, ip: str) -> None:
    """Write down the limits that are spent and refused nothing: they run dry, or keep the message back in silence."""
    dry = policies.dry(settings.DRY_RUN)
    for name in passed:
        what: dict[str, bool] = {"dry_run" if name in dry else "withheld": True}
        audit.refused("limit.refused", name, phone=phone, ip=ip, of="code.refused", **what)


def broken_rules(kind: Kind) -> list[str]:
    """The rules that let live gateways send nothing to such a number, dry or not; the sandbox has none."""
    region, takes_messages = kind
    kept = {
        "PHONE_REGIONS": "*" in settings.PHONE_REGIONS or region in settings.PHONE_REGIONS,
        "PHONE_TYPES": takes_messages,
    }
    return [] if settings.IS_SANDBOX else [rule for rule, is_kept in kept.items() if not is_kept]


@sql.in_one_transaction
def end(pause: models.Pause, operator: audit.Operator) -> bool:
    """End a pause, as an operator; whether it was running. Codes from before do not count again; the next is short."""
    now = clock.now()
    has_ended = sql.change(models.END_PAUSE, now, pause.scope, now) == 1
    if has_ended:
        audit.record("pause.ended", ip=operator.ip, scope=_told(pause.scope), by=operator.name)
    return has_ended


def _check_number(phone: str, kind: Kind, ip: str) -> None:
    region = kind.region
    for rule in broken_rules(kind):
        if rule not in settings.DRY_RUN:
            raise Refusal("phone_not_allowed") from Because(rule, region=region)
        audit.refused("code.refused", rule, phone=phone, ip=ip, region=region, dry_run=True)


def _check_conversion(asking: policies.Asking, region: str, ip: str, now: datetime) -> str:
    phone = asking.phone
    _judge(region, now)
    found = sql.rows(models.PAUSES_AT, *conversion.scopes(phone, region, source(ip)), _is_dry())
    paused = {
        scope: ends_at for scope, ends_at in ((scope, sql.moment(end)) for scope, end, _ in found) if ends_at > now
    }
    is_slowed = region == settings.PHONE_REGION and paused.pop(f"region:{region}", None) is not None
    if paused and _is_dry():
        tell([CONVERSION.name], phone, ip)
    elif paused:
        # The limits may ask for longer than the pause, and waiting as long as the answer says has to work.
        seconds = max((max(paused.values()) - now).total_seconds(), sending.wait(asking, now))
        wait = limits.rounded_up(seconds)
        raise Refusal("too_many_requests", retry_after=wait) from limits.Limited(CONVERSION, wait)
    return region if is_slowed else ""


def _judge(region: str, now: datetime) -> None:
    if not _is_due(region, now):
        return
    oldest = now - conversion.WINDOW
    rows = sql.rows(models.CODES_TO, region, oldest, now - rules.LIFETIME, MOST_CODES)
    codes = [
        conversion.Code(conversion.scopes(phone, region, address), sql.moment(asked_at), used_at is not None)
        for phone, address, asked_at, used_at in rows
    ]
    pauses = {
        scope: conversion.Pause(sql.moment(ends_at), seconds)
        for scope, ends_at, seconds in sql.rows(models.PAUSES_IN, region, now - conversion.GOOD_FOR, _is_dry())
    }
    judgement = conversion.judge(f"region:{region}", codes, pauses, now)
    if judgement.is_low:
        facts: dict[str, Any] = {"region": region, **judgement.tally._asdict()}
        audit.record_once("conversion.low", conversion.GOOD_FOR, each="region", **facts)
    if judgement.pauses:
        _begin(region, judgement.pauses[:MOST_PAUSES], now)


def _is_due(region: str, now: datetime) -> bool:
    with _turn:
        last = _judged.get(region)
        if last is not None and last <= now < last + JUDGED_EVERY:
            return False
        _judged[region] = now
        return True


@sql.in_one_transaction
def _begin(region: str, pauses: Sequence[conversion.Begun], now: datetime) -> None:
    is_dry = _is_dry()
    for pause in sorted(pauses):  # everybody locks them in the same order
        ends_at = now + timedelta(seconds=pause.seconds)
        row: dict[str, Any] = {"scope": pause.scope, "region": region, "seconds": pause.seconds, "ends_at": ends_at}
        row["is_dry"] = is_dry  # what is only watched never becomes a pause, whatever becomes of DRY_RUN
        # The row's key and its end decide: of two processes that judge at once, one begins the pause.
        again = (ends_at, pause.seconds, is_dry, pause.scope, now, is_dry)
        if sql.change(models.PAUSE_AGAIN, *again) or sql.insert("signin_pause", **row):
            facts: dict[str, Any] = {"seconds": pause.seconds, **pause.tally._asdict(), "dry_run": is_dry or None}
            audit.record("conversion.paused", scope=_told(pause.scope), region=region, **facts)


def _is_dry() -> bool:
    return CONVERSION.name in settings.DRY_RUN


def _told(scope: str) -> str:
    """A scope as the audit trail may hold it: an address as it is, a prefix starred."""
    what, _, which = scope.partition(":")
    return f"{what}:{starred(which)}" if what == "prefix" else scope
