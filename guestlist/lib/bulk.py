"""Very many rows into a table, in the caller's transaction: COPY on PostgreSQL, batches elsewhere."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection

from guestlist.lib import sql

BATCH = 1000  # rows of one round trip
Values = tuple[Any, ...]


class Filling(NamedTuple):
    """Rows for a table: made one after another while they are written, about so many."""

    table: str
    columns: str  # as in a statement: `id, phone`
    rows: Iterable[Values]
    about: int


def fill(filling: Filling) -> Iterator[int]:
    """Write the rows; yields how many were written, batch by batch, and ends when all are."""
    rows = iter(filling.rows)
    if connection.vendor == "postgresql":
        yield from _copied(filling, rows)
        return
    holes = ", ".join(["%s"] * len(filling.columns.split(",")))
    statement = f"INSERT INTO {filling.table} ({filling.columns}) VALUES ({holes})"
    while batch := list(islice(rows, BATCH)):
        sql.change_many(statement, batch)
        yield len(batch)


def settle(tables: Sequence[str]) -> None:
    """After rows with ids of their own, in their transaction: the next id is free again."""
    models = [model for model in apps.get_models() if model._meta.db_table in tables]
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)


def analyze(tables: Sequence[str]) -> None:
    """After that transaction: the planner knows how many rows there are."""
    if connection.vendor == "mysql" and connection.in_atomic_block:  # it commits: only a test comes here
        return
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ANALYZE TABLE {table}" if connection.vendor == "mysql" else f"ANALYZE {table}")


def _copied(filling: Filling, rows: Iterator[Values]) -> Iterator[int]:
    statement = f"COPY {filling.table} ({filling.columns}) FROM STDIN"
    # Django wraps the errors of its own calls, and knows no COPY.
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
        while batch := list(islice(rows, BATCH)):
            for row in batch:
                copy.write_row(row)
            yield len(batch)
