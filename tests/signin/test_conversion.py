"""The judgement of a region's codes: whom it pauses, for how long, and what it never holds against anybody again."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guestlist.signin.conversion import BAD_SHARE, LEAST_CODES, Code, Judgement, Pause, judge, scopes

NOW = datetime.fromisoformat("2026-01-31T12:00:00+00:00")
REGION, MINUTE = "region:KZ", timedelta(minutes=1)


def code(number: int, *, source: str = "", prefix: str = "", ago: float = 10, confirmed: bool = False) -> Code:
    """A code of ten minutes ago, from an address of its own to a prefix of its own unless another is given."""
    phone = f"{prefix or f'+7701{number:03}'}0000"
    return Code(scopes(phone, "KZ", source or f"2001:db8:0:{number:x}::/64"), NOW - ago * MINUTE, confirmed)


def codes(wrong: int, right: int = 0, **common) -> list[Code]:
    return [code(number, confirmed=number >= wrong, **common) for number in range(wrong + right)]


def judged(found: Iterable[Code], **pauses: Pause) -> Judgement:
    return judge(REGION, [*found], {name.replace("_", ":"): pause for name, pause in pauses.items()}, NOW)


def paused(judgement: Judgement) -> dict[str, int]:
    return {pause.scope: pause.seconds for pause in judgement.pauses}


@pytest.mark.parametrize(
    ("wrong", "right", "is_paused", "is_low"),
    [
        (49, 0, False, False),  # too few to say anything
        (50, 0, True, True),
        (40, 10, True, True),  # a fifth, exactly
        (39, 11, False, True),
        (65, 35, False, True),
        (64, 36, False, False),
        (0, 100, False, False),
    ],
)
def test_a_country_is_paused_when_of_fifty_codes_a_fifth_or_less_was_confirmed(wrong, right, is_paused, is_low):
    judgement = judged(codes(wrong, right))
    assert (REGION in paused(judgement), judgement.is_low) == (is_paused, is_low)
    assert judgement.tally == (wrong + right, right)


def test_codes_that_can_still_be_confirmed_do_not_count_and_confirmed_ones_do_at_once():
    assert judged(codes(200, ago=4.99)).tally == (0, 0)
    assert judged(codes(200, ago=5)).tally == (200, 0)
    assert judged(codes(0, 200, ago=0.1)).tally == (200, 200)
    assert judged(codes(200, ago=30)).tally == (0, 0)


def test_addresses_are_set_aside_first_and_the_country_stays_open():
    five = [code(number, source=f"203.0.113.{number % 5}") for number in range(60)]
    assert paused(judged(five)) == {f"address:KZ:203.0.113.{number}": 900 for number in range(5)}


def test_prefixes_are_set_aside_likewise():
    four = [code(number, prefix=f"+770100{number % 4}") for number in range(60)]
    assert paused(judged(four)) == {f"prefix:+770100{number}": 900 for number in range(4)}


def test_an_address_that_nobody_knows_is_no_source():
    nameless = [found._replace(scopes=found.scopes._replace(address="")) for found in codes(60)]
    assert paused(judged(nameless)) == {REGION: 900}


def test_when_the_rest_is_bad_too_all_are_paused_the_country_first():
    one = [code(number, source="203.0.113.7") for number in range(20)]
    judgement = judged([*one, *codes(50)])
    assert judgement.pauses[0][:2] == (REGION, 900)
    assert judgement.pauses[0].tally == (50, 0)
    assert paused(judgement) == {REGION: 900, "address:KZ:203.0.113.7": 900}
    assert paused(judged([*one, *codes(49)])) == {"address:KZ:203.0.113.7": 900}


def test_while_most_are_confirmed_nobody_looks_at_sources():
    busy = [code(number, source="203.0.113.7") for number in range(20)]
    assert paused(judged([*busy, *codes(0, 80)])) == {}


def test_two_unanswered_codes_make_no_source():
    pairs = [code(number, source=f"203.0.113.{number % 30}") for number in range(60)]
    assert paused(judged(pairs)) == {REGION: 900}


def test_what_was_asked_before_a_pause_ended_is_not_held_against_anybody_again():
    ended = Pause(NOW - 9 * MINUTE, 900)
    assert paused(judged(codes(60, ago=10), **{"region_KZ": ended})) == {}
    assert paused(judged(codes(60, ago=8), **{"region_KZ": ended})) == {REGION: 1800}
    one = [code(number, source="203.0.113.7") for number in range(60)]
    assert judge(REGION, one, {"address:KZ:203.0.113.7": ended}, NOW).tally == (0, 0)


def test_while_a_country_is_slowed_its_addresses_can_still_be_paused_and_it_is_not_paused_twice():
    running = Pause(NOW + MINUTE, 900)
    one = [code(number, source="203.0.113.7") for number in range(20)]
    assert paused(judged([*one, *codes(60)], **{"region_KZ": running})) == {"address:KZ:203.0.113.7": 900}


@pytest.mark.parametrize(
    ("ago", "last", "seconds"),
    [(6, 900, 1800), (59, 1800, 3600), (59, 14400, 14400), (59, 8000, 14400), (60, 14400, 900), (59, 0, 900)],
)
def test_a_pause_is_doubled_within_an_hour_of_the_last_one_up_to_four_hours(ago, last, seconds):
    fresh = codes(60, ago=5.5)
    assert paused(judged(fresh, **{"region_KZ": Pause(NOW - ago * MINUTE, last)})) == {REGION: seconds}


some_codes = st.lists(
    st.builds(
        lambda place, prefix, ago, confirmed: code(
            0, source=f"203.0.113.{place}", prefix=f"+7701{prefix:03}", ago=ago, confirmed=confirmed
        ),
        st.integers(0, 60),
        st.integers(0, 200),
        st.floats(0, 40),
        st.booleans() | st.just(False),
    ),
    max_size=150,
)


@given(some_codes)
def test_no_pause_without_fifty_codes_and_a_bad_share_and_settled_codes_never_count_again(found):
    judgement = judge(REGION, found, {}, NOW)
    asked, confirmed = judgement.tally
    if judgement.pauses:
        assert asked >= LEAST_CODES
        assert confirmed <= BAD_SHARE * asked
    assert len({pause.scope for pause in judgement.pauses}) == len(judgement.pauses)
    begun = {pause.scope: Pause(NOW + timedelta(seconds=pause.seconds), pause.seconds) for pause in judgement.pauses}
    again = judge(REGION, found, begun, NOW)
    assert {pause.scope for pause in again.pauses}.isdisjoint(begun)
    if REGION in begun:
        assert judge(REGION, found, begun, NOW + timedelta(seconds=901)).tally == (0, 0)  # nobody has asked since


@given(some_codes)
def test_the_order_of_the_rows_decides_nothing(found):
    first, second = judge(REGION, found, {}, NOW), judge(REGION, found[::-1], {}, NOW)
    assert (first.tally, first.is_low, sorted(first.pauses)) == (second.tally, second.is_low, sorted(second.pauses))
