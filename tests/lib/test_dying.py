"""Rows that die: each kind at its age and not before, in small batches, passing over what somebody holds."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from django.contrib.sessions.models import Session as OperatorSession
from django.db import connection, transaction

from guestlist.delivery.models import Attempt, Message
from guestlist.invites.models import Activation, JournalLine, LedgerLine, Tally
from guestlist.lib import clock, dying, sql
from guestlist.lib.models import AuditLine, Usage
from guestlist.people.models import Person
from guestlist.signin.models import Challenge, Device, Guard, Guess, Pause, Session

NOW = datetime.fromisoformat("2026-01-31T12:00:00+00:00")
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
PHONE = "+79001112233"
KINDS = {kind.name: kind for kind in dying.kinds()}


def person() -> Person:
    return Person.objects.get_or_create(phone=PHONE, defaults={"invite_code": "7K2M9Q", "created_at": NOW})[0]


def challenge(id_: str, at: datetime) -> None:
    Challenge.objects.create(
        id=id_, phone=PHONE, salt="", pepper_id=1, digits=4, created_at=at - timedelta(seconds=300), expires_at=at
    )


def session(id_: str, at: datetime) -> None:
    times = {"created_at": at - 30 * DAY, "last_seen_at": at - 30 * DAY, "expires_at": at, "ends_at": at + 60 * DAY}
    Session.objects.create(id=id_, person=person(), kind="token", **times)


def device(id_: str, at: datetime) -> None:
    Device.objects.create(digest=id_, phone=PHONE, created_at=at - 300 * DAY, seen_at=at)


def message(id_: str, at: datetime) -> None:
    facts = {"language": "en", "gateway": "simulated", "state": "delivered"}
    Message.objects.create(kind="code", reference=id_, phone=PHONE, created_at=at, expires_at=at + DAY, **facts)


def attempt(_: str, at: datetime) -> None:
    Attempt.objects.create(message_id=1, gateway="http", channel="sms", state="sent", began_at=at, ended_at=at)


def ledger_line(id_: str, at: datetime) -> None:
    LedgerLine.objects.create(digest=id_, activated_at=at - 900 * DAY, expires_at=at)


# Each kind: how long it is kept, its model, and how a row comes about whose time is `at`.
CASES = {
    "challenges": (DAY, Challenge, challenge),
    "sessions": (timedelta(0), Session, session),
    "devices": (180 * DAY, Device, device),
    "wrong guesses": (30 * DAY, Guess, lambda _, at: Guess.objects.create(phone=PHONE, digits=4, guessed_at=at)),
    "guarded numbers": (30 * DAY, Guard, lambda id_, at: Guard.objects.create(phone=id_, guessed_at=at)),
    "pauses": (DAY, Pause, lambda id_, at: Pause.objects.create(scope=id_, region="RU", seconds=900, ends_at=at)),
    "messages": (30 * DAY, Message, message),
    "attempts": (30 * DAY, Attempt, attempt),
    "ledger lines": (timedelta(0), LedgerLine, ledger_line),
    "uses of limits": (timedelta(0), Usage, lambda id_, at: Usage.objects.create(id=id_, uses="", ends_at=at)),
    "audit lines": (90 * DAY, AuditLine, lambda _, at: AuditLine.objects.create(at=at, event="signed_in")),
    "operators' sessions": (
        timedelta(0),
        OperatorSession,
        lambda id_, at: OperatorSession.objects.create(session_key=id_, session_data="", expire_date=at),
    ),
}


def rows(name: str, ages: list[timedelta]) -> list[timedelta]:
    """Rows of these ages, and the ages of those that a purge leaves, youngest first."""
    _, model, make = CASES[name]
    for number, age in enumerate(ages):
        make(f"{number}", NOW - age)
    dying.purge(KINDS[name], NOW)
    return sorted(NOW - at for at in model.objects.values_list(KINDS[name].column, flat=True))


def test_every_kind_is_known_here():
    assert KINDS.keys() == CASES.keys()


@pytest.mark.django_db
@pytest.mark.parametrize("name", CASES)
def test_rows_are_deleted_when_they_are_past_their_age_and_not_before(name):
    kept = CASES[name][0]
    ages = [-DAY, kept - SECOND, kept, kept + SECOND, kept + 1000 * DAY]
    assert rows(name, ages) == [-DAY, kept - SECOND, kept]


@pytest.mark.django_db
def test_what_is_counted_is_what_is_deleted():
    for number in range(5):
        challenge(f"{number}", NOW - number * DAY)
    assert dying.count(KINDS["challenges"], NOW) == 3
    assert Challenge.objects.count() == 5
    assert dying.purge(KINDS["challenges"], NOW) == 3
    assert dying.count(KINDS["challenges"], NOW) == 0


@pytest.mark.django_db
def test_they_are_deleted_in_batches_oldest_first_with_a_pause_after_each_full_one(monkeypatch):
    naps: list[float] = []
    monkeypatch.setattr(dying.time, "sleep", naps.append)
    for day in (5, 2, 4, 1, 3):
        CASES["audit lines"][2]("", NOW - (90 + day) * DAY)
    assert dying.delete_some(KINDS["audit lines"], NOW, 2) == 2
    assert sorted(AuditLine.objects.values_list("at", flat=True))[0] == NOW - 93 * DAY
    assert dying.purge(KINDS["audit lines"], NOW, batch=2) == 3
    assert naps == [dying.PAUSE]
    assert dying.BATCH <= 1000


@pytest.mark.django_db
def test_nothing_of_people_and_what_they_entered_ever_dies(alice, bob):
    bob.activate(alice.profile()["invite_code"])
    kept = (Person, Activation, Tally, JournalLine, LedgerLine)
    before = [model.objects.count() for model in kept]
    assert min(before) >= 1
    for kind in dying.kinds():
        dying.purge(kind, clock.now() + 36_500 * DAY)
    assert [model.objects.count() for model in kept] == before
    assert not {kind.table for kind in dying.kinds()} & {
        model._meta.db_table
        for model in kept
        if model is not LedgerLine  # whose lines of deleted people do
    }


@pytest.mark.django_db
def test_of_a_sign_in_what_lives_is_left(guest, settings):
    settings.LIMITS = "on"
    with clock.at(NOW):
        alice = guest(PHONE).sign_in()
    with clock.at(NOW + 29 * DAY):
        for kind in dying.kinds():
            dying.purge(kind, clock.now())
        assert alice.profile()["phone"] == PHONE
        counts = [model.objects.count() for model in (Challenge, Usage, Session, Device, Message)]
    assert counts == [0, 0, 1, 1, 1]
    assert AuditLine.objects.count() == 3


@pytest.fixture
def server(transactional_db) -> None:
    """A database that holds single rows; on SQLite who writes holds everything, and a purge waits as any writer."""


@contextmanager
def held(statement: str, *values: object) -> Iterator[None]:
    """A transaction of somebody else has changed these rows and is not over."""
    has_begun, is_done, was_let_go = threading.Event(), threading.Event(), []

    def hold() -> None:
        with transaction.atomic():
            sql.change(statement, *values)
            has_begun.set()
            was_let_go.append(is_done.wait(30))
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert has_begun.wait(30)
        yield
    finally:
        is_done.set()
        holder.join()
    assert was_let_go == [True], "somebody waited until it gave up"


def test_a_row_that_somebody_holds_is_passed_over_and_nobody_is_waited_for(server):
    for number in range(4):
        challenge(f"{number}", NOW - 2 * DAY)
    with held("UPDATE signin_challenge SET attempts = 1 WHERE id = %s", "2"):
        assert dying.purge(KINDS["challenges"], NOW) == 3
    assert dying.purge(KINDS["challenges"], NOW) == 1


def test_a_guard_that_is_held_for_a_guess_is_not_deleted_under_it(server):
    """Else two guesses at one number would not take turns."""
    Guard.objects.create(phone=PHONE, guessed_at=NOW - 31 * DAY)
    with held("UPDATE signin_guard SET guessed_at = %s WHERE phone = %s", NOW, PHONE):
        assert dying.purge(KINDS["guarded numbers"], NOW) == 0
    assert dying.purge(KINDS["guarded numbers"], NOW) == 0
    assert Guard.objects.count() == 1


def test_two_purges_at_once_share_the_work(transactional_db):
    for number in range(200):
        challenge(f"{number:03}", NOW - 2 * DAY)
    start, deleted = threading.Barrier(4), []

    def purge() -> None:
        start.wait(30)
        deleted.append(sum(dying.delete_some(KINDS["challenges"], NOW, 10) for _ in range(20)))
        connection.close()

    threads = [threading.Thread(target=purge) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(deleted) == 4
    assert sum(deleted) == 200
    assert not Challenge.objects.exists()
