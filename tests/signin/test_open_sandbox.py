"""A sandbox that others reach: relaxed, it limits addresses and nothing else; and it has room for so many people."""

from datetime import datetime, timedelta

import pytest

from guestlist.lib import clock
from guestlist.lib.models import AuditLine, Usage
from guestlist.people.models import Person
from guestlist.signin import sending
from guestlist.signin.models import Challenge, Device, Session
from tests.guests import Guest, is_problem, wrong
from tests.web.visitors import Visitor

PHONE = "+79001112233"
START = datetime.fromisoformat("2026-01-31T12:00:00+00:00")


@pytest.fixture(autouse=True)
def _open(db, settings):
    settings.IS_OPEN = True
    sending.in_force.cache_clear()
    with clock.at(START):
        yield
    sending.in_force.cache_clear()


def at(ip: str, phone: str = PHONE) -> Guest:
    guest = Guest(phone)
    guest.client.defaults["REMOTE_ADDR"] = ip
    return guest


def numbers(how_many: int) -> list[str]:
    return [f"+7900222{number:04}" for number in range(how_many)]


# ---- addresses


def test_one_address_asks_for_ten_codes_and_others_are_not_touched():
    answers = [at("203.0.113.7", phone).ask() for phone in numbers(11)]
    assert [answer.status_code for answer in answers] == [201] * 10 + [429]
    assert is_problem(answers[-1], 429, "too_many_requests")
    assert answers[-1].json()["retry_after"] == int(answers[-1].headers["Retry-After"]) == 3600  # PHONES_PER_ADDRESS
    assert Challenge.objects.count() == 10
    assert at("198.51.100.7").ask().status_code == 201


def test_the_headers_say_what_the_address_has_left():
    answer = at("203.0.113.7").ask()
    assert answer.headers["RateLimit-Policy"] == '"codes";q=10;w=600'
    assert answer.headers["RateLimit"] == '"codes";r=9;t=600'


def test_waiting_as_long_as_the_answer_says_works():
    for _ in range(3):
        assert at("203.0.113.7").ask().status_code == 201
    refused = at("203.0.113.7").ask()  # CODES_PER_PHONE_AND_ADDRESS
    assert is_problem(refused, 429, "too_many_requests")
    with clock.at(START + timedelta(seconds=int(refused.headers["Retry-After"]))):
        assert at("203.0.113.7").ask().status_code == 201


def test_a_known_device_is_limited_by_its_address_too():
    answers = [at("203.0.113.7").ask(device="x" * 22) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [201] * 3 + [429]


def test_no_other_limit_is_enforced(settings):
    settings.SMS_DAILY_BUDGET = 1
    asked = [at(f"198.51.100.{number}") for number in range(30)]
    assert {guest.ask().status_code for guest in asked} == {201}  # no pause, no limit by phone, no budget
    ranged = [at(f"203.0.113.{number}", phone) for number, phone in enumerate(numbers(30))]
    assert {guest.ask().status_code for guest in ranged} == {201}  # nor by prefix


def test_the_ladder_rests():
    for number in range(5):
        stranger = at(f"198.51.100.{number}")
        code = stranger.ask().json()["code"]
        assert [stranger.confirm(wrong(code)).json()["attempts_left"] for _ in range(3)] == [2, 1, 0]
    assert at("203.0.113.7").ask().json()["code_length"] == 4


def test_a_confirmed_code_is_given_back_to_its_address():
    for phone in numbers(15):
        guest = at("203.0.113.7", phone)
        assert guest.confirm(guest.ask().json()["code"]).status_code == 200
    assert at("203.0.113.7").ask().headers["RateLimit"] == '"codes";r=9;t=600'


def test_where_nobody_else_reaches_it_nothing_is_limited_or_counted(settings):
    settings.IS_OPEN = False
    answers = [at("203.0.113.7", phone).ask() for phone in numbers(40)]
    assert {answer.status_code for answer in answers} == {201}
    assert not any("RateLimit" in answer.headers for answer in answers)
    assert not Usage.objects.exists()


# ---- people


@pytest.fixture
def full(settings) -> list[Guest]:
    """Alice and Bob, and no room for a third."""
    settings.PEOPLE_MAX = 2
    return [at("203.0.113.1", PHONE).sign_in(), at("203.0.113.2", "+79005556677").sign_in()]


@pytest.fixture
def charlie(full) -> Guest:
    return at("203.0.113.3", "+79008889900")


def test_one_person_too_many_is_refused_with_the_right_code_and_not_made(charlie):
    asked = charlie.ask().json()
    answer = charlie.confirm(asked["code"])
    assert is_problem(answer, 403, "sandbox_full")
    assert answer.cookies.keys() == set()
    assert Person.objects.count() == Session.objects.count() == Device.objects.count() == 2
    assert AuditLine.objects.get(event="code.refused").facts == "reason=sandbox_full"


def test_a_wrong_code_does_not_tell_that_it_is_full(charlie):
    code = charlie.ask().json()["code"]
    assert is_problem(charlie.confirm(wrong(code)), 400, "wrong_code")


def test_the_right_code_is_used_up_all_the_same(charlie, settings):
    code = charlie.ask().json()["code"]
    assert is_problem(charlie.confirm(code), 403, "sandbox_full")
    settings.PEOPLE_MAX = 3
    assert is_problem(charlie.confirm(code), 400, "code_expired")
    assert charlie.sign_in().profile()["phone"] == "+79008889900"
    assert is_problem(confirmed("+79007770000"), 403, "sandbox_full")


def test_who_has_signed_in_before_still_can(full):
    for guest in full:
        again = at("203.0.113.9", guest.phone)
        assert again.sign_in().profile()["phone"] == guest.phone


@pytest.mark.parametrize("limits", ["on", "relaxed"])
def test_it_is_so_whether_limits_are_on_or_not(charlie, settings, limits):
    settings.LIMITS = limits
    assert is_problem(charlie.confirm(charlie.ask().json()["code"]), 403, "sandbox_full")


def test_where_nobody_else_reaches_it_there_is_room_for_all(charlie, settings):
    settings.IS_OPEN = False
    assert charlie.sign_in().profile()["phone"] == "+79008889900"


def test_a_live_service_has_room_for_all(charlie, settings, live):
    settings.IS_OPEN = True
    charlie.ask()
    assert charlie.confirm(live.code_for("+79008889900")).status_code == 200


def test_the_page_says_so(full):
    charlie = Visitor().ask("+79008889900")
    charlie.submit("/code/", code=charlie.code)
    assert charlie.statuses == [403]
    assert "This sandbox has as many people as it may have" in charlie.text


def confirmed(phone: str):
    guest = at("203.0.113.4", phone)
    return guest.confirm(guest.ask().json()["code"])
