"""Chosen numbers with a fixed code of 8 digits, SANDBOX_NUMBERS: for those who review an app and have no such phone.

No message is sent to them. They work until a date at most 90 days away, until 100 wrong guesses, and never for a
number that a person held before it was listed.
"""

import logging
from datetime import UTC, datetime, timedelta

from django.conf import settings

from guestlist.lib import audit, sql
from guestlist.people import actions as people
from guestlist.signin import models, rules

PEPPER = 0  # stands in a challenge instead of a key of the ring: its code is the fixed one

log = logging.getLogger("guestlist.signin")


def code_of(phone: str, now: datetime) -> str | None:
    """The fixed code of a number, while it is listed and its last day is not over."""
    listed = settings.SANDBOX_NUMBERS.get(phone)
    return listed.code if listed and now.date() <= listed.until else None


def ends_at(phone: str) -> datetime:
    """When a listed number's last day is over: no session of it lives longer."""
    until = settings.SANDBOX_NUMBERS[phone].until + timedelta(days=1)
    return datetime(until.year, until.month, until.day, tzinfo=UTC)


def is_on(phone: str, now: datetime) -> bool:
    """Whether this number's code is the fixed one now. A listing is written down when it is asked for first."""
    if code_of(phone, now) is None:
        return False
    until = settings.SANDBOX_NUMBERS[phone].until.isoformat()
    found = sql.row(models.FIXED, phone)
    if found is None or found[1] < until:
        if people.id_of(phone) is not None:
            log.warning("SANDBOX_NUMBERS lists a number that a person holds: it gets real codes")
            return False
        # Only a later day lists a number anew, so that two listings side by side do not renew the guesses for ever.
        if not sql.insert("signin_fixednumber", phone=phone, wrong=0, until=until):
            sql.change(models.FIXED_ANEW, until, phone, until)
        found = sql.row(models.FIXED, phone)
    return found is not None and found[1] == until and found[0] < rules.FIXED_BUDGET


def switch_off(phone: str) -> None:
    """From now on a person holds this number who has proven it by a real code; in the transaction that makes them."""
    sql.change(models.FIXED_OFF, rules.FIXED_BUDGET, phone)


def count_a_guess(phone: str) -> bool:
    """Count a guess at a fixed code, before it is judged; False when there have been too many."""
    if not sql.change(models.FIXED_GUESS, phone, rules.FIXED_BUDGET):
        return False
    found = sql.row(models.FIXED, phone)
    if found and found[0] == rules.FIXED_BUDGET:
        audit.record("sandbox_number.off", phone=phone)
    return True


def take_back(phone: str) -> None:
    """Forget a guess that was right, in the transaction that consumes its challenge."""
    sql.change(models.FIXED_TAKE_BACK, phone)
