"""POST /user/user-profile/activate-code/preview/: look before the one leap."""

from datetime import datetime, timedelta

import pytest

from guestlist.invites import actions
from guestlist.invites.models import Activation, JournalLine, LedgerLine, Tally
from guestlist.lib import clock
from guestlist.lib.models import AuditLine
from guestlist.people.models import Person
from guestlist.signin import sending
from guestlist.signin.models import Session
from tests.guests import Guest, is_problem

START = datetime.fromisoformat("2026-01-31T12:00:00+00:00")
UNKNOWN = "ZZZZZZ"


def code_of(guest: Guest) -> str:
    return guest.profile()["invite_code"]


def preview(guest: Guest, code: str):
    return guest.post("/user/user-profile/activate-code/preview/", {"code": code})


@pytest.fixture(autouse=True)
def _limits(settings):
    """As where it matters; only that codes may be asked for one after another."""
    settings.LIMITS = "on"
    settings.LIMIT_OVERRIDES = {"LIMIT_CODES_PAUSE": "100/s"}
    for memory in (sending.in_force, actions._in_force):
        memory.cache_clear()
    yield
    for memory in (sending.in_force, actions._in_force):
        memory.cache_clear()


@pytest.mark.parametrize(
    ("profile", "seen"),
    [
        ({}, "+7 900 ***-**-33"),
        ({"phone_visibility": "masked"}, "+7 900 ***-**-33"),
        ({"phone_visibility": "hidden"}, None),
        ({"username": "Alice"}, "Alice"),
        ({"username": "Alice", "phone_visibility": "hidden"}, "Alice"),
    ],
)
def test_an_inviter_is_seen_by_name_else_masked_or_not_at_all(alice, bob, profile, seen):
    alice.post("/user/user-profile/", {"email": "alice@example.org", **profile})
    answer = preview(bob, f" {code_of(alice).lower()[:3]}-{code_of(alice)[3:]}")
    assert (answer.status_code, answer.json()) == (200, {"code": code_of(alice), "inviter": seen})
    for secret in (alice.phone, "alice@example.org"):
        assert secret not in answer.content.decode()


def test_looking_changes_nothing(alice, bob):
    before = bob.profile(), alice.profile(), AuditLine.objects.count()
    for address in ("/user/user-profile/activate-code/preview/", "/user/user-profile/activate-code/preview"):
        assert bob.post(address, {"code": code_of(alice)}).status_code == 200
    assert (bob.profile(), alice.profile(), AuditLine.objects.count()) == before
    assert not any(model.objects.exists() for model in (Activation, LedgerLine, Tally, JournalLine))


def test_it_refuses_as_entering_would(alice, bob, charlie):
    assert is_problem(preview(alice, "?"), 400, "malformed_invite")
    assert is_problem(preview(alice, code_of(alice)), 400, "own_invite")
    assert is_problem(preview(alice, UNKNOWN), 404, "unknown_invite")
    alice.activate(code_of(bob))
    assert is_problem(preview(alice, code_of(charlie)), 409, "already_activated")
    assert preview(alice, code_of(bob)).json() == {"code": code_of(bob), "inviter": "+7 900 ***-**-77"}


def test_the_code_of_a_blocked_person_is_nobodys(alice, bob):
    code = code_of(alice)
    Person.objects.filter(phone=alice.phone).update(blocked_at=clock.now())
    assert is_problem(preview(bob, code), 404, "unknown_invite")


def test_a_loop_is_refused_where_they_are(alice, bob, settings):
    alice.activate(code_of(bob))
    assert preview(bob, code_of(alice)).status_code == 200
    settings.INVITE_LOOPS = "refuse"
    assert is_problem(preview(bob, code_of(alice)), 400, "invite_loop")


def test_a_number_that_has_entered_a_code_in_an_earlier_life_is_told_before_it_tries(alice, bob, charlie):
    alice.activate(code_of(bob))
    assert alice.send("delete", "/user/user-profile/").status_code == 200
    again = Guest(alice.phone).sign_in()
    assert is_problem(preview(again, code_of(charlie)), 409, "already_activated")
    assert is_problem(again.activate(code_of(charlie)), 409, "already_activated")


def test_an_unknown_code_counts_as_a_try_and_the_others_do_not(guest):
    with clock.at(START):
        alice, bob = guest("+79001112233").sign_in(), guest("+79005556677").sign_in()
        for _ in range(12):
            assert preview(alice, code_of(bob)).status_code == 200
            assert is_problem(preview(alice, "?"), 400, "malformed_invite")
        tried = [preview(alice, f"ZZZZZ{last}").status_code for last in "01234"]
        tried += [alice.activate(f"ZZZZZ{last}").status_code for last in "56789"]
        assert tried == [404] * 10
        answers = preview(alice, code_of(bob)), preview(alice, UNKNOWN), alice.activate(code_of(bob))
        assert all(is_problem(answer, 429, "too_many_requests") for answer in answers)
        assert answers[0].content == answers[1].content
    with clock.at(START + timedelta(seconds=int(answers[0].headers["Retry-After"]))):
        assert preview(alice, code_of(bob)).status_code == 200


def test_nobody_looks_without_a_session(guest, alice):
    assert is_problem(preview(guest("+79008889900"), code_of(alice)), 401, "not_signed_in")
    Session.objects.all().delete()
    assert is_problem(preview(alice, UNKNOWN), 401, "not_signed_in")
