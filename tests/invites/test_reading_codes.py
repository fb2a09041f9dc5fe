"""How an invite code is read: forgiving of fingers, keyboards and pasting, and strict about everything else."""

import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guestlist.invites import rules
from guestlist.lib.refusals import Refusal
from guestlist.people.rules import ALPHABET

CODES = st.text(ALPHABET, min_size=6, max_size=6)
CYRILLIC = str.maketrans("ABCEHKMPTXY", "АВСЕНКМРТХУ")


def read(typed: str) -> str:
    try:
        return rules.canonical(typed)
    except Refusal as refused:
        return refused.code


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("7K2M9Q", "7K2M9Q"),
        ("7k2m9q", "7K2M9Q"),
        ("7k2m-9q", "7K2M9Q"),
        (" 7K2 M9Q ", "7K2M9Q"),
        ("7-K-2-M-9-Q", "7K2M9Q"),
        ("7K2.M9Q", "7K2M9Q"),
        ("7K2_M9Q", "7K2M9Q"),
        ("7K2\N{EN DASH}M9Q", "7K2M9Q"),
        ("7K2\N{EM DASH}M9Q", "7K2M9Q"),
        ("7K2\N{NON-BREAKING HYPHEN}M9Q", "7K2M9Q"),
        ("7K2\N{FULLWIDTH HYPHEN-MINUS}M9Q", "7K2M9Q"),
        ("7K2\N{NO-BREAK SPACE}M9Q\n", "7K2M9Q"),
        ("7K2\t\r\nM9Q", "7K2M9Q"),
        ("O0oO0o", "000000"),
        ("IL1il1", "111111"),
        ("oil0il", "011011"),
        ("７Ｋ２ｍ９ｑ", "7K2M9Q"),
        ("АВСЕНК", "ABCEHK"),
        ("авсенк", "ABCEHK"),
        ("МРТХУО", "MPTXY0"),
        ("мртхуо", "MPTXY0"),
        ("7К2М9Q", "7K2M9Q"),
        ("ıııııı", "111111"),
        ("https://guests.example.org/i/7K2M9Q", "7K2M9Q"),
        ("https://guests.example.org/i/7k2m-9q/", "7K2M9Q"),
        ("https://guests.example.org/i/7K2M9Q?utm_source=sms#top", "7K2M9Q"),
        ("https://guests.example.org/i/7K2M9Q/qr.svg", "7K2M9Q"),
        ("HTTPS://GUESTS.EXAMPLE.ORG/I/7K2M9Q", "7K2M9Q"),
        ("guests.example.org/i/7K2M9Q", "7K2M9Q"),
        ("/i/7K2M9Q", "7K2M9Q"),
        ("Hello! My code: https://guests.example.org/i/7K2M9Q see you", "7K2M9Q"),
    ],
)
def test_a_code_is_read_however_it_was_typed(typed, code):
    assert read(typed) == code


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "-",
        "7K2M9",
        "7K2M9QX",
        "7K2M9Q 7K2M9Q",
        "7K2M9U",  # U stands in no code
        "7K2M9u",
        "7K2M9Ж",
        "7K2M9З",  # the letter Ze is not the digit 3
        "7K2M9İ",
        "7K2M9!",
        "7K2M9+",
        "7K2M9\x00",
        "\x007K2M9Q",
        "7K2M9Q\x1b",
        "7K2M9\N{SNOWMAN}",
        "7K2M9\ud800",
        "7K2M9Á",
        "7K2M9²³",
        "null",
        "undefined",
        "' OR 1=1",
        "https://guests.example.org/",
        "https://guests.example.org/i/",
        "https://guests.example.org/i/7K2M9QX",
        "https://guests.example.org/j/7K2M9Q",
        "-" * 301,
        "7K2M9Q" + " " * 295,
    ],
)
def test_what_does_not_fit_is_malformed(typed):
    assert read(typed) == "malformed_invite"


def test_a_long_pasted_message_is_read_up_to_its_limit():
    link = "https://guests.example.org/i/7K2M9Q"
    assert read(" " * (300 - len(link)) + link) == "7K2M9Q"
    assert read(" " * (301 - len(link)) + link) == "malformed_invite"


@given(CODES)
def test_a_code_is_itself(code):
    assert read(code) == code


@given(CODES, st.sampled_from([" ", "-", "  ", "\N{EN DASH}", "\N{NO-BREAK SPACE}", "\n"]), st.booleans())
def test_every_forgiven_spelling_of_a_code_is_that_code(code, gap, lower):
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in code)
    spellings = [
        gap.join(code),
        f"{code[:3]}{gap}{code[3:]}",
        gap + code + gap,
        code.replace("0", "O").replace("1", "I"),
        code.replace("0", "О").replace("1", "L"),
        code.translate(CYRILLIC),
        wide,
        f"https://guests.example.org/i/{code}",
    ]
    for spelling in spellings:
        assert read(spelling.lower() if lower else spelling) == code


@given(st.text(max_size=320))
def test_any_text_is_a_code_or_malformed(typed):
    found = read(typed)
    assert found == "malformed_invite" or (len(found) == 6 and set(found) <= set(ALPHABET))
    if found != "malformed_invite":
        assert read(found) == found
        assert read(unicodedata.normalize("NFD", typed)) == found


@given(st.text("7K2M9QkmqОАВоав01OIlßıİﬁ- \N{EN DASH}/i.?#u", max_size=12))
def test_near_misses_are_a_code_or_malformed(typed):
    found = read(typed)
    assert found == "malformed_invite" or (len(found) == 6 and set(found) <= set(ALPHABET))


def test_cursors_come_back_as_they_went():
    for moment in (datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC), rules.EPOCH, datetime(2099, 1, 1, tzinfo=UTC)):
        cursor = rules.Cursor(moment, 9_007_199_254_740_993)
        text = rules.cursor_text(cursor)
        assert rules.cursor_from(text) == cursor
        assert len(text) <= 64
        assert text.isascii()


def read_cursor(text: str) -> rules.Cursor | str:
    try:
        return rules.cursor_from(text)
    except Refusal as refused:
        return refused.code


@given(st.text(max_size=70))
def test_any_other_cursor_is_refused(text):
    found = read_cursor(text)
    assert found == "invalid_request" or read_cursor(rules.cursor_text(found)) == found
