"""Chosen numbers with fixed codes: until a day, until 100 wrong guesses, and never a number that a person holds."""

from datetime import UTC, date, datetime, timedelta

import pytest

from guestlist.delivery import dispatch
from guestlist.delivery.models import Message
from guestlist.lib import clock
from guestlist.lib.models import AuditLine
from guestlist.settings import FixedNumber
from guestlist.signin import policies, rules, sending
from guestlist.signin.models import Device
from guestlist.signin.models import FixedNumber as Row
from tests.guests import is_problem

PHONE, CODE = "+79001112233", "20261231"
UNTIL = date(2026, 12, 31)
START = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _listed(settings, live, monkeypatch):
    monkeypatch.setattr(dispatch, "SHORTEST", 0.0)
    settings.SANDBOX_NUMBERS = {PHONE: FixedNumber(CODE, UNTIL)}
    settings.LIMIT_OVERRIDES = {f"LIMIT_{name}": "10000/s" for name in policies.POLICIES}
    sending.in_force.cache_clear()
    with clock.at(START):
        yield
    sending.in_force.cache_clear()


def test_a_listed_number_signs_in_with_its_code_and_nothing_is_sent(guest, live):
    reviewer = guest(PHONE)
    asked = reviewer.ask().json()
    assert (asked["code_length"], asked["delivery"]) == (8, "sent")
    assert "code" not in asked
    assert reviewer.confirm(CODE).json()["new_user"] is True
    assert live.sent == []
    assert (Message.objects.get().state, Message.objects.get().reason) == ("withheld", "SANDBOX_NUMBERS")
    again = guest(PHONE)
    again.ask()
    assert again.confirm(CODE).json()["new_user"] is False


def test_other_numbers_get_codes_of_their_own(guest, live):
    alice = guest("+79005556677")
    alice.ask()
    assert is_problem(alice.confirm(CODE), 400, "wrong_code")
    assert alice.confirm(live.code_for(alice.phone)).status_code == 200


def test_after_its_last_day_it_is_a_number_like_any_other(guest, live):
    with clock.at(datetime(2026, 12, 31, 23, 59, tzinfo=UTC)):
        reviewer = guest(PHONE)
        reviewer.ask()
        assert reviewer.confirm(CODE).status_code == 200
    with clock.at(datetime(2027, 1, 1, tzinfo=UTC)):
        stranger = guest(PHONE)
        assert stranger.ask().json()["code_length"] == 4
        assert is_problem(stranger.confirm(CODE), 400, "wrong_code")
        assert len(live.sent) == 1


def test_a_number_that_a_person_holds_keeps_its_real_codes(guest, live, settings, caplog):
    listed, settings.SANDBOX_NUMBERS = settings.SANDBOX_NUMBERS, {}
    alice = guest(PHONE)
    alice.ask()
    assert alice.confirm(live.code_for(PHONE)).status_code == 200
    settings.SANDBOX_NUMBERS = listed
    stranger = guest(PHONE)
    assert stranger.ask().json()["code_length"] == 4
    assert is_problem(stranger.confirm(CODE), 400, "wrong_code")
    assert "SANDBOX_NUMBERS lists a number that a person holds" in caplog.text
    assert PHONE not in caplog.text


def test_listed_anew_a_number_must_be_nobodys_again(guest, settings):
    reviewer = guest(PHONE)
    reviewer.ask()
    reviewer.confirm(CODE)
    settings.SANDBOX_NUMBERS = {PHONE: FixedNumber(CODE, UNTIL + timedelta(days=30))}
    assert guest(PHONE).ask().json()["code_length"] == 4


def test_a_hundred_wrong_guesses_switch_it_off(guest, live):
    judged = 0
    while not live.sent:  # then it is a number like any other
        assert judged <= rules.FIXED_BUDGET
        stranger = guest(PHONE)
        stranger.ask()
        for _ in range(0 if live.sent else rules.TRIES):
            judged += stranger.confirm("00000000").json()["code"] == "wrong_code"
    assert judged == rules.FIXED_BUDGET
    assert AuditLine.objects.filter(event="sandbox_number.off").count() == 1


def test_a_right_code_is_no_wrong_guess(guest):
    for _ in range(3):
        reviewer = guest(PHONE)
        reviewer.ask()
        assert reviewer.confirm(CODE).status_code == 200
    assert Row.objects.get().wrong == 0


def test_a_code_that_was_asked_for_dies_with_its_listing(guest, settings):
    reviewer = guest(PHONE)
    reviewer.ask()
    settings.SANDBOX_NUMBERS = {}
    assert is_problem(reviewer.confirm(CODE), 400, "code_expired")
    assert is_problem(reviewer.confirm(""), 400, "code_expired")


def test_who_signed_up_by_a_real_code_meanwhile_is_never_opened_by_a_fixed_one(guest, live, settings):
    listed = settings.SANDBOX_NUMBERS
    guest(PHONE).ask()  # a stranger: the listing is written down
    settings.SANDBOX_NUMBERS = {}
    owner = guest(PHONE)
    owner.ask()
    assert owner.confirm(live.code_for(PHONE)).json()["new_user"] is True
    settings.SANDBOX_NUMBERS = listed
    thief = guest(PHONE)
    thief.ask()
    assert is_problem(thief.confirm(CODE), 400, "wrong_code")


def test_a_real_code_that_was_on_its_way_when_the_number_was_listed_ends_the_listing(guest, live, settings):
    listed, settings.SANDBOX_NUMBERS = settings.SANDBOX_NUMBERS, {}
    owner = guest(PHONE)
    owner.ask()
    code = live.code_for(PHONE)
    settings.SANDBOX_NUMBERS = listed
    thief = guest(PHONE)
    thief.ask()
    assert owner.confirm(code).status_code == 200
    assert is_problem(thief.confirm(CODE), 400, "code_expired")


def test_two_listings_side_by_side_do_not_renew_the_guesses(guest, settings, live):
    later = {PHONE: FixedNumber(CODE, UNTIL + timedelta(days=1))}
    judged = 0
    for turn in range(80):
        settings.SANDBOX_NUMBERS = later if turn % 2 else {PHONE: FixedNumber(CODE, UNTIL)}
        stranger, sent = guest(PHONE), len(live.sent)
        stranger.ask()
        for _ in range(rules.TRIES if len(live.sent) == sent else 0):  # nothing was sent: the code is the fixed one
            judged += stranger.confirm("00000000").json()["code"] == "wrong_code"
    assert judged == 3 + rules.FIXED_BUDGET  # three before the later listing took the place of the earlier


def test_a_session_by_a_fixed_code_ends_with_the_listing_and_no_device_is_known_by_it(guest):
    reviewer = guest(PHONE)
    reviewer.ask()
    reviewer.token = reviewer.confirm(CODE).json()["token"]
    assert not Device.objects.exists()
    with clock.at(datetime(2026, 12, 14, 23, 59, tzinfo=UTC)):
        assert reviewer.get("/user/user-profile/").status_code == 200
    with clock.at(datetime(2026, 12, 31, 23, 59, tzinfo=UTC)):
        assert reviewer.get("/user/user-profile/").status_code == 200
    with clock.at(datetime(2027, 1, 1, tzinfo=UTC)):
        assert reviewer.get("/user/user-profile/").status_code == 401


def test_a_fixed_code_that_was_asked_for_on_the_last_day_dies_with_it(guest):
    reviewer = guest(PHONE)
    with clock.at(datetime(2026, 12, 31, 23, 59, 30, tzinfo=UTC)):
        reviewer.ask()
    with clock.at(datetime(2027, 1, 1, 0, 0, 30, tzinfo=UTC)):
        assert is_problem(reviewer.confirm(CODE), 400, "code_expired")
