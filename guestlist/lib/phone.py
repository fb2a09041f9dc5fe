"""Phone numbers: any usual spelling in, E.164 out. Knows Google's metadata and nothing of ours.

Nothing is remembered from one call to the next: a number that was asked for lately would be read sooner, by 0.3 ms,
and whoever measures that learns who has signed in lately (docs/decisions/0017-no-cache-of-numbers.md).
"""

import unicodedata
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneNumberType as Type

from guestlist.lib.refusals import Refusal

LONGEST = 64  # characters of a spelling; E.164 itself has at most 15 digits
LONGEST_E164 = 16  # with its plus
ANYWHERE = "001"  # the region of numbers that belong to no country: satellites, +800, +979

# Numbers that earn whoever holds them a share, forward to anywhere (Britain's 070), or have no screen. The others pass:
# FIXED_LINE_OR_MOBILE is every number of North America; VOIP is some people's only number; UNKNOWN is Google's
# metadata being behind, which shall keep nobody out.
UNSUITED = {
    *(Type.PREMIUM_RATE, Type.SHARED_COST, Type.TOLL_FREE, Type.PERSONAL_NUMBER),
    *(Type.FIXED_LINE, Type.UAN, Type.VOICEMAIL, Type.PAGER),
}


class Kind(NamedTuple):
    """Where a number belongs, and whether it is one of those that messages are for."""

    region: str  # ISO 3166; ANYWHERE; empty: nobody knows
    takes_messages: bool


def parse(text: str, region: str) -> str:
    """The E.164 form of a spelling; numbers without a country code are read as of `region` (ISO 3166, such as RU).

    Refuses with `invalid_phone` what is too long, has letters (so extensions and vanity numbers too: no code reaches
    those) or is no number that exists by `is_valid_number`.
    """
    if len(text) > LONGEST:
        raise Refusal("invalid_phone")
    e164 = _parse(text, region)
    if e164 is None:
        raise Refusal("invalid_phone")
    return e164


def _parse(text: str, region: str) -> str | None:
    spelled = "".join(letter for letter in text if unicodedata.category(letter) != "Cf").strip()
    if spelled[:4].lower() == "tel:":
        spelled = spelled[4:]
    if any(letter.isalpha() or letter in ";,#" for letter in spelled):
        return None
    for candidate in (spelled, "+" + spelled[2:] if spelled.startswith("00") else ""):
        try:
            number = phonenumbers.parse(candidate, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number) and not number.extension:
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return None


def kind(e164: str) -> Kind:
    """The region of a number that `parse` gave, and whether its type is one that codes can be sent to."""
    number = phonenumbers.parse(e164)
    return Kind(phonenumbers.region_code_for_number(number) or "", phonenumbers.number_type(number) not in UNSUITED)


def masked(e164: str) -> str:
    """The number as others may see it: country code, first three digits, last two: `+7 900 ***-**-33`.

    Of short numbers fewer digits are shown, so that at least three always stay hidden.
    """
    number = phonenumbers.parse(e164)
    digits = phonenumbers.national_significant_number(number)
    first = min(3, max(0, len(digits) - 5))
    last = min(2, max(0, len(digits) - 3))
    stars = "***-**" if len(digits) >= 8 else "***"
    return " ".join(
        filter(None, [f"+{number.country_code}", digits[:first], f"{stars}-{digits[len(digits) - last :]}"])
    )


def starred(e164: str) -> str:
    """The number as logs may hold it: country code and last two digits, `+7********33`. Parses nothing: it is cheap."""
    codes = phonenumbers.COUNTRY_CODE_TO_REGION_CODE  # no country code begins with another
    code = next((e164[1:end] for end in (2, 3, 4) if int(e164[1:end] or 0) in codes), "")
    return f"+{code}{'*' * (len(e164) - len(code) - 3)}{e164[-2:]}"


def national(e164: str, region: str) -> str:
    """The number as a person of `region` would write it."""
    number = phonenumbers.parse(e164)
    at_home = phonenumbers.region_code_for_number(number) == region
    style = phonenumbers.PhoneNumberFormat.NATIONAL if at_home else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(number, style)
