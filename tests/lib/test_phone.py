"""Phone numbers: every spelling of a number is the same number, and everything else is refused, never an error."""

import re

import phonenumbers
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from guestlist.lib import phone
from guestlist.lib.refusals import Refusal

ALICE = "+79001112233"

SPELLINGS = [
    "+79001112233",
    "79001112233",
    "89001112233",
    "9001112233",
    "0079001112233",
    "00 7 900 111-22-33",
    "8 10 7 900 111 22 33",
    "8~10 7 900 111-22-33",
    "+7 900 111 22 33",
    "+ 7 900 111 22 33",
    "+7-900-111-22-33",
    "+7.900.111.22.33",
    "8 900 111 22 33",
    "8-900-111-22-33",
    "8 (900) 111-22-33",
    "8(900)1112233",
    "(900) 111-22-33",
    "[8] 900 111 22 33",
    "(+7) 900 111 22 33",
    "8/900/111/22/33",
    "  +79001112233\n",
    "+7\N{NO-BREAK SPACE}900\N{NO-BREAK SPACE}111\N{NO-BREAK SPACE}22\N{NO-BREAK SPACE}33",
    "+7\N{NON-BREAKING HYPHEN}900\N{NON-BREAKING HYPHEN}1112233",
    "+7\N{EN DASH}900\N{EN DASH}111\N{EN DASH}22\N{EN DASH}33",
    "+7\N{MINUS SIGN}900\N{MINUS SIGN}1112233",
    "+7\N{SOFT HYPHEN}900\N{SOFT HYPHEN}1112233",
    "\N{LEFT-TO-RIGHT MARK}+7 900 111 22 33\N{LEFT-TO-RIGHT MARK}",
    "\N{LEFT-TO-RIGHT EMBEDDING}+79001112233\N{POP DIRECTIONAL FORMATTING}",
    "\N{LEFT-TO-RIGHT ISOLATE}+79001112233\N{POP DIRECTIONAL ISOLATE}",
    "\N{ZERO WIDTH NO-BREAK SPACE}+79001112233",
    "+7900111\N{ZERO WIDTH SPACE}2233",
    "tel:+79001112233",
    "TEL:+7-900-111-22-33",
    "tel:8-900-111-22-33",
    "+７９００１１１２２３３",
    "＋７（９００）１１１－２２－３３",
    "+٧٩٠٠١١١٢٢٣٣",
    "+۷۹۰۰۱۱۱۲۲۳۳",
    "+७९००१११२२३३",
]

ELSEWHERE = [
    ("+39 06 6982 3456", "RU", "+390669823456"),  # an Italian zero belongs to the number
    ("06 6982 3456", "IT", "+390669823456"),
    ("312 345 6789", "IT", "+393123456789"),
    ("+54 9 11 2345 6789", "RU", "+5491123456789"),  # an Argentine mobile has a 9 from abroad and a 15 at home
    ("+54 11 15 2345 6789", "RU", "+5491123456789"),
    ("011 15 2345-6789", "AR", "+5491123456789"),
    ("11 15 2345-6789", "AR", "+5491123456789"),
    ("9 11 2345 6789", "AR", "+5491123456789"),
    ("(201) 555-0123", "US", "+12015550123"),
    ("1-201-555-0123", "US", "+12015550123"),
    ("011 7 900 111 22 33", "US", ALICE),  # America's way out
    ("001 201 555 0123", "RU", "+12015550123"),
    ("07400 123456", "GB", "+447400123456"),
    ("+44 (0)7400 123456", "RU", "+447400123456"),
    ("0 15 11 96123-4567", "BR", "+5511961234567"),  # with a carrier
    ("06 12 34 56 78", "FR", "+33612345678"),
    ("8 701 234 5678", "KZ", "+77012345678"),
    ("88000000000", "RU", "+78000000000"),  # the task's own example: every type of number counts
]

NO_NUMBERS = [
    "",
    " ",
    "+",
    "++++",
    "0",
    "7",
    "+7",
    "112",
    "abc",
    "1-800-FLOWERS",
    "+7900111223",
    "+790011122333",
    "+999123456789",
    "+88000000000",
    "+0079001112233",
    "6 6982 3456 7",
    "+79001112233 ext. 5",
    "+79001112233x5",
    "+79001112233 доб. 5",
    "+79001112233#5",
    "+79001112233,5",
    "+79001112233;ext=5",
    "tel:900-111-22-33;phone-context=+7",
    "tel:tel:+79001112233",
    "sip:+79001112233",
    "+79001112233 +79005556677",
    "+79001112233/+79005556677",
    "+79001112233 / 44",
    "1e10",
    "0x10",
    "\x00",
    "+7900111\x002233",
    "+7900111\N{GRINNING FACE}2233",
    "\N{GRINNING FACE}",
    "+⁷⁹⁰⁰¹¹¹²²³³",
    "ⅦⅩ",
    "+7900111223\ud800",
    "9" * 64,
    " " * 60 + ALICE,
]

MOBILES = {
    region: phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    or phonenumbers.example_number(region)
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
}


def read(spelling: str, region: str) -> str:
    try:
        return phone.parse(spelling, region)
    except Refusal as refused:
        return refused.code


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_is_the_same_number(spelling):
    assert phone.parse(spelling, "RU") == ALICE


@pytest.mark.parametrize(("spelling", "region", "e164"), ELSEWHERE)
def test_numbers_of_other_countries_are_read_as_people_there_write_them(spelling, region, e164):
    assert phone.parse(spelling, region) == e164


@pytest.mark.parametrize("spelling", NO_NUMBERS)
def test_what_is_no_number_is_refused(spelling):
    assert read(spelling, "RU") == "invalid_phone"


@pytest.mark.parametrize("extension", ["~5", "\N{FULLWIDTH TILDE}5", "\N{FULLWIDTH NUMBER SIGN}5"])
def test_an_extension_behind_a_sign_is_refused_too(extension):
    assert read(ALICE + extension, "RU") == "invalid_phone"


def test_a_number_of_any_country_is_read_in_each_of_its_printed_forms():
    forms = phonenumbers.PhoneNumberFormat
    misread = {}
    for region, number in MOBILES.items():
        e164 = phonenumbers.format_number(number, forms.E164)
        for form in (forms.E164, forms.INTERNATIONAL, forms.NATIONAL, forms.RFC3966):
            printed = phonenumbers.format_number(number, form)
            if phone.parse(printed, region) != e164:
                misread[region, printed] = e164
    assert len(MOBILES) > 200
    assert misread == {}


@given(st.text(max_size=80), st.sampled_from(["RU", "US", "IT", "AR"]))
@example("+79001112233" + "\N{LEFT-TO-RIGHT MARK}" * 53, "RU")
def test_any_text_is_a_number_or_a_refusal(text, region):
    found = read(text, region)
    if found != "invalid_phone":
        assert re.fullmatch(r"\+[0-9]{4,15}", found)
        assert read(found, "US") == found


NOISE = st.text(" .-()\N{NO-BREAK SPACE}\N{LEFT-TO-RIGHT MARK}\N{EN DASH}", max_size=2)


@given(st.lists(NOISE, min_size=12, max_size=12), st.sampled_from(["0123456789", "０１２３４５６７８９", "٠١٢٣٤٥٦٧٨٩"]))
def test_noise_between_the_digits_changes_nothing(noise, digits):
    translated = ALICE.translate(str.maketrans("0123456789", digits))
    spelled = translated[0] + "".join(gap + digit for gap, digit in zip(noise, translated[1:], strict=False))
    assume(len(spelled) <= phone.LONGEST)
    assert phone.parse(spelled, "RU") == ALICE


def test_others_see_the_country_three_digits_and_the_last_two():
    assert phone.masked(ALICE) == "+7 900 ***-**-33"
    assert phone.masked("+12015550123") == "+1 201 ***-**-23"


def test_a_masked_italian_number_keeps_its_zero():
    assert phone.masked("+390669823456") == "+39 066 ***-**-56"


def test_a_masked_number_of_any_country_could_be_a_hundred_others():
    too_plain = {}
    for number in MOBILES.values():
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        country, _, rest = phone.masked(e164).partition(" ")
        assert country == f"+{number.country_code}"
        seen = sum(letter.isdigit() for letter in rest)
        if len(phonenumbers.national_significant_number(number)) - seen < 2:
            too_plain[e164] = phone.masked(e164)
    assert too_plain == {}


def test_a_number_is_shown_as_people_at_home_write_it():
    assert phone.national(ALICE, "RU") == "8 (900) 111-22-33"
    assert phone.national(ALICE, "US") == "+7 900 111-22-33"
    assert phone.national("+12015550123", "US") == "(201) 555-0123"


@pytest.mark.parametrize(
    ("e164", "region", "takes_messages"),
    [
        (ALICE, "RU", True),
        ("+77011234567", "KZ", True),  # the same country code as Russia's
        ("+74951234567", "RU", False),  # fixed line
        ("+78000000000", "RU", False),  # toll-free
        ("+78091234567", "RU", False),  # premium rate
        ("+447400123456", "GB", True),
        ("+447012345678", "GB", False),  # 070: personal, forwards to anywhere
        ("+447640123456", "GB", False),  # pager
        ("+445512345678", "GB", False),  # UAN
        ("+445612345678", "GB", True),  # VOIP
        ("+4918012345", "DE", False),  # shared cost
        ("+49177991234567", "DE", False),  # voicemail
        ("+12015550123", "US", True),  # fixed line or mobile: nobody can tell
        ("+14165550123", "CA", True),
        ("+80012345678", phone.ANYWHERE, False),
        ("+881612345678", phone.ANYWHERE, True),
    ],
)
def test_a_number_has_a_region_and_is_for_messages_or_not(e164, region, takes_messages):
    assert phone.kind(e164) == (region, takes_messages)
