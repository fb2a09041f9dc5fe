"""Since when Redis has counted everything: an epoch, on which all processes agree through a row in SQL.

A new one begins whenever Redis may have missed or lost a count. Its name stands in SQL and in Redis; as long as the two
are the same, and the server is the same, nothing has been lost since.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from guestlist.lib import keys, models, sql

ID = "epoch"  # beside the rows of limits, whose names are much longer
KEPT = datetime(9999, 1, 1, tzinfo=UTC)  # no sweeper takes it: without it the next one would be the first
FIRST = datetime(1970, 1, 1, tzinfo=UTC)
SHARED = timedelta(seconds=1)  # later than it must be, so that processes that lose Redis together begin one epoch


class Epoch(NamedTuple):
    """Its name, since when Redis has every use, and which server was told of it; empty: none so far."""

    name: str
    since: datetime
    server: str


def current() -> Epoch:
    """The epoch as SQL has it. The very first begins here and is trusted at once: nothing can have been lost yet."""
    found = sql.row(models.EPOCH, ID)
    if found is None:
        sql.insert("limits_usage", id=ID, uses=_text(_new(FIRST)), ends_at=KEPT)
        return current()
    name, since, server = str(found[0]).split(",")
    return Epoch(name, datetime.fromtimestamp(int(since) / 1000, UTC), server)


def begin(uncounted_until: datetime) -> Epoch:
    """Begin an epoch, for this process counts without Redis until then; or join one that has just begun."""
    while True:
        found = current()
        if not found.server and found.since >= uncounted_until:
            return found
        new = _new(uncounted_until + SHARED)
        if _replace(found, new):
            return new


def told(epoch: Epoch, server: str) -> Epoch:
    """Note which server has been told the epoch's name; the epoch as SQL has it then: perhaps another one by now."""
    _replace(epoch, epoch._replace(server=server))
    return current()


def _new(since: datetime) -> Epoch:
    return Epoch(keys.token(96), since, "")


def _replace(old: Epoch, new: Epoch) -> bool:
    return sql.change(models.CHANGE_EPOCH, _text(new), ID, _text(old)) == 1


def _text(epoch: Epoch) -> str:
    return f"{epoch.name},{int(epoch.since.timestamp() * 1000)},{epoch.server}"
