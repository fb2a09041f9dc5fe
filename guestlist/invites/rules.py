"""How a page of invitees is named; how an invite code is read stands with people. Pure."""

import base64
import binascii
import calendar
import unicodedata
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils.translation import gettext

from guestlist.lib.refusals import Refusal
from guestlist.people.rules import CONTROL, LONGEST_TEXT
from guestlist.people.rules import canonical as canonical

EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class Cursor(NamedTuple):
    """Where a page of invitees begins: after this activation."""

    activated_at: datetime
    invitee_id: int


def reason(typed: str) -> str:
    """Why an operator does what they do, as it is kept. Refuses with `invalid_request` what is empty or too long."""
    tidy = unicodedata.normalize("NFC", typed).strip()
    if not tidy or len(tidy) > LONGEST_TEXT or CONTROL.search(tidy):
        words = gettext("Give a reason, of at most 150 characters.")
        raise Refusal("invalid_request", errors=[{"field": "reason", "detail": words}])
    return tidy


def months_later(moment: datetime, months: int) -> datetime:
    """The same day and time so many months later; the last day of a shorter month."""
    years, month = divmod(moment.month - 1 + months, 12)
    last = calendar.monthrange(moment.year + years, month + 1)[1]
    return moment.replace(year=moment.year + years, month=month + 1, day=min(moment.day, last))


def cursor_text(cursor: Cursor) -> str:
    """A cursor as it stands in a URL."""
    micros = (cursor.activated_at - EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(f"{micros}.{cursor.invitee_id}".encode()).decode().rstrip("=")


def cursor_from(text: str) -> Cursor:
    """The cursor of a URL, or of a whole `next`. Refuses with `invalid_request` what is none."""
    text = text.rpartition("cursor=")[2].partition("&")[0]
    try:
        micros, invitee_id = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii").split(".")
        if not (micros.isdigit() and invitee_id.isdigit() and len(micros) <= 17 and len(invitee_id) <= 18):
            raise ValueError(text)
        return Cursor(EPOCH + timedelta(microseconds=int(micros)), int(invitee_id))
    except (ValueError, binascii.Error) as error:
        raise Refusal(
            "invalid_request", errors=[{"field": "cursor", "detail": gettext("This is not a cursor of ours.")}]
        ) from error
