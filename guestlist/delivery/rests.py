"""Gateways that failed too often in a row rest: a circuit breaker that all processes share, in a row each.

A gateway that works has no row, and costs a look at an empty table once a second in each process.
"""

import threading
import time
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from guestlist.delivery import models, rules
from guestlist.lib import audit, clock, sql

LOOKED_FOR = 1.0  # seconds that a look is good for

_turn = threading.Lock()
_seen: dict[str, "Resting"] = {}
_seen_at = 0.0


class Resting(NamedTuple):
    """A gateway that fails: how often in a row, and until when nobody asks it."""

    failures: int
    until: datetime | None


def troubled(now: datetime) -> dict[str, Resting]:
    """The gateways that fail, by name."""
    global _seen, _seen_at
    with _turn:
        if time.monotonic() - _seen_at < LOOKED_FOR:
            return _seen
        _seen_at = time.monotonic()
    found = sql.rows(models.RESTS)
    _seen = {name: Resting(failures, sql.maybe_moment(until)) for name, failures, until in found}
    return _seen


def awake(names: Iterable[str], now: datetime) -> list[str]:
    """Those that may be asked, in this order, each by its own turn: `may_ask` says so when that comes."""
    resting = troubled(now)
    return [name for name in names if name not in resting or (resting[name].until or now) <= now]


def may_ask(name: str, now: datetime) -> bool:
    """Whether this gateway may be asked now. Of one whose rest is over, only who is told so here may, alone."""
    resting = troubled(now).get(name)
    if resting is None or resting.until is None:
        return True
    if resting.until > now:
        return False
    is_first = sql.change(models.PROBE, now + rules.PROBES, name, now) == 1
    _look_again()
    return is_first


def wakes_in(names: Iterable[str], now: datetime) -> float:
    """Seconds until the first of these may be asked again; 0 when one may now."""
    resting = troubled(now)
    ends = [resting[name].until if name in resting else None for name in names]
    return max(0.0, min(((end - now).total_seconds() if end else 0.0 for end in ends), default=0.0))


def failed(name: str, now: datetime) -> None:
    """Count a failure, in the caller's transaction; the tenth in a row, and each one from then on, begins a rest."""
    sql.count_up("delivery_rest", "gateway", "failures", name)
    if sql.change(models.BEGIN_REST, now + rules.RESTS, name, rules.FAILURES):
        audit.record_once("gateway.rests", rules.RESTS, each="gateway", gateway=name)
    _look_again()


def worked(name: str) -> None:
    """Forget its failures, in the caller's transaction."""
    if name in _seen:
        sql.change(models.END_REST, name)
        _look_again()


@sql.in_one_transaction
def wake(name: str, operator: audit.Operator) -> bool:
    """End a gateway's rest, as an operator; whether it was resting. Other processes ask it within a second.

    Its failures stay: the next one begins a rest again at once.
    """
    is_woken = sql.change(models.WAKE, name, clock.now()) == 1
    if is_woken:
        audit.record("gateway.woken", ip=operator.ip, gateway=name, by=operator.name)
        _look_again()
    return is_woken


def _look_again() -> None:
    global _seen_at
    with _turn:
        _seen_at = 0.0
