"""The pool: never more connections than its size, the last one given back goes out first, broken ones are dropped."""

import threading
import time

import pytest
from django.db import OperationalError, connection

from guestlist.lib.databases import Pool


class Wire:
    """A raw connection that only knows whether it was closed."""

    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Broken(Wire):
    def close(self) -> None:
        raise OSError("already gone")


def pool(size: int = 2, patience: float = 0.0, oldest: float = 60.0) -> Pool:
    return Pool(size, patience, oldest)


def is_full(wires: Pool) -> bool:
    try:
        wires.drop(wires.take(Wire))
    except OperationalError:
        return True
    return False


def test_no_more_connections_go_out_than_the_pool_is_large():
    wires = pool(size=2)
    first, second = wires.take(Wire), wires.take(Wire)
    assert first is not second
    with pytest.raises(OperationalError, match="no database connection came free within"):
        wires.take(Wire)
    wires.give_back(first)
    assert wires.take(Wire) is first


def test_the_last_one_given_back_goes_out_first():
    wires = pool(size=3)
    first, second, third = (wires.take(Wire) for _ in range(3))
    for wire in (first, third, second):
        wires.give_back(wire)
    assert [wires.take(Wire) for _ in range(3)] == [second, third, first]


def test_a_broken_connection_is_closed_and_its_place_is_free_again():
    wires = pool(size=1)
    broken = wires.take(Wire)
    wires.drop(broken)
    assert broken.closed
    assert wires.take(Wire) is not broken
    assert is_full(wires)


def test_a_connection_that_cannot_even_be_closed_frees_its_place():
    wires = pool(size=1)
    with pytest.raises(OSError, match="already gone"):
        wires.drop(wires.take(Broken))
    assert not is_full(wires)


def test_a_connection_that_cannot_be_opened_frees_its_place():
    def refuse() -> Wire:
        raise OperationalError("the server is away")

    wires = pool(size=1)
    for _ in range(3):
        with pytest.raises(OperationalError, match="the server is away"):
            wires.take(refuse)
    assert not is_full(wires)


def test_a_connection_that_idled_too_long_is_replaced(monkeypatch):
    now = time.monotonic()
    wires = pool(size=2, oldest=240)
    old, older = wires.take(Wire), wires.take(Wire)
    wires.give_back(older)
    wires.give_back(old)
    monkeypatch.setattr("guestlist.lib.databases.time.monotonic", lambda: now + 300)
    fresh = wires.take(Wire)
    assert fresh not in (old, older)
    assert old.closed
    assert older.closed


def test_idle_connections_can_all_be_closed_and_those_in_use_stay():
    wires = pool(size=3)
    first, second, busy = (wires.take(Wire) for _ in range(3))
    wires.give_back(first)
    wires.give_back(second)
    wires.close_idle()
    assert (first.closed, second.closed, busy.closed) == (True, True, False)
    assert wires.take(Wire) not in (first, second)


def test_whoever_waits_gets_the_next_one_that_comes_free():
    wires, got = pool(size=1, patience=10), []
    wire = wires.take(Wire)
    waiting = threading.Thread(target=lambda: got.append(wires.take(Wire)))
    waiting.start()
    assert got == []
    wires.give_back(wire)
    waiting.join(10)
    assert got == [wire]


def test_fifty_threads_never_hold_more_than_the_size():
    wires = pool(size=5, patience=20)
    begin, lock = threading.Barrier(50), threading.Lock()
    held: set[Wire] = set()
    opened: list[Wire] = []
    most, twice = [0], []

    def open_new() -> Wire:
        opened.append(Wire())
        return opened[-1]

    def work() -> None:
        begin.wait()
        for turn in range(40):
            wire = wires.take(open_new)
            with lock:
                if wire in held:
                    twice.append(wire)
                held.add(wire)
                most[0] = max(most[0], len(held))
            with lock:
                held.discard(wire)
            if turn % 7:
                wires.give_back(wire)
            else:
                wires.drop(wire)

    threads = [threading.Thread(target=work) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert twice == []
    assert 1 <= most[0] <= 5
    assert sum(not wire.closed for wire in opened) <= 5
    assert len(opened) >= 50 * 40 // 7  # each dropped one was replaced


# ---- behind Django's own wrapper, on the connected database


def raw() -> object:
    connection.ensure_connection()
    return connection.connection


@pytest.mark.django_db(transaction=True)
def test_closing_a_connection_keeps_it_for_the_next_one():
    first = raw()
    connection.close()
    assert connection.connection is None
    assert raw() is first


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_showed_an_error_is_not_used_again():
    first = raw()
    connection.errors_occurred = True
    connection.close()
    assert raw() is not first


@pytest.mark.django_db(transaction=True)
def test_a_connection_given_back_in_the_middle_of_a_transaction_is_not_used_again():
    first = raw()
    connection.set_autocommit(False)
    connection.close()
    assert raw() is not first
    assert connection.get_autocommit()


@pytest.mark.django_db(transaction=True)
def test_fifty_threads_share_the_connections_of_this_process(settings):
    size = settings.DATABASES["default"]["POOL"]["size"]
    connection.close()
    begin, lock, seen, answers = threading.Barrier(50), threading.Lock(), set(), []

    def work() -> None:
        begin.wait()
        try:
            for _ in range(5):
                with connection.cursor() as cursor:
                    cursor.execute("SELECT 1")
                    answer = cursor.fetchone()
                with lock:
                    seen.add(id(connection.connection))
                    answers.append(answer)
                connection.close()
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == [(1,)] * 250
    assert 1 <= len(seen) <= size
