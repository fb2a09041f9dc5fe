"""Codes, pure: derived and never stored, evenly spread, compared forgivingly; and when a code is sent again."""

import hashlib
import hmac
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guestlist.lib import keys
from guestlist.signin import rules

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
PEPPER = b"p" * 32
CHI_SQUARE_99 = 148.23  # 99 degrees of freedom, p = 0.001

ALICE = rules.Challenge(
    id=keys.digest("alice"),
    phone="+79001112233",
    salt="s" * 22,
    pepper_id=1,
    digits=4,
    attempts=0,
    created_at=NOON,
    expires_at=NOON + rules.LIFETIME,
    used_at=None,
)


def many(digits: int) -> list[str]:
    """The codes of 10 000 challenges, the same at each run."""
    challenges = (
        ALICE._replace(id=keys.digest(f"id {n}"), salt=keys.digest(f"salt {n}")[:22], digits=digits)
        for n in range(10_000)
    )
    return [rules.code_for(PEPPER, "sign-in", challenge) for challenge in challenges]


def test_a_code_is_its_definition():
    """HMAC-SHA-256 over length-prefixed fields; the first 8 bytes, big endian, modulo 10^digits, with leading zeros."""
    fields = ["v1", "sign-in", ALICE.id, ALICE.salt, ALICE.phone, "4"]
    message = b"".join(len(field).to_bytes(4, "big") + field.encode() for field in fields)
    tag = hmac.new(PEPPER, message, hashlib.sha256).digest()
    assert rules.code_for(PEPPER, "sign-in", ALICE) == f"{int.from_bytes(tag[:8], 'big') % 10_000:04}"


def test_a_border_between_fields_cannot_be_moved():
    at_8 = ALICE._replace(digits=8)
    moved = at_8._replace(id=at_8.id[:-1], salt=at_8.id[-1] + at_8.salt)
    assert rules.code_for(PEPPER, "sign-in", at_8) != rules.code_for(PEPPER, "sign-in", moved)


@pytest.mark.parametrize(
    "other",
    [
        {"id": keys.digest("bob")},
        {"salt": "t" * 22},
        {"phone": "+79005556677"},
    ],
)
def test_each_fact_of_a_challenge_goes_into_its_code(other):
    at_8 = ALICE._replace(digits=8)
    assert rules.code_for(PEPPER, "sign-in", at_8) != rules.code_for(PEPPER, "sign-in", at_8._replace(**other))


def test_pepper_purpose_and_length_go_into_the_code_too():
    at_8 = ALICE._replace(digits=8)
    code = rules.code_for(PEPPER, "sign-in", at_8)
    assert rules.code_for(b"q" * 32, "sign-in", at_8) != code
    assert rules.code_for(PEPPER, "change of phone", at_8) != code
    assert rules.code_for(PEPPER, "sign-in", ALICE) != code[-4:]


def test_what_happens_to_a_challenge_does_not_change_its_code():
    later = ALICE._replace(attempts=2, used_at=NOON, expires_at=NOON, created_at=NOON + rules.LIFETIME)
    assert rules.code_for(PEPPER, "sign-in", later) == rules.code_for(PEPPER, "sign-in", ALICE)


@pytest.mark.parametrize("digits", [4, 6, 8])
def test_ten_thousand_codes_are_spread_evenly(digits):
    """C81: chi-square over 100 bins with p > 0.001, a tenth of them with a leading zero."""
    codes = many(digits)
    assert {len(code) for code in codes} == {digits}
    assert all(code.isascii() and code.isdigit() for code in codes)
    for part in (slice(0, 2), slice(-2, None)):
        bins = Counter(code[part] for code in codes)
        assert sum((bins[f"{n:02}"] - 100) ** 2 / 100 for n in range(100)) < CHI_SQUARE_99
    leading_zeros = sum(code.startswith("0") for code in codes) / len(codes)
    assert leading_zeros == pytest.approx(0.10, abs=0.009)


def test_codes_repeat_as_often_as_chance_has_it_and_neighbours_are_strangers():
    codes = many(4)
    assert len(set(codes)) == pytest.approx(6321, abs=125)  # 10 000 (1 - 1/e), four standard deviations of 31
    numbers = [int(code) / 10_000 - 0.5 for code in codes]
    together = sum(left * right for left, right in pairwise(numbers))
    correlation = together / sum(number * number for number in numbers)
    assert abs(correlation) < 0.04  # four standard deviations of 1/sqrt(10 000)


@pytest.mark.parametrize(
    ("typed", "is_it"),
    [
        ("0720", True),
        (" 0720 ", True),
        ("07 20", True),
        ("07-20", True),
        ("0\N{NO-BREAK SPACE}7\t2\n0", True),
        ("０７２０", True),
        ("٠٧٢٠", True),
        ("०७२०", True),
        ("0721", False),
        ("720", False),
        ("00720", False),
        ("07200", False),
        ("", False),
        ("----", False),
        ("0720\x00", False),
        ("0720.0", False),
        ("+0720", False),
        ("07２０1", False),
        ("⁰⁷²⁰", False),
        ("O720", False),
        ("\ud800720", False),
        ("\N{SNOWMAN}", False),
    ],
)
def test_spaces_dashes_and_other_digits_are_forgiven_and_nothing_else(typed, is_it):
    assert rules.matches(typed, "0720") is is_it


@given(st.text(max_size=rules.LONGEST_TYPED))
def test_any_text_is_compared(typed):
    assert rules.matches(typed, "0720") in (True, False)


@given(st.from_regex(r"[0-9]{4,8}", fullmatch=True), st.from_regex(r"[0-9]{4,8}", fullmatch=True))
def test_digits_match_only_the_same_digits(typed, code):
    assert rules.matches(typed, code) is (typed == code)


@pytest.mark.parametrize(
    ("so", "repeated"),
    [
        ({}, True),
        ({"attempts": 2}, True),
        ({"attempts": 3}, False),
        ({"used_at": NOON}, False),
        ({"phone": "+79005556677"}, False),
        ({"digits": 6}, False),
        ({"expires_at": NOON + timedelta(seconds=120)}, True),
        ({"expires_at": NOON + timedelta(seconds=119, microseconds=999_999)}, False),
        ({"expires_at": NOON}, False),
        ({"expires_at": NOON - timedelta(seconds=1)}, False),
    ],
)
def test_a_code_is_sent_again_while_it_is_good_for_something(so, repeated):
    assert rules.is_worth_repeating(ALICE._replace(**so), ALICE.phone, 4, NOON) is repeated


def test_a_shorter_rule_does_not_repeat_a_longer_code_either():
    assert not rules.is_worth_repeating(ALICE._replace(digits=6), ALICE.phone, 4, NOON)


@pytest.mark.parametrize(
    ("span", "told"), [(0, 0), (0.000001, 1), (0.5, 1), (1, 1), (59.1, 60), (299.999999, 300), (300, 300), (-5, 0)]
)
def test_seconds_are_rounded_up_and_never_negative(span, told):
    assert rules.seconds(timedelta(seconds=span)) == told


def test_a_greedy_attacker_has_at_most_one_chance_in_a_thousand_a_code():
    assert rules.TRIES / 10**4 <= 1e-3
    assert timedelta(minutes=10) >= rules.LIFETIME > rules.LEAST_TO_LIVE > rules.RESEND_AFTER
