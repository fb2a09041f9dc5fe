"""Hot statements, written once and portable: SQLite, PostgreSQL, MariaDB/MySQL. Placeholders are %s everywhere."""

import fcntl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.db import (
    DEFAULT_DB_ALIAS,
    InterfaceError,
    NotSupportedError,
    OperationalError,
    connection,
    connections,
    transaction,
)

from guestlist.lib.databases import NoneFree

AWAY = (OperationalError, InterfaceError)  # the database does not answer: 503, never 500

DEADLOCKED = ("40P01", "40001", 1213, 1205, 1020)  # PostgreSQL's and MariaDB's names for "lost a race, try again"
OUTDATED = "0A000"  # PostgreSQL's: a table has changed under a plan that this connection keeps
TRIES = 4

PATIENCE = 5.0  # seconds, as for a connection
_writers = threading.BoundedSemaphore(max(1, settings.DB_POOL - 1))
_here = threading.local()
_crowd = threading.BoundedSemaphore(max(1, settings.DB_POOL // 4))

P = ParamSpec("P")
T = TypeVar("T")


def row(statement: str, *values: Any) -> tuple[Any, ...] | None:
    """The first row, or None."""
    found = rows(statement, *values)
    return found[0] if found else None


def rows(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """All rows. A read whose idle connection turns out to be dead, or outdated, is made once more, on a new one."""
    here = connections[DEFAULT_DB_ALIAS]
    try:
        return _read(here, statement, values)
    except (*AWAY, NotSupportedError) as error:
        if here.in_atomic_block or not (_is_outdated(error) or _is_dead(here.connection, error)):
            raise
        _forget_connections()
        return _read(here, statement, values)


def change(statement: str, *values: Any) -> int:
    """Run a change; how many rows it took. Row counts decide who was first, not a look before."""
    here = connections[DEFAULT_DB_ALIAS]
    with _as_a_writer(here), here.cursor() as cursor:
        cursor.execute(statement, _fit(here, values))
        return int(cursor.rowcount)


def changed(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """Run a change that says RETURNING; the rows that it returns."""
    here = connections[DEFAULT_DB_ALIAS]
    with _as_a_writer(here):
        return _read(here, statement, values)


def change_many(statement: str, changes: Sequence[Sequence[Any]]) -> int:
    """Run a change once for each of these values, in as few round trips as the driver knows; how many rows in all."""
    if len(changes) == 1:
        return change(statement, *changes[0])  # a pipeline for one costs more than it saves
    here = connections[DEFAULT_DB_ALIAS]
    with _as_a_writer(here), here.cursor() as cursor:
        cursor.executemany(statement, [_fit(here, values) for values in changes])
        return int(cursor.rowcount)


def insert(table: str, **columns: Any) -> bool:
    """Insert a row unless one of its unique keys is taken; whether it was inserted.

    It waits for a rival that has inserted the same key and not yet committed, on all three databases.
    """
    return change(_insertion(table, tuple(columns)), *columns.values()) == 1


def insert_id(table: str, **columns: Any) -> int | None:
    """The same for a table that numbers its rows: the new row's id, None when a unique key is taken."""
    statement = _insertion(table, tuple(columns))
    if connection.vendor == "postgresql":
        made = changed(f"{statement} RETURNING id", *columns.values())
        return int(made[0][0]) if made else None
    here = connections[DEFAULT_DB_ALIAS]
    with _as_a_writer(here), here.cursor() as cursor:
        cursor.execute(statement, _fit(here, tuple(columns.values())))
        return int(cursor.lastrowid) if cursor.rowcount == 1 else None


def count_up(table: str, key: str, counter: str, value: Any) -> None:
    """Add one to the counter of the row with this key, which is made when it is missing."""
    kept = f"{counter} = {table}.{counter} + 1"
    conflict = "ON DUPLICATE KEY UPDATE" if connection.vendor == "mysql" else f"ON CONFLICT ({key}) DO UPDATE SET"
    change(f"INSERT INTO {table} ({key}, {counter}) VALUES (%s, 1) {conflict} {kept}", value)


def in_one_transaction(act: Callable[P, T]) -> Callable[P, T]:
    """Run the act in a transaction of its own, and again when the database says that it lost a deadlock or a lock wait.

    Likewise when its idle connection turns out to be dead, or outdated by a migration; but never when the commit itself
    fails, for then nobody knows. So the act must be safe to run again from its start: nothing but statements in it,
    nothing sent.
    """

    @wraps(act)
    def whole(*args: P.args, **kwargs: P.kwargs) -> T:
        for round_ in range(1, TRIES + 1):
            has_acted, raw = False, connection.connection
            try:
                with _as_a_writer(connection), transaction.atomic():
                    raw = connection.connection  # a broken one is replaced before the error gets here
                    result = act(*args, **kwargs)
                    has_acted = True
                return result
            except (*AWAY, NotSupportedError) as error:
                died = not has_acted and (_is_outdated(error) or (round_ == 1 and _is_dead(raw, error)))
                if not (died or lost_a_race(error)) or round_ == TRIES or connection.in_atomic_block:
                    raise
                if died:
                    _forget_connections()
                time.sleep(0.01 * round_)
        raise AssertionError("unreachable")

    return whole


def lost_a_race(error: Exception) -> bool:
    """Whether the database rolled this transaction back only because of another one."""
    cause = error.__cause__
    return getattr(cause, "sqlstate", None) in DEADLOCKED or (bool(error.args) and error.args[0] in DEADLOCKED)


def padded(values: Sequence[T]) -> tuple[str, list[T]]:
    """Holes for `IN ({holes})`, and the values in them, the last of which is repeated up to the next power of two.

    So a statement for some has a few forms, and not one for each number of them, of which none is ever prepared.
    """
    size = 1 << (len(values) - 1).bit_length()
    return ", ".join(["%s"] * size), [*values, *[values[-1]] * (size - len(values))]


def let_go() -> None:
    """Give this thread's connection back, before the thread waits for something that is not the database."""
    if not connection.in_atomic_block:  # only a test wraps a whole request into a transaction
        connection.close()


@contextmanager
def in_a_crowd() -> Iterator[None]:
    """Work that may come in hundreds at once: as many threads do it at a time as a quarter of the connections.

    The others wait here, outside of the interpreter too. Without this bound a profile queues behind every ask that
    came before it (docs/decisions/0008-waiting-threads.md has the figures). Inside of itself it does nothing.
    """
    if getattr(_here, "is_in_crowd", False):
        yield
        return
    _join_crowd()
    try:
        yield
    finally:
        _leave_crowd()


@contextmanager
def out_of_the_crowd() -> Iterator[None]:
    """While this thread waits for something else than the database: it gives its place and its connection back."""
    was_in_crowd = getattr(_here, "is_in_crowd", False)
    if was_in_crowd:
        _leave_crowd()
    else:
        let_go()
    try:
        yield
    finally:
        if was_in_crowd:
            _join_crowd()


@contextmanager
def one_at_a_time(name: str) -> Iterator[None]:
    """Hold a lock that only one process can hold: in the database server, or beside the SQLite file."""
    if connection.vendor == "sqlite":
        with open(f"{connection.settings_dict['NAME']}.{name}", "w", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # the system lets go when the process ends, however it ends
            yield
    elif connection.vendor == "mysql":
        row("SELECT GET_LOCK(%s, 600)", f"guestlist.{name}")
        try:
            yield
        finally:
            row("SELECT RELEASE_LOCK(%s)", f"guestlist.{name}")
    else:
        from guestlist.lib.databases.postgresql import apart  # only here, and only on PostgreSQL

        # By a transaction: behind a pooler such as PgBouncer nothing else stays in one session of the server.
        with connection.wrap_database_errors, apart.opened(connection, autocommit=False) as holder:
            holder.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"guestlist.{name}"])
            yield


def moment(value: Any) -> datetime:
    """A time as a raw statement gives it (text on SQLite, naive on MariaDB), aware and in UTC."""
    found: datetime = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def maybe_moment(value: Any) -> datetime | None:
    """The same for a column that may be NULL."""
    return None if value is None else moment(value)


def _join_crowd() -> None:
    if not _crowd.acquire(timeout=PATIENCE):
        raise NoneFree(f"too many are waiting for the database, for {PATIENCE} s")
    _here.is_in_crowd = True


def _leave_crowd() -> None:
    if _here.is_in_crowd:  # otherwise it could not come back from where it waited
        _here.is_in_crowd = False
        let_go()
        _crowd.release()


@cache
def _insertion(table: str, columns: tuple[str, ...]) -> str:
    names, holes = ", ".join(columns), ", ".join(["%s"] * len(columns))
    if connection.vendor == "mysql":
        return f"INSERT IGNORE INTO {table} ({names}) VALUES ({holes})"
    return f"INSERT INTO {table} ({names}) VALUES ({holes}) ON CONFLICT DO NOTHING"


def _read(here: Any, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with here.cursor() as cursor:
        cursor.execute(statement, _fit(here, values))
        return list(cursor.fetchall())


def _as_a_writer(here: Any) -> AbstractContextManager[None]:
    # One connection is always left to those who read, however long writers wait for a lock or for each other.
    return nullcontext() if here.in_atomic_block else _with_a_writers_place()


@contextmanager
def _with_a_writers_place() -> Iterator[None]:
    if not _writers.acquire(blocking=False):
        let_go()  # nor does this thread keep the one it has read with
        if not _writers.acquire(timeout=PATIENCE):
            raise NoneFree(f"too many are writing, for {PATIENCE} s")
    try:
        yield
    finally:
        _writers.release()


def _is_dead(raw: Any, error: Exception) -> bool:
    return raw is not None and not isinstance(error, NoneFree) and connection.hung_up(raw)  # type: ignore[attr-defined]


def _is_outdated(error: Exception) -> bool:
    return getattr(error.__cause__, "sqlstate", None) == OUTDATED


def _forget_connections() -> None:
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # what ended one has ended its idle neighbours too


def _fit(here: Any, values: Sequence[Any]) -> Sequence[Any]:
    if here.vendor == "postgresql":
        return values  # psycopg knows what a time is
    fit = here.ops.adapt_datetimefield_value
    return [fit(value) if isinstance(value, datetime) else value for value in values]
