"""How many segments a text takes, by the tables of 3GPP TS 23.038 and the header of TS 23.040."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guestlist.delivery.segments import BASIC, EXTENSION, Size, is_one, size

ALPHABET = BASIC.replace("\x1b", "")


@pytest.mark.parametrize(
    ("place", "letter"),
    # Read off the specification's table, by column and row; not off the constant.
    [
        (0x00, "@"),
        (0x02, "$"),
        (0x09, "\N{LATIN CAPITAL LETTER C WITH CEDILLA}"),
        (0x0A, "\n"),
        (0x0D, "\r"),
        (0x10, "\N{GREEK CAPITAL LETTER DELTA}"),
        (0x11, "_"),
        (0x15, "\N{GREEK CAPITAL LETTER OMEGA}"),
        (0x1A, "\N{GREEK CAPITAL LETTER XI}"),
        (0x1B, "\x1b"),
        (0x1F, "\N{LATIN CAPITAL LETTER E WITH ACUTE}"),
        (0x20, " "),
        (0x24, "\N{CURRENCY SIGN}"),
        (0x3F, "?"),
        (0x40, "\N{INVERTED EXCLAMATION MARK}"),
        (0x5A, "Z"),
        (0x5F, "\N{SECTION SIGN}"),
        (0x60, "\N{INVERTED QUESTION MARK}"),
        (0x7A, "z"),
        (0x7F, "\N{LATIN SMALL LETTER A WITH GRAVE}"),
    ],
)
def test_each_character_of_the_basic_table_has_its_place(place, letter):
    assert BASIC[place] == letter


def test_the_tables_are_whole_and_nothing_stands_twice():
    assert len(BASIC) == len(set(BASIC)) == 128
    assert len(EXTENSION) == len(set(EXTENSION)) == 10
    assert not set(BASIC) & set(EXTENSION)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("GSM-7", 0, 1)),
        ("a" * 160, ("GSM-7", 160, 1)),
        ("a" * 161, ("GSM-7", 161, 2)),
        ("a" * 306, ("GSM-7", 306, 2)),
        ("a" * 307, ("GSM-7", 307, 3)),
        ("€" * 80, ("GSM-7", 160, 1)),
        ("€" * 80 + "a", ("GSM-7", 161, 2)),
        ("я" * 70, ("UCS-2", 70, 1)),
        ("я" * 71, ("UCS-2", 71, 2)),
        ("я" * 134, ("UCS-2", 134, 2)),
        ("я" * 135, ("UCS-2", 135, 3)),
        ("🎈" * 35, ("UCS-2", 70, 1)),
        ("🎈" * 36, ("UCS-2", 72, 2)),
        ("a" * 69 + "я", ("UCS-2", 70, 1)),
        ("a" * 70 + "я", ("UCS-2", 71, 2)),
        ("`", ("UCS-2", 1, 1)),  # looks simple, and is in neither table
        ("ç", ("UCS-2", 1, 1)),  # the capital one is
        ("\x1b", ("UCS-2", 1, 1)),  # no character but a way to one
    ],
)
def test_a_text_takes_what_the_specification_says(text, expected):
    assert size(text) == Size(*expected)
    assert is_one(text) == (expected[2] == 1)


def test_an_escape_and_what_follows_it_are_not_torn_apart():
    """306 septets would be two segments, if the 153rd could be an escape."""
    assert size("a" * 152 + "€" + "a" * 152) == Size("GSM-7", 306, 3)


def test_a_pair_of_surrogates_is_not_torn_apart():
    assert size("🎈" * 67) == Size("UCS-2", 134, 3)


@given(st.text(alphabet=ALPHABET + EXTENSION, max_size=800))
def test_what_both_tables_have_is_counted_in_septets(text):
    found = size(text)
    assert found.encoding == "GSM-7"
    assert found.units == len(text) + sum(text.count(letter) for letter in EXTENSION)
    assert found.segments == (1 if found.units <= 160 else packed([1 + (x in EXTENSION) for x in text], 153))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400), st.sampled_from("яґ漢🎈`"))
def test_any_other_character_makes_all_of_it_utf_16(text, other):
    found = size(text + other)
    octets = (text + other).encode("utf-16-be")
    assert found.encoding == "UCS-2"
    assert found.units == len(octets) // 2
    widths = [len(letter.encode("utf-16-be")) // 2 for letter in text + other]
    assert found.segments == (1 if len(octets) <= 140 else packed(widths, 67))


def packed(widths: list[int], room: int) -> int:
    """Segments filled one after another, each with as much as goes in whole."""
    segments: list[list[int]] = [[]]
    for width in widths:
        if sum(segments[-1]) + width > room:
            segments.append([])
        segments[-1].append(width)
    return len(segments)
