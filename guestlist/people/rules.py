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
LONGEST_TYPED = 300  # a pasted link fits
# Crockford's own look-alikes, and the Cyrillic capitals that are drawn like Latin ones
LOOK_ALIKES = str.maketrans("OILАВЕКМНОРСТУХ", "011ABEKMH0PCTYX")
LINK = re.compile(r"/I/([^/?#\s]+)")
CODE_GAPS = re.compile(r"[\s\-‐-―_.]+")
CODE = re.compile(f"[{ALPHABET}]{{{INVITE_LENGTH}}}")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_looks_like_email = EmailValidator()


def draw_invite_code(below: Callable[[int], int]) -> str:
    """Six characters, each drawn by `below(32)`, a CSPRNG's fair number from 0 to 31."""
    return "".join(ALPHABET[below(len(ALPHABET))] for _ in range(INVITE_LENGTH))


def canonical(typed: str) -> str:
    """The invite code that a person typed, pasted or photographed. Refuses with `malformed_invite`.

    Forgiven: case, spaces, dashes, a pasted link, full-width letters, O for 0, I and L for 1, Cyrillic look-alikes.
    """
    if len(typed) <= LONGEST_TYPED:
        seen = "".join(letter for letter in typed if unicodedata.category(letter) != "Cf")  # messengers add unseen ones
        text = unicodedata.normalize("NFKC", seen).upper()
        link = LINK.search(text)
        code = CODE_GAPS.sub("", link[1] if link else text).translate(LOOK_ALIKES)
        if CODE.fullmatch(code):
            return code
    raise Refusal("malformed_invite")


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
