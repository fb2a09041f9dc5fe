"""The rows in which limits remember what was used: two statements an ask, however many limits there are."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from guestlist.lib import dying, sql
from guestlist.lib.sliding_log import Change

TABLE = "limits_usage"
OLD = dying.Old("uses of limits", TABLE, "ends_at", timedelta(0))


def lock(ids: Sequence[str], now: datetime) -> Mapping[str, str]:
    """What is remembered under these ids, each of whose rows is made when missing and locked, in the order given."""
    # An upsert that changes nothing does both, in one statement.
    if connection.vendor == "mysql":
        kept = "ON DUPLICATE KEY UPDATE id = VALUES(id)"
    else:
        kept = "ON CONFLICT (id) DO UPDATE SET id = excluded.id"
    holes = ", ".join(["(%s, '', %s)"] * len(ids))
    statement = f"INSERT INTO {TABLE} (id, uses, ends_at) VALUES {holes} {kept}"
    values = _flat((id_, now) for id_ in ids)
    if connection.features.can_return_rows_from_bulk_insert:
        return dict(sql.changed(f"{statement} RETURNING id, uses", *values))
    sql.change(statement, *values)  # MySQL has no RETURNING
    return read(ids)


def read(ids: Sequence[str]) -> Mapping[str, str]:
    """What is remembered under these ids; nothing is made, nothing locked."""
    holes = ", ".join(["%s"] * len(ids))
    return dict(sql.rows(f"SELECT id, uses FROM {TABLE} WHERE id IN ({holes})", *ids))


def write(changes: Sequence[Change]) -> None:
    """Remember these."""
    if not changes:
        return
    if connection.vendor == "mysql":
        kept = "ON DUPLICATE KEY UPDATE uses = VALUES(uses), ends_at = VALUES(ends_at)"
    else:
        kept = "ON CONFLICT (id) DO UPDATE SET uses = excluded.uses, ends_at = excluded.ends_at"
    holes = ", ".join(["(%s, %s, %s)"] * len(changes))
    sql.change(f"INSERT INTO {TABLE} (id, uses, ends_at) VALUES {holes} {kept}", *_flat(changes))


def delete_all() -> None:
    """Forget everything, in the caller's transaction."""
    sql.change(f"DELETE FROM {TABLE}")


def _flat(rows: Iterable[tuple[Any, ...]]) -> list[Any]:
    return [value for row in rows for value in row]
