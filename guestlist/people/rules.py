"""What a person's fields may be. Pure: no database, no clock; chance comes in as an argument."""

import re
import unicodedata
from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

from guestlist.lib.refusals import Refusal

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
INVITE_LENGTH = 6  # 32^6 = 1.07e9 codes
PUBLIC_ID = 22  # 128 random bits in base 64
LONGEST_TEXT = 150
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_looks_like_email = EmailValidator()


def draw_invite_code(below: Callable[[int], int]) -> str:
    """Six characters, each drawn by `below(32)`, a CSPRNG's fair number from 0 to 31."""
    return "".join(ALPHABET[below(len(ALPHABET))] for _ in range(INVITE_LENGTH))


def username(text: str) -> str:
    """The name as it is kept: NFC, no white space around it; `""` clears it. Refuses with `invalid_username`."""
    return _text(text, "invalid_username")


def email(text: str) -> str:
    """The address as it is kept; `""` clears it. Refuses with `invalid_email`."""
    address = _text(text, "invalid_email")
    try:
        if address:
            _looks_like_email(address)
    except ValidationError as error:
        raise Refusal("invalid_email") from error
    return address


def _text(text: str, refusal: str) -> str:
    tidy = unicodedata.normalize("NFC", text).strip()
    if len(tidy) > LONGEST_TEXT or CONTROL.search(text):
        raise Refusal(refusal)
    return tidy
