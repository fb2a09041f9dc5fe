"""Rows that die of age: each room tells which of its own, and they are deleted in small batches, oldest first.

A batch is one short transaction that passes over rows which somebody holds: nobody waits for it longer than it lasts,
it waits for nobody, and processes that purge at the same time share the work.
"""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection

from guestlist.lib import sql

BATCH = 500  # rows; under the parameters that any SQLite takes in one statement
PAUSE = 0.05  # seconds after a full batch: SQLite has one writer at a time, and others have their turn


class Old(NamedTuple):
    """Rows of a table that die when `column`, an indexed time, is longer ago than they are kept."""

    name: str
    table: str
    column: str
    kept: timedelta
    key: str = "id"

    def to_count(self) -> str:
        """The statement that counts them."""
        return f"SELECT COUNT(*) FROM {self.table} WHERE {self.column} < %s"

    def to_find(self) -> str:
        """The statement that finds and holds a batch of them; on SQLite the whole transaction holds everything."""
        free = "" if connection.vendor == "sqlite" else " FOR UPDATE SKIP LOCKED"
        return f"SELECT {self.key} FROM {self.table} WHERE {self.column} < %s ORDER BY {self.column} LIMIT %s{free}"

    def to_delete(self, batch: int) -> str:
        """The statement that deletes so many."""
        return f"DELETE FROM {self.table} WHERE {self.key} IN ({', '.join(['%s'] * batch)})"


_known: dict[str, Old] = {}


def tell(*kinds: Old) -> None:
    """Called by each room at start: which of its rows die."""
    _known.update({kind.name: kind for kind in kinds})


def kinds() -> Sequence[Old]:
    """All that were told of, in that order."""
    return list(_known.values())


def count(kind: Old, now: datetime) -> int:
    """How many rows are past their use."""
    return int(sql.rows(kind.to_count(), now - kind.kept)[0][0])


@sql.in_one_transaction
def delete_some(kind: Old, now: datetime, most: int) -> int:
    """Delete up to `most` of them, oldest first; how many."""
    old = [key for (key,) in sql.rows(kind.to_find(), now - kind.kept, most)]
    if connection.vendor == "mysql":  # which reads a table whole when most of it goes, and waits for rows that are held
        return sql.change_many(kind.to_delete(1), [[key] for key in old]) if old else 0
    return sql.change(kind.to_delete(len(old)), *old) if old else 0


def purge(kind: Old, now: datetime, batch: int = BATCH) -> int:
    """Delete all of them that nobody holds, batch by batch; how many. No connection is held in between."""
    deleted = 0
    while True:
        last = delete_some(kind, now, batch)
        sql.let_go()
        deleted += last
        if last < batch:
            return deleted
        time.sleep(PAUSE)
