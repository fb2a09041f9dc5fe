"""The ladder at work: how long a code is, and whether a guess may be judged. With LIMITS=relaxed it rests.

Everything that counts is in the database and is committed before an answer: processes and restarts change nothing.
"""

import logging
import time
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from django.conf import settings
from django.db import connection

from guestlist.lib import audit, keys, limits, sql
from guestlist.lib.addresses import source
from guestlist.signin import fixed, models, rules

STATISTICS_FOR = 3600.0  # seconds; a week's median moves slowly
DAY = timedelta(days=1)
BREAKER_TOLD = timedelta(hours=1)  # how often, while it stays open
LOCK = "INSERT INTO signin_guard (phone, guessed_at) VALUES (%s, %s)"
OR_FIND = {
    "sqlite": " ON CONFLICT (phone) DO UPDATE SET guessed_at = excluded.guessed_at",
    "postgresql": " ON CONFLICT (phone) DO UPDATE SET guessed_at = excluded.guessed_at",
    "mysql": " ON DUPLICATE KEY UPDATE guessed_at = VALUES(guessed_at)",
}

log = logging.getLogger("guestlist.signin")


class Class(NamedTuple):
    """What a client is to a phone: the digest of its known device (empty: unknown), and the length of its next code."""

    device: str
    digits: int
    is_fixed: bool = False  # one of SANDBOX_NUMBERS


class Counted(NamedTuple):
    """So many in the shorter of two times, and so many in the longer."""

    recent: int
    all: int


class Guesses(NamedTuple):
    """The wrong guesses of 30 days against a phone: of unknown devices by length, and of each known device.

    And of unknown devices: at short codes in 24 hours and in 30 days, and from the address in an hour and in a day.
    """

    unknown: dict[int, int]
    known: dict[str, int]
    short: Counted
    address: Counted


class Breaker(NamedTuple):
    """Wrong guesses of unknown devices at short codes, in 24 hours and in 30 days, and whether they are too many."""

    day: int
    month: int
    is_open: bool


def shortest() -> int:
    """The fewest digits that any code has."""
    strict = settings.SECURITY_PROFILE == "strict"
    return max(settings.CODE_DIGITS, rules.LONG_ENOUGH) if strict else int(settings.CODE_DIGITS)


def classify(phone: str, device_token: str | None, ip: str, now: datetime) -> Class:
    """Which class of client asks for a code to this phone, and so how long the code is."""
    least = shortest()
    if fixed.is_on(phone, now):
        return Class("", rules.FIXED_LENGTH, is_fixed=True)
    if not limits.is_on():
        return Class("", least)
    guesses = _guesses(phone, ip, now)
    device = _known(phone, device_token, now)
    if device and guesses.known.get(device, 0) < rules.KNOWN_DEVICE_BUDGET:
        return Class(device, least)
    digits = rules.code_length(guesses.unknown, least)
    if digits < rules.LONG_ENOUGH and _is_told_open(_breaker(guesses.short, now)):
        digits = rules.LONG_ENOUGH
    if digits < rules.ADDRESS_LENGTH and _are_too_many(guesses.address):
        digits = rules.ADDRESS_LENGTH
    return Class("", digits)


def reserve(challenge: rules.Challenge, ip: str, now: datetime) -> int | None:
    """Count a guess at this challenge before it is judged; its number, or None when it may not be judged.

    Must run, first of all, in a transaction that is committed before the code is compared: it locks the phone's row.
    """
    _lock(challenge.phone, now)
    guesses = _guesses(challenge.phone, ip, now)
    if not (_may_known_guess(challenge, guesses) if challenge.device else _may_unknown_guess(challenge, guesses, now)):
        return None
    return sql.insert_id(
        "signin_guess",
        phone=challenge.phone,
        device=challenge.device,
        digits=challenge.digits,
        address=source(ip),
        guessed_at=now,
    )


def take_back(guess_id: int) -> None:
    """Forget a guess that was right, in the transaction that consumes its challenge."""
    sql.change(models.TAKE_BACK, guess_id)


def is_breaker_open(now: datetime) -> bool:
    """Whether so many short codes were guessed wrong, over the whole service, that unknown devices get longer ones."""
    return _is_told_open(breaker(now))


def breaker(now: datetime) -> Breaker:
    """What the breaker counts, to be looked at: tells nobody."""
    month, day = sql.rows(models.SHORT_GUESSES, now - DAY, now - rules.MEMORY)[0]
    return _breaker(Counted(int(day), int(month)), now)


def _is_told_open(found: Breaker) -> bool:
    if found.is_open:
        audit.record_once("breaker.opened", BREAKER_TOLD, wrong_today=found.day, wrong_in_30_days=found.month)
    return found.is_open


def _breaker(short: Counted, now: datetime) -> Breaker:
    is_open = short.recent >= _breaker_limit(now) or short.all >= rules.BREAKER_MONTH
    return Breaker(short.recent, short.all, is_open)


def _guesses(phone: str, ip: str, now: datetime) -> Guesses:
    (_, hour), (_, day) = rules.ADDRESS_GUESSES
    of_phone, of_all = (phone, now - rules.MEMORY), (now - DAY, now - rules.MEMORY)
    unknown: dict[int, int] = {}
    known: dict[str, int] = {}
    counted: dict[str, Counted] = {}
    for what, device, digits, number, recent in sql.rows(
        models.GUESSES, *of_phone, *of_all, now - hour, source(ip), now - day
    ):
        if what != "phone":
            counted[what] = Counted(int(recent), int(number))
        elif device:
            known[device] = known.get(device, 0) + number
        else:
            unknown[digits] = number
    return Guesses(unknown, known, **counted)


def _may_known_guess(challenge: rules.Challenge, guesses: Guesses) -> bool:
    return guesses.known.get(challenge.device, 0) < rules.KNOWN_DEVICE_BUDGET


def _may_unknown_guess(challenge: rules.Challenge, guesses: Guesses, now: datetime) -> bool:
    if not rules.is_within_budget(guesses.unknown, challenge.digits, shortest()):
        return False
    return challenge.digits >= rules.LONG_ENOUGH or not _is_told_open(_breaker(guesses.short, now))


def _known(phone: str, token: str | None, now: datetime) -> str:
    digest = keys.digest(token) if token else ""
    is_known = digest and sql.row(models.KNOWN_DEVICE, phone, digest, now - rules.DEVICE_LIFETIME)
    return digest if is_known else ""


def _are_too_many(from_address: Counted) -> bool:
    (hourly, _), (daily, _) = rules.ADDRESS_GUESSES
    return from_address.all >= daily or from_address.recent >= hourly


def _lock(phone: str, now: datetime) -> None:
    # One statement whether or not there is a row: who has signed in has one, and the time of a second would tell.
    sql.change(LOCK + OR_FIND[connection.vendor], phone, now)


_limit: tuple[float, int] | None = None  # when it was worked out, by this process's own clock


def _breaker_limit(now: datetime) -> int:
    global _limit
    if _limit is None or time.monotonic() - _limit[0] > STATISTICS_FOR:
        days = [now - timedelta(days=day) for day in range(8)]
        confirmed = [sql.rows(models.DEVICES_SINCE, start, end)[0][0] for end, start in pairwise(days)]
        _limit = time.monotonic(), rules.breaker_limit(confirmed)
    return _limit[1]
