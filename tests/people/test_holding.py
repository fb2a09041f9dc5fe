"""A deletion and whoever just found the person take turns, on databases where two can write at once."""

import threading
from collections.abc import Callable
from contextlib import contextmanager

import pytest
from django.db import connection

from guestlist.invites import actions as invites
from guestlist.lib import audit
from guestlist.people import holders
from guestlist.people.models import Person
from guestlist.signin import sessions
from guestlist.signin.models import Session
from tests.guests import Guest

PHONE, ME = "+79001112233", "/user/user-profile/"
A_WHILE = 0.5  # seconds, in which whoever is not waiting is done


@pytest.fixture
def server(transactional_db) -> None:
    """A database that holds single rows; on SQLite one transaction writes at a time, and the next begins after it."""


class Doing(threading.Thread):
    """Something that somebody does meanwhile, and its answer."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self.act, self.answer = act, None
        self.start()

    def run(self) -> None:
        self.answer = self.act()
        connection.close()

    def is_waiting(self) -> bool:
        self.join(A_WHILE)
        return self.is_alive()

    def over(self):
        self.join(30)
        return self.answer


@contextmanager
def stopped(monkeypatch, place, name: str):
    """Whoever comes to this function next stands still in front of it until the block is left."""
    plain, there, go = getattr(place, name), threading.Event(), threading.Event()

    def stop(*args, **kwargs):
        there.set()
        assert go.wait(30)
        return plain(*args, **kwargs)

    monkeypatch.setattr(place, name, stop)
    try:
        yield there
    finally:
        monkeypatch.setattr(place, name, plain)
        go.set()


def asked(phone: str) -> tuple[Guest, dict]:
    guest = Guest(phone)
    body = guest.ask().json()
    return guest, {"code": body["code"], "challenge": body["challenge"]}


def test_who_is_being_let_in_is_deleted_after_it(server, monkeypatch):
    alice = Guest(PHONE).sign_in()
    again, right = asked(PHONE)
    with stopped(monkeypatch, sessions, "open_session") as there:
        confirming = Doing(lambda: again.confirm(**right))
        assert there.wait(30)
        deleting = Doing(lambda: alice.send("delete", ME))
        assert deleting.is_waiting()
    assert confirming.over().status_code == deleting.over().status_code == 200
    assert not Person.objects.exists()
    assert not Session.objects.exists()


def test_who_comes_while_they_are_being_deleted_is_somebody_new(server, monkeypatch):
    alice = Guest(PHONE).sign_in()
    old = Person.objects.get().id
    with stopped(monkeypatch, holders.audit, "record") as there:
        deleting = Doing(lambda: alice.send("delete", ME))
        assert there.wait(30)
        monkeypatch.undo()
        again, right = asked(PHONE)  # after the deletion has taken back what was on its way
        confirming = Doing(lambda: again.confirm(**right))
        assert confirming.is_waiting()
    assert deleting.over().status_code == 200
    assert confirming.over().json()["new_user"] is True
    assert Person.objects.get().id != old
    assert Session.objects.count() == 1


@pytest.mark.parametrize("who", ["inviter", "invitee"])
def test_neither_side_of_an_activation_is_deleted_in_its_middle(server, monkeypatch, who):
    alice, bob = Guest(PHONE).sign_in(), Guest("+79005556677").sign_in()
    code = bob.profile()["invite_code"]
    with stopped(monkeypatch, invites, "digest_of") as there:
        entering = Doing(lambda: alice.activate(code))
        assert there.wait(30)
        deleting = Doing(lambda: {"inviter": bob, "invitee": alice}[who].send("delete", ME))
        assert deleting.is_waiting()
    assert entering.over().status_code in ((200,) if who == "inviter" else (200, 401))
    assert deleting.over().status_code == 200
    if who == "inviter":
        assert alice.profile()["active_user_code"] == code
    else:
        assert bob.profile()["activeusers_count"] == 0


def test_an_activation_that_is_undone_while_the_person_leaves_is_counted_down_once(server, monkeypatch):
    alice, bob = Guest(PHONE).sign_in(), Guest("+79005556677").sign_in()
    code = bob.profile()["invite_code"]
    for guest in (alice, Guest("+79008889900").sign_in()):
        assert guest.activate(code).status_code == 200
    id_ = Person.objects.get(phone=PHONE).id
    with stopped(monkeypatch, invites.audit, "record") as there:
        undoing = Doing(lambda: invites.undo(id_, "by mistake", audit.Operator("olga", "203.0.113.9")))
        assert there.wait(30)
        deleting = Doing(lambda: alice.send("delete", ME))
        assert deleting.is_waiting()
    assert undoing.over() is True
    assert deleting.over().status_code == 200
    assert bob.profile()["activeusers_count"] == 1
