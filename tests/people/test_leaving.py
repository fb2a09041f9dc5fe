"""DELETE /user/user-profile/: delete me, for good."""

from datetime import datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client

from guestlist.delivery.models import Message
from guestlist.invites.models import Activation, JournalLine, LedgerLine, Tally
from guestlist.lib import clock, dying
from guestlist.lib.audit import Operator
from guestlist.lib.models import AuditLine
from guestlist.people import actions, rules
from guestlist.people.models import Person, RetiredCode
from guestlist.signin.models import Challenge, Device, Guess, Session
from tests.guests import Guest, is_problem, wrong

START = datetime.fromisoformat("2026-01-31T12:00:00+00:00")
ME = "/user/user-profile/"


def code_of(guest: Guest) -> str:
    return guest.profile()["invite_code"]


def leave(guest: Guest):
    return guest.send("delete", ME)


def left(guest: Guest) -> bool:
    answer = leave(guest)
    assert (answer.status_code, answer.json()) == (200, {"deleted": True}), answer.content
    return True


# ---- who may


def test_an_app_deletes_its_person_by_bearer(alice):
    assert left(alice)
    assert is_problem(alice.get(ME), 401, "not_signed_in")
    assert is_problem(leave(alice), 401, "not_signed_in")
    assert not Person.objects.exists()


def test_an_app_with_a_cookie_jar_does_with_the_csrf_token(alice):
    alice.token = ""
    alice.client.handler.enforce_csrf_checks = True
    assert is_problem(leave(alice), 403, "csrf_failed")
    assert Person.objects.count() == 1
    token = alice.client.cookies["csrftoken"].value
    answer = alice.send("delete", ME, **{"X-CSRFToken": token})
    assert answer.json() == {"deleted": True}
    cookies = {name: cookie.value for name, cookie in answer.cookies.items()}
    assert {"guestlist_session": "", "guestlist_device": "", "guestlist_challenge": ""}.items() <= cookies.items()
    assert not Person.objects.exists()


def test_a_browser_does_too(db):
    page = Client(headers={"Sec-Fetch-Site": "same-origin"}, enforce_csrf_checks=True)
    body = {"phone": "+79001112233"}
    code = page.post("/user/login/", body, content_type="application/json").json()["code"]
    page.post("/user/confirm/", {**body, "code": code}, content_type="application/json")
    token = page.cookies["csrftoken"].value
    assert page.delete(ME).json()["code"] == "csrf_failed"
    assert page.delete(ME, headers={"X-CSRFToken": token, "Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert page.delete(ME, headers={"X-CSRFToken": token}).json() == {"deleted": True}
    assert not Person.objects.exists()


@pytest.mark.parametrize(("seconds", "status"), [(0, 200), (300, 200), (301, 409)])
def test_only_within_five_minutes_after_the_sign_in(guest, seconds, status):
    with clock.at(START):
        alice = guest("+79001112233").sign_in()
    with clock.at(START + timedelta(seconds=seconds)):
        answer = leave(alice)
        assert answer.status_code == status
        if status == 409:
            assert is_problem(answer, 409, "confirm_again")
            assert alice.profile()["phone"] == alice.phone
            assert AuditLine.objects.get(event="deletion.refused").facts == "reason=confirm_again"
            assert leave(Guest(alice.phone).sign_in()).status_code == 200


def test_a_blocked_person_cannot(alice):
    actions.block(Person.objects.get(), Operator("olga", "127.0.0.1"))
    assert is_problem(leave(alice), 401, "not_signed_in")
    assert Person.objects.count() == 1


# ---- what ends


def test_all_sessions_and_devices_end_at_once(alice, bob):
    others = [Guest(alice.phone).sign_in() for _ in range(2)]
    assert left(alice)
    assert all(is_problem(other.get("/user/sessions/"), 401, "not_signed_in") for other in others)
    assert {session.person.phone for session in Session.objects.all()} == {bob.phone}
    assert {device.phone for device in Device.objects.all()} == {bob.phone}


def test_a_code_that_was_asked_for_before_makes_nobody_anew(alice, guest):
    """C83: no re-creation by an old token."""
    waiting = guest(alice.phone)
    asked = waiting.ask().json()
    assert left(alice)
    assert is_problem(waiting.confirm(asked["code"], challenge=asked["challenge"]), 400, "code_expired")
    assert not Person.objects.exists()


def test_a_message_that_is_not_sent_yet_is_not_sent(alice, guest, settings):
    settings.DELIVERY = "worker"
    guest(alice.phone).ask()
    assert Message.objects.filter(state="accepted").count() == 1
    assert left(alice)
    assert not Message.objects.exists()


def test_signing_in_again_makes_somebody_new(alice):
    before = alice.profile()
    alice.post(ME, {"username": "Alice"})
    assert left(alice)
    again = Guest(alice.phone)
    asked = again.ask()
    assert asked.status_code == 201
    assert again.confirm(asked.json()["code"]).json()["new_user"] is True
    after = again.sign_in().profile()
    assert after["id"] != before["id"]
    assert after["invite_code"] != before["invite_code"]
    assert (after["username"], after["activate_code"], after["activeusers"]) == ("", False, [])


# ---- invite codes


def test_an_invitee_who_leaves_leaves_list_and_count(alice, bob, charlie):
    for guest in (bob, charlie):
        guest.activate(code_of(alice))
    assert left(bob)
    mine = alice.profile()
    assert (mine["activeusers"], mine["activeusers_count"]) == ([{"phone": charlie.phone}], 1)
    assert [item["phone"] for item in alice.get("/user/user-profile/activeusers/").json()["items"]] == [charlie.phone]
    assert Tally.objects.get().invitees == Activation.objects.count() == 1


def test_when_the_inviter_leaves_the_entered_code_stays(alice, bob, charlie):
    code = code_of(alice)
    bob.activate(code)
    assert left(alice)
    mine = bob.profile()
    assert (mine["activate_code"], mine["active_user_code"]) == (True, code)
    assert bob.activate(code).status_code == 200  # again, as safe as ever
    assert is_problem(bob.activate(code_of(charlie)), 409, "already_activated")
    assert is_problem(charlie.activate(code), 404, "unknown_invite")
    assert not Tally.objects.exists()
    assert bob.post("/user/user-profile/activate-code/preview/", {"code": code}).json()["inviter"] is None


def test_two_who_invited_each_other_leave_one_after_the_other(alice, bob):
    alice.activate(code_of(bob))
    bob.activate(code_of(alice))
    assert left(alice)
    assert bob.profile()["activeusers_count"] == 0
    assert left(bob)
    assert not Activation.objects.exists()


def test_a_code_is_never_given_again(alice, guest, monkeypatch):
    """C20, and `active_user_code` of others means nobody else."""
    code = code_of(alice)
    assert left(alice)
    assert RetiredCode.objects.get().code == code
    drawn = iter([code, code, "7K2M9Q"])
    monkeypatch.setattr(rules, "draw_invite_code", lambda below: next(drawn))
    assert code_of(guest("+79005556677").sign_in()) == "7K2M9Q"
    assert Person.objects.count() == 1


def test_the_number_remembers_for_24_months_that_it_has_entered_a_code(guest, settings):
    with clock.at(START):
        alice, bob = guest("+79001112233").sign_in(), guest("+79005556677").sign_in()
        alice.activate(code_of(bob))
        assert left(alice)
        again = Guest(alice.phone).sign_in()
        assert is_problem(again.activate(code_of(bob)), 409, "already_activated")
        assert left(again)  # in whose life nothing was entered: it does not begin anew
    line = LedgerLine.objects.get()
    assert line.expires_at == datetime.fromisoformat("2028-01-31T12:00:00+00:00")
    assert alice.phone not in line.digest
    with clock.at(line.expires_at - timedelta(seconds=1)):
        alice, bob = Guest("+79001112233").sign_in(), Guest("+79005556677").sign_in()
        assert is_problem(alice.activate(code_of(bob)), 409, "already_activated")
    with clock.at(line.expires_at + timedelta(seconds=1)):
        assert alice.activate(code_of(bob)).status_code == 200  # whether or not it is purged yet
    assert LedgerLine.objects.get().expires_at is None


def test_lines_of_the_ledger_that_are_over_are_purged_and_no_others(guest, settings):
    settings.LEDGER_MONTHS = 1
    with clock.at(START):
        alice, bob, charlie = (guest(f"+7900111223{last}").sign_in() for last in "345")
        alice.activate(code_of(charlie))
        bob.activate(code_of(charlie))
        assert left(alice)
    (kind,) = [kind for kind in dying.kinds() if kind.name == "ledger lines"]
    over = datetime.fromisoformat("2026-02-28T12:00:00+00:00")
    assert dying.purge(kind, over) == 0
    assert dying.purge(kind, over + timedelta(seconds=1)) == 1
    assert LedgerLine.objects.get().expires_at is None


# ---- what is left of the number


def test_nothing_that_is_left_holds_number_name_or_address_of_mail(alice, bob):
    """Each column of each of our tables; the trail has the number starred, guesses guard the number for 30 days."""
    alice.post(ME, {"username": "Alicia", "email": "alice@example.org"})
    alice.activate(code_of(bob))
    assert left(alice)
    secrets = ("9001112233", "Alicia", "alice@example.org")
    assert [found for found in everything() if any(secret in found for secret in secrets)] == []
    assert JournalLine.objects.count() == 1  # of numbers that mean nobody now


def test_operators_edits_no_longer_name_them(alice, admin_user):
    alice.post(ME, {"username": "Alicia"})
    person = Person.objects.get()
    LogEntry.objects.log_actions(admin_user.pk, [person], 2, change_message="blocked", single_object=True)
    assert LogEntry.objects.get().object_repr == "Alicia"
    assert left(alice)
    assert LogEntry.objects.get().object_repr == ""


def test_wrong_guesses_at_the_number_still_count(alice, settings):
    settings.LIMITS = "on"
    stranger = Guest(alice.phone)
    asked = stranger.ask().json()
    stranger.confirm(wrong(asked["code"]), challenge=asked["challenge"])
    assert left(alice)
    assert Guess.objects.get().phone == alice.phone
    assert not Challenge.objects.exists()


def test_the_trail_keeps_that_it_happened_and_the_number_starred(alice):
    person_id = alice.profile()["id"]
    assert left(alice)
    line = AuditLine.objects.get(event="person.deleted")
    assert (line.phone, line.person_id, line.ip) == ("+7********33", person_id, "127.0.0.1")


def everything() -> list[str]:
    """Every row of every table, as text."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        found = []
        for table in tables:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found += [f"{table}: {row}" for row in cursor.fetchall()]
    assert len(found) > 20
    return found
