"""/admin/people/person/ID/timeline/: all that happened to a person, page by page; what operators can do there."""

import re
import threading
from datetime import datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.urls import reverse

from guestlist.dashboard import timeline
from guestlist.invites import actions as invites
from guestlist.invites.models import Activation, JournalLine, LedgerLine, Tally
from guestlist.lib import clock
from guestlist.lib.audit import Operator
from guestlist.lib.models import AuditLine
from guestlist.people.models import Person
from guestlist.signin.models import Device, Session
from tests.guests import is_problem
from tests.web.test_markup import Strict

ALL = tuple(timeline.SOURCES)
NOW = datetime.fromisoformat("2026-01-31T12:00:00+00:00")
OLGA = Operator("olga", "203.0.113.9")


@pytest.fixture
def operator(client, db):
    client.force_login(User.objects.create_superuser("olga", password="long enough 42"))
    return client


@pytest.fixture
def ivan(client, db):
    """An operator who may only look at people."""
    user = User.objects.create_user("ivan", password="long enough 42", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_person"))
    client.force_login(user)
    return user


def person(guest) -> Person:
    return Person.objects.get(phone=guest.phone)


def page_of(guest) -> str:
    return reverse("person_timeline", args=[person(guest).pk])


def text(answer) -> str:
    return " ".join(re.sub("<[^>]+>", " ", answer.content.decode()).split())


def lines(event: str) -> list[tuple[int | None, str, str]]:
    return list(AuditLine.objects.filter(event=event).values_list("person_id", "ip", "facts"))


def pages(whose: Person) -> list[timeline.Page]:
    cursor, found = timeline.Cursor(clock.now() + timedelta(seconds=1), 0), []
    while True:
        found.append(timeline.timeline(whose, cursor, ALL))
        if found[-1].before is None:
            return found
        cursor = timeline.cursor_from(found[-1].before)


# ---- what it shows


def test_everything_stands_on_one_line_of_time_the_newest_first(alice, bob):
    bob.activate(alice.profile()["invite_code"])
    found = timeline.timeline(person(alice), timeline.Cursor(clock.now(), 0), ALL)
    assert {item.kind for item in found.items} == {"challenge", "message", "session", "audit", "invitee"}
    assert {item.kind for item in timeline.timeline(person(bob), timeline.Cursor(clock.now(), 0), ALL).items} == {
        *("challenge", "message", "session", "audit", "journal")
    }
    times = [item.at for item in found.items]
    assert times == sorted(times, reverse=True)
    assert found.before is None


def test_pages_lose_nothing_and_repeat_nothing_also_where_all_happens_at_one_moment(db, monkeypatch):
    monkeypatch.setattr(timeline, "PAGE", 7)
    whose = Person.objects.create(phone="+79001112233", invite_code="000001", created_at=NOW)
    moments = [NOW - timedelta(seconds=number // 20) for number in range(60)]
    AuditLine.objects.bulk_create(AuditLine(at=at, event="signed_in", person_id=whose.pk) for at in reversed(moments))
    JournalLine.objects.bulk_create(
        JournalLine(at=at, what="undone", invitee_id=whose.pk, inviter_id=1, code="000002") for at in reversed(moments)
    )
    with clock.at(NOW):
        found = pages(whose)
    seen = [(item.kind, item.id) for page in found for item in page.items]
    assert len(seen) == len(set(seen)) == 120
    assert [len(page.items) for page in found] == [7] * 17 + [1]


def test_the_page_shows_it_and_what_came_before_is_a_press_away(operator, alice, monkeypatch):
    monkeypatch.setattr(timeline, "PAGE", 2)
    answer = operator.get(page_of(alice))
    assert answer.status_code == 200
    assert len(re.findall("<time", answer.content.decode())) == 2
    before = re.search(r'href="(\?before=[^"]+)"', answer.content.decode())[1]
    later = operator.get(page_of(alice) + before)
    assert "A code was asked for" in text(later) or "Message" in text(later)
    for bad in ("x", "1", "1.x", "-1.0", "1.99999", "9" * 30 + ".1", "1.١"):
        assert is_problem(operator.get(page_of(alice), {"before": bad}), 400, "invalid_request")


def test_it_has_no_code_and_no_token_and_breaks_no_policy(operator, guest):
    alice = guest("+79001112233")
    code = alice.ask().json()["code"]
    alice.confirm(code)
    alice = guest("+79001112233").sign_in()
    page = operator.get(page_of(alice)).content.decode()
    assert Strict(page).found == []
    assert f">{code}<" not in page
    assert alice.token.partition(".")[2] not in page
    assert alice.token.partition(".")[0] not in page
    assert "Session" in page


def test_what_an_operator_may_not_see_elsewhere_they_do_not_see_here(client, ivan, alice):
    page = text(client.get(page_of(alice)))
    assert "Nothing more is known." in page
    ivan.user_permissions.add(Permission.objects.get(content_type__app_label="signin", codename="view_session"))
    page = text(client.get(page_of(alice)))
    assert "Session" in page
    assert "signed_in" not in page


def test_it_is_found_from_the_persons_page_and_nobody_is_not(operator, alice):
    address = page_of(alice)
    assert f'href="{address}"' in operator.get(f"/admin/people/person/{person(alice).pk}/change/").content.decode()
    assert operator.get(reverse("person_timeline", args=[10**30])).status_code == 404


def test_a_russian_operator_reads_russian(operator, alice, bob):
    bob.activate(alice.profile()["invite_code"])
    page = text(operator.get(page_of(bob), headers={"Accept-Language": "ru"}))
    for words in ("Лента", "Запрошен код", "Введён код приглашения", "Отменить активацию", "доставлено"):
        assert words in page, words


# ---- what can be done


def test_blocking_and_unblocking(operator, alice):
    operator.post(page_of(alice), {"act": "block"}, REMOTE_ADDR="203.0.113.9")
    assert is_problem(alice.get("/user/user-profile/"), 401, "not_signed_in")
    operator.post(page_of(alice), {"act": "unblock"}, REMOTE_ADDR="203.0.113.9")
    assert alice.get("/user/user-profile/").status_code == 200
    told = (person(alice).pk, "203.0.113.9", "by=olga")
    assert lines("person.blocked") == lines("person.unblocked") == [told]
    assert set(LogEntry.objects.values_list("change_message", flat=True)) == {"block", "unblock"}


def test_ending_all_sessions_forgets_the_devices_too(operator, alice, bob, guest):
    second = guest("+79001112233").sign_in()
    operator.post(page_of(alice), {"act": "end_sessions"}, REMOTE_ADDR="203.0.113.9")
    for session in (alice, second):
        assert is_problem(session.get("/user/user-profile/"), 401, "not_signed_in")
    assert bob.get("/user/user-profile/").status_code == 200
    assert not Device.objects.filter(phone=alice.phone).exists()
    assert lines("sessions.ended") == [(person(alice).pk, "203.0.113.9", "ended=2 by=olga")]
    answer = operator.post(page_of(alice), {"act": "end_sessions"}, follow=True)
    assert "There was nothing to do" in text(answer)
    assert len(lines("sessions.ended")) == 1


def test_undoing_an_activation_with_a_reason(operator, alice, bob, charlie):
    bob.activate(alice.profile()["invite_code"])
    answer = operator.post(page_of(bob), {"act": "undo", "reason": " a typing error "}, REMOTE_ADDR="203.0.113.9")
    assert answer.status_code == 302
    assert bob.profile()["active_user_code"] is None
    assert (alice.profile()["activeusers_count"], Tally.objects.get().invitees) == (0, 0)
    line = JournalLine.objects.order_by("-id").first()
    assert (line.what, line.actor, line.reason, line.code) == (
        *("undone", "olga", "a typing error"),
        alice.profile()["invite_code"],
    )
    assert (line.invitee_id, line.inviter_id) == (person(bob).pk, person(alice).pk)
    assert lines("invite.undone") == [(person(bob).pk, "203.0.113.9", f"inviter={person(alice).pk} by=olga")]
    assert "a typing error" in text(operator.get(page_of(bob)))
    assert bob.activate(charlie.profile()["invite_code"]).status_code == 200
    assert [line.what for line in JournalLine.objects.order_by("id")] == ["activated", "undone", "activated"]


@pytest.mark.parametrize("reason", ["", "   ", "x" * 151, "a\x00b"])
def test_without_a_reason_nothing_is_undone(operator, alice, bob, reason):
    bob.activate(alice.profile()["invite_code"])
    answer = operator.post(page_of(bob), {"act": "undo", "reason": reason})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()
    assert Activation.objects.exists()
    assert LedgerLine.objects.exists()
    assert JournalLine.objects.count() == 1


def test_undoing_where_the_inviter_is_gone_names_them_all_the_same(alice, bob):
    bob.activate(alice.profile()["invite_code"])
    gone = person(alice)
    id_ = gone.pk
    Session.objects.filter(person=gone).delete()
    gone.delete()
    assert invites.undo(person(bob).pk, "inviter left", OLGA)
    assert JournalLine.objects.order_by("-id").first().inviter_id == id_
    assert not invites.undo(person(bob).pk, "again", OLGA)
    assert JournalLine.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_operators_who_undo_it_at_once_one_does(transactional_db, guest):
    host, invited = guest("+79001112233").sign_in(), guest("+79005556677").sign_in()
    guest("+79008889900").sign_in().activate(host.profile()["invite_code"])
    invited.activate(host.profile()["invite_code"])
    whose, found = person(invited).pk, []

    def attempt() -> None:
        try:
            found.append(invites.undo(whose, "at once", OLGA))
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [False] * 5 + [True]
    assert Tally.objects.get().invitees == 1
    assert JournalLine.objects.filter(what="undone").count() == 1


def test_an_unknown_act_is_refused_and_a_foreign_page_cannot_act(operator, alice):
    assert is_problem(operator.post(page_of(alice), {"act": "delete"}), 400, "invalid_request")
    assert is_problem(operator.post(page_of(alice)), 400, "invalid_request")
    strict = type(operator)(enforce_csrf_checks=True)
    strict.force_login(User.objects.get())
    assert strict.post(page_of(alice), {"act": "block"}).status_code == 403
    assert Person.objects.get(phone=alice.phone).blocked_at is None


@pytest.mark.parametrize("act", ["block", "unblock", "end_sessions", "undo"])
def test_who_may_only_look_can_do_nothing_and_sees_no_button(client, ivan, alice, bob, act):
    bob.activate(alice.profile()["invite_code"])
    assert client.post(page_of(bob), {"act": act, "reason": "x"}).status_code == 403
    assert 'name="act"' not in client.get(page_of(bob)).content.decode()
    assert Activation.objects.exists()
