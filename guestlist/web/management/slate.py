"""MariaDB cannot take back half a migration: the first one, on an empty database, begins anew after a crash."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from guestlist.lib import sql

MARK = "guestlist_first_migration"


@contextmanager
def clean_slate() -> Iterator[None]:
    """While the first migration runs on MariaDB or MySQL, a table of its own says so.

    Whoever finds it drops every table: the database was empty when that migration began, and nothing was served since.
    Must run under the lock that lets one process migrate.
    """
    if connection.vendor != "mysql":
        yield
        return
    tables = connection.introspection.table_names()
    if MARK in tables:
        _drop([table for table in tables if table != MARK])
    elif not tables:
        sql.change(f"CREATE TABLE {MARK} (id int)")
    yield
    if MARK in tables or not tables:
        sql.change(f"DROP TABLE {MARK}")


def _drop(tables: list[str]) -> None:
    with connection.constraint_checks_disabled():
        for table in tables:
            sql.change(f"DROP TABLE {connection.ops.quote_name(table)}")
