"""GET /user/export/: everything the service holds about me."""

import json
from datetime import timedelta

import pytest

from guestlist.lib import clock, limits
from guestlist.lib.audit import Operator
from guestlist.lib.models import AuditLine
from guestlist.people import actions, holders
from guestlist.people.models import Person
from guestlist.signin.models import Session
from tests.guests import Guest, is_problem, wrong

PARTS = {"exported_at", "profile", "invites", "sign_in", "messages", "trail"}


def export(guest: Guest):
    return guest.get("/user/export/")


def test_it_has_all_that_is_held(alice, bob, charlie):
    alice.post("/user/user-profile/", {"username": "Алиса", "email": "alice@example.org"})
    alice.activate(bob.profile()["invite_code"])
    charlie.post("/user/user-profile/", {"phone_visibility": "masked"})
    charlie.activate(alice.profile()["invite_code"])
    answer = export(alice)
    found = answer.json()
    assert (answer.status_code, set(found)) == (200, PARTS)
    assert answer.headers["Cache-Control"] == "no-store"
    person = Person.objects.get(phone=alice.phone)
    assert found["profile"] == {
        "id": person.id,
        "public_id": person.public_id,
        "phone": alice.phone,
        "username": "Алиса",
        "email": "alice@example.org",
        "invite_code": person.invite_code,
        "phone_visibility": "full",
        "created_at": clock.rfc3339(person.created_at),
        "blocked_at": None,
    }
    assert found["invites"]["entered"]["code"] == bob.profile()["invite_code"]
    assert [one["phone"] for one in found["invites"]["invitees"]] == ["+7 900 ***-**-00"]
    assert [one["ip"] for one in found["sign_in"]["sessions"]] == ["127.0.0.1"]
    assert len(found["sign_in"]["devices"]) == len(found["sign_in"]["codes"]) == len(found["messages"]) == 1
    assert found["messages"][0]["kind"] == "code"
    assert {"registered", "signed_in", "invite.activated", "person.exported"} <= {
        one["event"] for one in found["trail"]
    }


def test_every_holder_is_in_it_and_in_the_description(alice):
    assert set(holders._holders) == PARTS - {"exported_at", "profile"}


def test_it_holds_nothing_that_signs_anybody_in(alice):
    asked = Guest(alice.phone).ask().json()
    text = export(alice).content.decode()
    session = Session.objects.get()
    for secret in (alice.token, alice.token.partition(".")[2], session.secret_digest, session.device, session.id):
        assert secret not in text
    assert asked["challenge"] not in text
    assert f'"{asked["code"]}"' not in text


def test_of_others_it_has_nothing_but_what_they_show(alice, bob, settings):
    """Who guesses at my codes, who invited me, which operator acted, and which limit it was: none of it."""
    settings.LIMITS = "on"
    alice.activate(bob.profile()["invite_code"])
    stranger = Guest(alice.phone)
    asked = stranger.send("post", "/user/login/", {"phone": alice.phone}, REMOTE_ADDR="203.0.113.7").json()
    stranger.client.defaults["REMOTE_ADDR"] = "203.0.113.7"
    stranger.confirm(wrong(asked["code"]), challenge=asked["challenge"])
    person = Person.objects.get(phone=alice.phone)
    actions.block(person, Operator("olga", "198.51.100.5"))
    actions.unblock(person, Operator("olga", "198.51.100.5"))
    text = export(alice).content.decode()
    assert len(json.loads(text)["sign_in"]["wrong_guesses"]) == 1
    assert "code.wrong" in text
    for secret in ("203.0.113.7", "olga", "198.51.100.5", bob.phone, "LIMIT", "CODES_"):
        assert secret not in text


def test_ten_an_hour(alice, settings):
    settings.LIMITS = "on"
    holders._in_force.cache_clear()
    start = clock.now()
    with clock.at(start):
        assert [export(alice).status_code for _ in range(11)] == [200] * 10 + [429]
        answer = export(alice)
    assert is_problem(answer, 429, "too_many_requests")
    with clock.at(start + timedelta(seconds=int(answer.headers["Retry-After"]))):
        assert export(alice).status_code == 200
    assert AuditLine.objects.filter(event="person.exported").count() == 11
    assert limits.is_on()


def test_nobody_without_a_session_gets_one(guest, alice):
    assert is_problem(export(guest("+79008889900")), 401, "not_signed_in")
    Session.objects.all().delete()
    assert is_problem(export(alice), 401, "not_signed_in")


@pytest.mark.parametrize("at", [1, 2])
def test_whoever_is_deleted_in_the_middle_gets_no_half_of_it(alice, monkeypatch, at):
    person_id = Person.objects.get().id
    read, calls = holders._profile, []

    def gone(id_):
        calls.append(id_)
        if len(calls) == at:
            Session.objects.all().delete()
            Person.objects.all().delete()
        return read(id_)

    monkeypatch.setattr(holders, "_profile", gone)
    assert is_problem(export(alice), 401, "not_signed_in")
    assert calls == [person_id] * at
