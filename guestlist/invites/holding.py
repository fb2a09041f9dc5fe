"""What we hold of a person: the code they entered, who entered theirs, and the journal of both."""

from datetime import datetime
from typing import Any

from django.conf import settings

from guestlist.invites import actions, models, rules
from guestlist.lib import clock, sql
from guestlist.people.holders import Known

PART = "invites"


def held(known: Known) -> dict[str, Any]:
    """The code that this person entered, and their invitees, as those wish to be seen."""
    entered = sql.row(models.ENTERED_AT, known.id)
    return {
        "entered": {"code": entered[0], "activated_at": sql.moment(entered[1])} if entered else None,
        "invitees": [
            {"phone": actions.shown(phone, how), "activated_at": sql.moment(at)}
            for phone, how, at in sql.rows(models.ALL_INVITEES, known.id)
        ],
    }


def erase(known: Known) -> None:
    """Leave the inviter's list and count, and let invitees keep the code without its owner.

    The ledger remembers the number, as a digest, for LEDGER_MONTHS more.
    """
    inviter = sql.row(models.INVITER_OF, known.id)
    if inviter and sql.change(models.DELETE_ACTIVATION, known.id):  # else an operator has undone it, a moment ago
        sql.change(models.EXPIRE, _expiry(clock.now()), actions.digest_of(known.phone))
        sql.change(models.COUNT_DOWN, inviter[0])
    sql.change(models.LOSE_INVITER, known.id)
    sql.change(models.DELETE_TALLY, known.id)


def _expiry(now: datetime) -> datetime:
    return rules.months_later(now, settings.LEDGER_MONTHS)
