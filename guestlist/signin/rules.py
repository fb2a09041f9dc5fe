"""Codes and lifetimes. Pure: no database, no clock, no chance; those are arguments."""

import hmac
import re
import statistics
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from guestlist.lib import keys

LIFETIME = timedelta(seconds=300)  # NIST SP 800-63B-4 3.1.3.2 allows 10 minutes
TRIES = 3
RESEND_AFTER = timedelta(seconds=60)
LEAST_TO_LIVE = timedelta(seconds=120)  # below that, asking again gets a new code
DEVICE_LIFETIME = timedelta(days=180)
DEVICES_A_PHONE = 10
TOKEN_LIFETIME = timedelta(seconds=600)  # of a token for another service, which cannot be called back
TOKEN_TYPE = "at+jwt"  # noqa: S105  # RFC 9068: no other kind of JWT passes for it
FRESH_FOR = timedelta(minutes=5)  # after a sign-in: what cannot be undone is done in that time
SEEN_EVERY = timedelta(hours=1)  # last_seen_at is written at most this often, so reads are no writes

MEMORY = timedelta(days=30)  # how long a wrong guess counts
KNOWN_DEVICE_BUDGET = 10  # wrong guesses in 30 days; then the device counts as unknown
LONG_ENOUGH = 6  # digits, while the breaker is open and under the strict profile: NIST SP 800-63B-4 3.1.3.2
ADDRESS_LENGTH = 8  # digits, for unknown devices at an address that guessed too often
ADDRESS_GUESSES = ((20, timedelta(hours=1)), (50, timedelta(days=1)))
FIXED_LENGTH = 8  # digits of the codes of SANDBOX_NUMBERS
FIXED_BUDGET = 100  # wrong guesses at a fixed code, in all: 100/10^8 = 1e-6
BREAKER_LEAST, BREAKER_MOST, BREAKER_MONTH = 300, 1000, 1500  # wrong guesses at fewer than 6 digits, whole service
BREAKER_SHARE = 0.05  # of a day's confirmed sign-ins: as many as people mistype

SID = 22  # hex digits of a digest, 88 bits
LONGEST_TYPED = 32
GAPS = re.compile(r"[\s\-]")


class Lifetime(NamedTuple):
    """How long a session lives without use, and at most."""

    idle: timedelta
    most: timedelta


SESSIONS = {
    "cookie": Lifetime(timedelta(days=14), timedelta(days=30)),
    "token": Lifetime(timedelta(days=30), timedelta(days=90)),
}


class Rung(NamedTuple):
    """A step of the ladder: from how many wrong guesses on, the code's length, and how many are judged at it."""

    wrong: int
    digits: int
    budget: int | None  # None: as many as codes are sent, 10 a day with 3 tries each: 900 in 30 days


# 5/10^4 + 95/10^6 + 900/10^8 = 6.04e-4: the chance of a greedy attacker against one phone in 30 days.
LADDER = (Rung(0, 4, 5), Rung(3, 6, 95), Rung(100, 8, None))


class Challenge(NamedTuple):
    """The frozen facts of a challenge that a rule judges."""

    id: str
    phone: str
    salt: str
    pepper_id: int
    digits: int
    attempts: int
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    device: str = ""  # digest of the known device that asked; empty: an unknown one


def code_length(wrong_by_digits: Mapping[int, int], shortest: int) -> int:
    """The length of a phone's next code for unknown devices, given their wrong guesses of 30 days.

    A rung that is spent means a longer code, never a lock: so the last one has no budget.
    """
    wrong = sum(wrong_by_digits.values())
    lengths = [max(rung.digits, shortest) for rung in LADDER if rung is LADDER[-1] or wrong < _next(rung).wrong]
    return next(digits for digits in lengths if is_within_budget(wrong_by_digits, digits, shortest))


def is_within_budget(wrong_by_digits: Mapping[int, int], digits: int, shortest: int) -> bool:
    """Whether one more guess at codes of this length may be judged."""
    budgets = [rung.budget for rung in LADDER if max(rung.digits, shortest) == digits]
    if None in budgets:
        return True
    return wrong_by_digits.get(digits, 0) < sum(budget or 0 for budget in budgets)


def breaker_limit(confirmed_a_day: Sequence[int]) -> int:
    """How many wrong guesses a day the whole service takes at short codes, given a week's confirmed sign-ins by day."""
    usual = statistics.median(confirmed_a_day) if confirmed_a_day else 0
    return int(min(BREAKER_MOST, max(BREAKER_LEAST, BREAKER_SHARE * usual)))


def code_for(pepper: bytes, purpose: str, challenge: Challenge) -> str:
    """The code of a challenge: derived, never stored.

    HMAC-SHA-256 under the pepper; its first 8 bytes as a number modulo 10^digits. The bias is below 10^-11 at 8 digits.
    """
    tag = keys.mac(pepper, "v1", purpose, challenge.id, challenge.salt, challenge.phone, str(challenge.digits))
    return str(int.from_bytes(tag[:8], "big") % 10**challenge.digits).zfill(challenge.digits)


def matches(typed: str, code: str) -> bool:
    """Whether what a person typed is the code; spaces, dashes and digits of other scripts are forgiven."""
    digits = "".join(_ascii_digit(letter) for letter in GAPS.sub("", typed))
    return hmac.compare_digest(digits.encode("utf-8", "surrogatepass"), code.encode())


def is_alive(challenge: Challenge, phone: str, now: datetime) -> bool:
    """Whether the challenge is this phone's, unused, not too old, and has tries left."""
    unspent = challenge.used_at is None and challenge.attempts < TRIES
    return challenge.phone == phone and unspent and challenge.expires_at > now


def is_worth_repeating(challenge: Challenge, phone: str, digits: int, now: datetime) -> bool:
    """Whether asking again gets the same code: so late messages never confuse, and tries are not refilled."""
    has_time = challenge.expires_at - now >= LEAST_TO_LIVE
    return is_alive(challenge, phone, now) and challenge.digits == digits and has_time


def claims(issuer: str, audience: str, subject: str, session_id: str, token_id: str, now: datetime) -> dict[str, Any]:
    """What a token for another service says. `sid` tells sessions apart and is no session's id."""
    issued = int(now.timestamp())
    return {
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "sid": keys.digest(f"sid {session_id}")[:SID],
        "iat": issued,
        "exp": issued + seconds(TOKEN_LIFETIME),
        "jti": token_id,
    }


def seconds(span: timedelta) -> int:
    """Whole seconds of a span, rounded up, never negative."""
    return max(0, -int(-span.total_seconds() // 1))


def _next(rung: Rung) -> Rung:
    return LADDER[LADDER.index(rung) + 1]


def _ascii_digit(letter: str) -> str:
    value = unicodedata.decimal(letter, None)
    return letter if value is None else str(value)
