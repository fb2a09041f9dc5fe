"""How an invite code is read, and how a page of invitees is named. Pure."""

import base64
import binascii
import calendar
import re
import unicodedata
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils.translation import gettext

from guestlist.lib.refusals import Refusal
from guestlist.people.rules import ALPHABET, INVITE_LENGTH

LONGEST_TYPED = 300  # a pasted link fits
# Crockford's own look-alikes, and the Cyrillic capitals that are drawn like Latin ones
LOOK_ALIKES = str.maketrans("OILАВЕКМНОРСТУХ", "011ABEKMH0PCTYX")
LINK = re.compile(r"/I/([^/?#\s]+)")
GAPS = re.compile(r"[\s\-‐-―_.]+")
CODE = re.compile(f"[{ALPHABET}]{{{INVITE_LENGTH}}}")
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class Cursor(NamedTuple):
    """Where a page of invitees begins: after this activation."""

    activated_at: datetime
    invitee_id: int


def canonical(typed: str) -> str:
    """The invite code that a person typed, pasted or photographed. Refuses with `malformed_invite`.

    Forgiven: case, spaces, dashes, a pasted link, full-width letters, O for 0, I and L for 1, Cyrillic look-alikes.
    """
    if len(typed) <= LONGEST_TYPED:
        seen = "".join(letter for letter in typed if unicodedata.category(letter) != "Cf")  # messengers add unseen ones
        text = unicodedata.normalize("NFKC", seen).upper()
        link = LINK.search(text)
        code = GAPS.sub("", link[1] if link else text).translate(LOOK_ALIKES)
        if CODE.fullmatch(code):
            return code
    raise Refusal("malformed_invite")


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
