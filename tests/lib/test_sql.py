"""Hot statements: who was first is told by the database, and a lost race is run again."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import IntegrityError, OperationalError, connection

from guestlist.invites.models import Tally
from guestlist.lib import sql
from guestlist.lib.refusals import Refusal
from guestlist.people.models import Person

NOON = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)


def insert(phone: str = "+79001112233", code: str = "7K2M9Q", **more: object) -> bool:
    columns = {"username": "", "email": "", "phone_visibility": "full", "created_at": NOON, **more}
    return sql.insert("people_person", phone=phone, invite_code=code, **columns)


@pytest.mark.django_db
def test_an_insert_says_whether_it_was_first():
    assert insert() is True
    assert insert(code="ZZZZZZ") is False  # the phone is taken
    assert insert(phone="+79005556677") is False  # the code is taken
    assert insert("+79005556677", "ZZZZZZ") is True
    assert sorted(Person.objects.values_list("phone", "invite_code")) == [
        ("+79001112233", "7K2M9Q"),
        ("+79005556677", "ZZZZZZ"),
    ]


@pytest.mark.django_db
def test_a_refused_insert_changes_nothing_and_the_transaction_goes_on():
    insert(username="Alice")
    assert insert(username="Mallory") is False
    assert Person.objects.get().username == "Alice"
    assert insert("+79005556677", "ZZZZZZ") is True


@pytest.mark.django_db
def test_letters_are_compared_byte_by_byte():
    """C77: `abc123` is not `ABC123`, a trailing space counts, and ı, İ, ß are letters of their own."""
    codes = ["ABC123", "abc123", "ıBC123", "İBC123", "IBC123", "iBC123", "ßBC12", "SSBC12", "ABC12", "ABC12 "]
    for number, code in enumerate(codes):
        assert insert(f"+7900111{number:04}", code) is True, code
    for code in codes:
        assert list(sql.rows("SELECT invite_code FROM people_person WHERE invite_code = %s", code)) == [(code,)]


@pytest.mark.django_db
def test_a_change_says_how_many_rows_it_took():
    insert()
    insert("+79005556677", "ZZZZZZ")
    assert sql.change("UPDATE people_person SET username = %s WHERE phone = %s", "A", "+79001112233") == 1
    assert sql.change("UPDATE people_person SET username = %s WHERE phone = %s", "A", "+79008889900") == 0
    assert sql.change("UPDATE people_person SET username = %s", "B") == 2


@pytest.mark.django_db
def test_a_change_to_the_same_value_counts_the_row_all_the_same():
    """MariaDB counts changed rows unless it is asked for found ones; who was first must not depend on it."""
    insert(username="Alice")
    assert sql.change("UPDATE people_person SET username = %s WHERE phone = %s", "Alice", "+79001112233") == 1


@pytest.mark.django_db
def test_a_row_that_is_not_there_is_none():
    assert sql.row("SELECT id FROM people_person WHERE phone = %s", "+79001112233") is None
    assert len(sql.rows("SELECT id FROM people_person WHERE phone = %s", "+79001112233")) == 0


@pytest.mark.django_db
def test_a_counter_is_made_when_it_is_missing_and_counts_up_alone():
    insert()
    insert("+79005556677", "ZZZZZZ")
    alice, bob = Person.objects.order_by("phone").values_list("id", flat=True)
    for _ in range(3):
        sql.count_up("invites_tally", "inviter_id", "invitees", alice)
    sql.count_up("invites_tally", "inviter_id", "invitees", bob)
    assert dict(Tally.objects.values_list("inviter_id", "invitees")) == {alice: 3, bob: 1}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "moment",
    [
        NOON,
        NOON.replace(microsecond=0),
        NOON.replace(microsecond=1),
        datetime(2026, 6, 30, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2026, 1, 31, 15, 0, 0, 5, tzinfo=timezone(timedelta(hours=3))),
    ],
)
def test_a_time_comes_back_as_it_went(moment):
    insert(created_at=moment)
    (raw,) = sql.row("SELECT created_at FROM people_person")
    found = sql.moment(raw)
    assert found == moment
    assert found.utcoffset() == timedelta(0)
    assert sql.row("SELECT id FROM people_person WHERE created_at = %s", moment) is not None
    assert sql.row("SELECT id FROM people_person WHERE created_at > %s", moment) is None


def test_times_of_every_driver_are_read_alike():
    assert sql.maybe_moment(None) is None
    assert sql.maybe_moment("2026-01-31 12:00:00.123456") == NOON
    assert sql.moment("2026-01-31 12:00:00.123456") == NOON
    assert sql.moment("2026-01-31 12:00:00.123456+00:00") == NOON
    assert sql.moment(NOON.replace(tzinfo=None)) == NOON
    assert sql.moment(NOON) == NOON


def test_a_naive_time_is_utc_wherever_the_server_stands(settings):
    settings.TIME_ZONE = "Asia/Tokyo"
    assert sql.moment(NOON.replace(tzinfo=None)) == sql.moment("2026-01-31 12:00:00.123456") == NOON


# ---- a transaction of its own


class DriverError(Exception):
    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def lost(kind: object) -> OperationalError:
    """What Django raises of a driver's error: PostgreSQL names it by its SQLSTATE, MariaDB by a number."""
    if isinstance(kind, int):
        return OperationalError(kind, "try restarting transaction")
    error = OperationalError("deadlock detected")
    error.__cause__ = DriverError(str(kind))
    return error


@pytest.fixture
def naps(monkeypatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr(sql.time, "sleep", slept.append)
    return slept


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["40P01", "40001", 1213, 1205, 1020])
def test_a_lost_race_is_run_again_until_it_is_won(naps, kind):
    rounds = []

    @sql.in_one_transaction
    def act(word: str) -> str:
        assert insert() is True  # what the round before wrote is rolled back
        rounds.append(word)
        if len(rounds) < sql.TRIES:
            raise lost(kind)
        return "won"

    assert act("x") == "won"
    assert rounds == ["x"] * sql.TRIES
    assert len(naps) == sql.TRIES - 1
    assert Person.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_race_that_is_lost_every_time_is_given_up(naps):
    rounds = []

    @sql.in_one_transaction
    def act() -> None:
        rounds.append(insert())
        raise lost("40P01")

    with pytest.raises(OperationalError):
        act()
    assert rounds == [True] * sql.TRIES
    assert not Person.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "error",
    [
        lost("57P01"),  # an administrator ended the connection
        lost("08006"),
        lost(2006),  # MariaDB has gone away
        lost(1045),
        OperationalError(),
        OperationalError("database is locked"),
        IntegrityError(1213, "not that kind"),
        Refusal("already_activated"),
        ZeroDivisionError(),
    ],
    ids=repr,
)
def test_any_other_error_is_passed_on_at_once_and_rolls_back(naps, error):
    rounds = []

    @sql.in_one_transaction
    def act() -> None:
        rounds.append(insert())
        raise error

    with pytest.raises(type(error)) as passed_on:
        act()
    assert passed_on.value is error
    assert rounds == [True]
    assert naps == []
    assert not Person.objects.exists()


@pytest.mark.django_db
def test_inside_another_transaction_a_lost_race_is_the_outer_ones_to_repeat(naps):
    rounds = []

    @sql.in_one_transaction
    def act() -> None:
        rounds.append(1)
        raise lost("40P01")

    assert connection.in_atomic_block
    with pytest.raises(OperationalError):
        act()
    assert (rounds, naps) == ([1], [])


@pytest.mark.django_db(transaction=True)
def test_letting_go_gives_the_connection_back():
    sql.row("SELECT 1")
    assert connection.connection is not None
    sql.let_go()
    assert connection.connection is None
    assert sql.row("SELECT 1") == (1,)


@pytest.mark.django_db
def test_a_transaction_is_never_let_go():
    sql.let_go()
    assert connection.connection is not None


# ---- a connection that the server has ended; SQLite has no server


@pytest.fixture
def server(transactional_db) -> Iterator[None]:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has no server that could end a connection")
    yield
    connection.close()


def cut_off() -> None:
    """End our connection as an operator would, or a restart: from the server's side."""
    ours, theirs, still = {
        "postgresql": (
            "SELECT pg_backend_pid()",
            "SELECT pg_terminate_backend(%s)",
            "SELECT 1 FROM pg_stat_activity WHERE pid = %s",
        ),
        "mysql": (
            "SELECT connection_id()",
            "KILL %s",
            "SELECT 1 FROM information_schema.processlist WHERE id = %s",
        ),
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(ours)
        (pid,) = cursor.fetchone()
    operator = connection.copy()
    try:
        with operator.cursor() as cursor:
            cursor.execute(theirs, [pid])
            deadline, is_there = time.monotonic() + 5, True
            while is_there and time.monotonic() < deadline:  # a server lets go in its own time
                cursor.execute(still, [pid])
                is_there = cursor.fetchone() is not None
            assert not is_there
    finally:
        operator.close()


def test_a_read_on_a_dead_connection_is_made_once_more_on_a_new_one(server):
    cut_off()
    assert sql.row("SELECT 1") == (1,)


def test_a_transaction_on_a_dead_connection_is_run_again(server, naps):
    rounds = []

    @sql.in_one_transaction
    def act() -> None:
        rounds.append(insert())

    cut_off()
    act()
    assert Person.objects.count() == 1
    assert rounds == [True]


def test_a_transaction_whose_connection_dies_in_the_middle_is_run_again_once(server, naps):
    rounds = []

    @sql.in_one_transaction
    def act() -> None:
        rounds.append(insert())
        if len(rounds) < 3:
            cut_off()
            sql.change("UPDATE people_person SET username = 'Alice'")

    with pytest.raises(sql.AWAY):
        act()
    assert len(rounds) == 2
    connection.close()
    assert not Person.objects.exists()


def test_a_transaction_whose_commit_fails_is_never_run_again(server, naps, monkeypatch):
    rounds = []

    @sql.in_one_transaction
    def act() -> None:
        rounds.append(insert())
        cut_off()  # nobody knows whether the commit that follows arrives

    with pytest.raises(sql.AWAY):
        act()
    assert len(rounds) == 1


# ---- a plan that a connection of PostgreSQL keeps, and a table that a migration changes


@pytest.fixture
def migrated(server) -> Iterator[Callable[[], None]]:
    """Somebody else makes a column longer, each time that this is called; in the end it is as it was."""
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL keeps plans here")
    longer = "ALTER TABLE signin_session ALTER COLUMN ip TYPE varchar({})"
    (most,) = sql.rows(
        "SELECT character_maximum_length FROM information_schema.columns"
        " WHERE table_name = 'signin_session' AND column_name = 'ip'"
    )[0]

    def change(by: int) -> None:
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute(longer.format(most + by))
        other.close()

    yield lambda: change(1)
    connection.close()
    change(0)


def test_a_read_whose_table_has_changed_under_its_plan_is_made_once_more(migrated):
    def read() -> list[tuple[object, ...]]:
        return sql.rows("SELECT id, ip FROM signin_session WHERE id = %s", "nobody's")

    assert [read(), read(), read()] == [[], [], []]  # from the second time on by a plan
    migrated()
    assert read() == []


def test_a_transaction_whose_table_has_changed_under_its_plan_is_run_again(migrated, naps):
    rounds = []

    @sql.in_one_transaction
    def act() -> None:
        rounds.append(sql.insert("people_retiredcode", code="7K2M9Q", retired_at=NOON))
        sql.rows("SELECT id, ip FROM signin_session WHERE id = %s", "nobody's")
        sql.change("DELETE FROM people_retiredcode")

    act()
    act()
    migrated()
    act()
    assert rounds == [True] * 4
