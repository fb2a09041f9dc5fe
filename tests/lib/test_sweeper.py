"""The thread that purges: one a process, none where PURGE_EVERY is 0, and no error ends it."""

import logging
import threading
from datetime import timedelta

import pytest
from django.db import OperationalError

from guestlist.lib import clock, dying, sweeper
from guestlist.lib.models import Usage


@pytest.fixture
def started(monkeypatch) -> list[threading.Thread]:
    """The threads that were started; none of them runs."""
    threads: list[threading.Thread] = []
    monkeypatch.setattr(sweeper, "_thread", None)
    monkeypatch.setattr(threading.Thread, "start", lambda thread: threads.append(thread))
    return threads


def test_the_first_request_starts_one_thread_that_ends_with_the_process(started, settings):
    settings.PURGE_EVERY = 600
    for _ in range(5):
        sweeper.start()
    assert [thread.daemon for thread in started] == [True]


def test_none_is_started_where_it_is_switched_off(started, settings):
    settings.PURGE_EVERY = 0
    sweeper.start()
    assert started == []


def test_tests_and_commands_start_none(guest):
    guest("+79001112233").sign_in()
    assert sweeper._thread is None


@pytest.mark.django_db
def test_a_round_deletes_what_is_past_its_use_and_says_how_much(caplog):
    Usage.objects.create(id="x", uses="", ends_at=clock.now() - timedelta(seconds=1))
    with caplog.at_level(logging.INFO, "guestlist.sweeper"):
        sweeper.sweep()
        sweeper.sweep()
    assert [record.getMessage() for record in caplog.records] == ["purged uses of limits: 1"]
    assert not Usage.objects.exists()


@pytest.mark.django_db
def test_what_fails_is_logged_and_the_others_have_their_turn(caplog, monkeypatch):
    Usage.objects.create(id="x", uses="", ends_at=clock.now() - timedelta(seconds=1))
    broken = dying.Old("broken rows", "guestlist_nowhere", "at", timedelta(0))
    purge = dying.purge

    def fails(kind, now):
        if kind is broken:
            raise OperationalError("gone")
        return purge(kind, now)

    monkeypatch.setattr(dying, "_known", {"broken rows": broken, **dying._known})
    monkeypatch.setattr(dying, "purge", fails)
    with caplog.at_level(logging.INFO, "guestlist.sweeper"):
        sweeper.sweep()
    assert [record.getMessage() for record in caplog.records] == [
        "purging broken rows failed",
        "purged uses of limits: 1",
    ]


def test_it_wakes_at_least_as_often_as_the_setting_says_and_never_ends_by_itself(monkeypatch, settings):
    settings.PURGE_EVERY = 600
    naps: list[float] = []
    rounds: list[None] = []

    class Ended(BaseException):
        """As when the process ends."""

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) > 100:
            raise Ended

    monkeypatch.setattr(sweeper.time, "sleep", nap)
    monkeypatch.setattr(sweeper, "sweep", lambda: rounds.append(None))
    with pytest.raises(Ended):
        sweeper._sweep_on()
    assert len(rounds) == 100
    assert min(naps) >= 300
    assert max(naps) <= 600
    assert max(naps) - min(naps) > 100
