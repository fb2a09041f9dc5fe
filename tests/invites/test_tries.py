"""Guessing invite codes: ten unknown ones an hour, thirty a day; nothing else counts."""

from datetime import datetime, timedelta

import pytest

from guestlist.invites import actions
from guestlist.lib import clock
from guestlist.signin import sending
from tests.guests import is_problem

START = datetime.fromisoformat("2026-01-31T12:00:00+00:00")
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@pytest.fixture(autouse=True)
def _limits(settings):
    settings.LIMITS = "on"
    settings.LIMIT_OVERRIDES = {"LIMIT_CODES_PAUSE": "100/s", "LIMIT_CODES_PER_ADDRESS": "1000/s"}
    for memory in (sending.in_force, actions._in_force):
        memory.cache_clear()
    yield
    for memory in (sending.in_force, actions._in_force):
        memory.cache_clear()


def tries(person, number, at=START):
    with clock.at(at):
        return [person.activate(f"ZZZZ{ALPHABET[n // 32]}{ALPHABET[n % 32]}").status_code for n in range(number)]


def test_ten_unknown_codes_an_hour_and_the_eleventh_is_not_looked_at(guest):
    with clock.at(START):
        alice, bob = guest("+79001112233").sign_in(), guest("+79005556677").sign_in()
    assert tries(alice, 12) == [404] * 10 + [429] * 2
    with clock.at(START):
        answer = alice.activate(bob.profile()["invite_code"])
        assert is_problem(answer, 429, "too_many_requests")
    with clock.at(START + timedelta(seconds=int(answer.headers["Retry-After"]))):
        assert alice.activate(bob.profile()["invite_code"]).status_code == 200


def test_who_is_deleted_and_comes_again_has_no_new_tries(guest):
    with clock.at(START):
        alice = guest("+79001112233").sign_in()
    assert tries(alice, 10) == [404] * 10
    with clock.at(START):
        assert alice.send("delete", "/user/user-profile/").status_code == 200
        again = guest("+79001112233").sign_in()
    assert tries(again, 1) == [429]


def test_thirty_unknown_codes_a_day(guest):
    with clock.at(START):
        alice = guest("+79001112233").sign_in()
    answers = [status for hour in range(5) for status in tries(alice, 10, START + timedelta(hours=hour))]
    assert answers.count(404) == 30


def test_what_is_malformed_own_valid_or_repeated_does_not_count(guest):
    with clock.at(START):
        alice, bob = guest("+79001112233").sign_in(), guest("+79005556677").sign_in()
        mine, theirs = alice.profile()["invite_code"], bob.profile()["invite_code"]
        for _ in range(12):
            assert is_problem(alice.activate("?"), 400, "malformed_invite")
            assert is_problem(alice.activate(mine), 400, "own_invite")
        for _ in range(12):
            assert alice.activate(theirs).status_code == 200
        assert tries(alice, 12) == [409] * 12


def test_sixty_an_hour_from_one_address_whoever_tries(guest):
    with clock.at(START):
        crowd = [guest(f"+7900{number:03}1122").sign_in() for number in range(7)]
    assert [status for person in crowd for status in tries(person, 10)] == [404] * 60 + [429] * 10


def test_a_code_entered_at_sign_up_counts_like_any_other(guest):
    with clock.at(START):
        alice = guest("+79001112233")
        outcome = alice.confirm(alice.ask().json()["code"], invite_code="ZZZZZZ").json()["invite"]
        assert outcome == {"status": "refused", "code": "unknown_invite"}
        alice.token = alice.client.cookies["guestlist_session"].value
    assert tries(alice, 10) == [404] * 9 + [429]


def test_a_thousand_guesses_of_one_person_in_a_day_are_thirty(guest):
    """C79: never more than ten in any hour; the chance of a hit is 30 of 32^6 for each code that there is."""
    with clock.at(START):
        alice = guest("+79001112233").sign_in()
    looked_at = []
    for number in range(1000):
        at = START + timedelta(seconds=86 * number)
        with clock.at(at):
            if alice.activate(f"ZZZ{ALPHABET[number // 32]}Z{ALPHABET[number % 32]}").status_code == 404:
                looked_at.append(at)
    assert len(looked_at) == 30
    assert all(later - earlier >= timedelta(hours=1) for earlier, later in zip(looked_at, looked_at[10:], strict=False))


def test_thirty_people_at_one_address_have_sixty_guesses_an_hour_together(guest, settings):
    """C79. A guess that is not looked at tells nothing of the code, not even that somebody has it."""
    settings.LIMITS = "relaxed"
    with clock.at(START):
        owner = guest("+79009998877").sign_in()
        code = owner.profile()["invite_code"]
        crowd = [guest(f"+7900{number:03}1122").sign_in() for number in range(30)]
    settings.LIMITS = "on"
    statuses = [status for person in crowd for status in tries(person, 3, START + timedelta(minutes=1))]
    assert statuses == [404] * 60 + [429] * 30
    with clock.at(START + timedelta(minutes=1)):
        right, unknown = crowd[-1].activate(code), crowd[-1].activate("ZZZZZZ")
    assert is_problem(right, 429, "too_many_requests")
    assert right.content == unknown.content
