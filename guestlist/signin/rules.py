"""Codes and lifetimes. Pure: no database, no clock, no chance; those are arguments."""

import hmac
import re
import unicodedata
from datetime import datetime, timedelta
from typing import NamedTuple

from guestlist.lib import keys

LIFETIME = timedelta(seconds=300)  # NIST SP 800-63B-4 3.1.3.2 allows 10 minutes
TRIES = 3
RESEND_AFTER = timedelta(seconds=60)
LEAST_TO_LIVE = timedelta(seconds=120)  # below that, asking again gets a new code
DEVICE_LIFETIME = timedelta(days=180)
DEVICES_A_PHONE = 10
SEEN_EVERY = timedelta(hours=1)  # last_seen_at is written at most this often, so reads are no writes

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


def is_worth_repeating(challenge: Challenge, phone: str, digits: int, now: datetime) -> bool:
    """Whether asking again gets the same code: so late messages never confuse, and tries are not refilled."""
    return (
        challenge.phone == phone
        and challenge.digits == digits
        and challenge.used_at is None
        and challenge.attempts < TRIES
        and challenge.expires_at - now >= LEAST_TO_LIVE
    )


def seconds(span: timedelta) -> int:
    """Whole seconds of a span, rounded up, never negative."""
    return max(0, -int(-span.total_seconds() // 1))


def _ascii_digit(letter: str) -> str:
    value = unicodedata.decimal(letter, None)
    return letter if value is None else str(value)
