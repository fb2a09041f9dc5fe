"""A person's timeline: what happened to them and their number, newest first, a page at a time."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.utils.translation import gettext

from guestlist.dashboard import timeline_sql
from guestlist.lib import sql
from guestlist.lib.refusals import Refusal
from guestlist.people.models import Person
from guestlist.signin import sessions

PAGE = 50
MOST_SKIPPED = 10_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Source(NamedTuple):
    """A kind of thing that happens: its statement, the columns after time and id, whose, and who may see it."""

    statement: str
    columns: tuple[str, ...]
    is_by_phone: bool
    permission: str


SOURCES = {
    "challenge": Source(
        timeline_sql.CHALLENGES,
        ("digits", "attempts", "used_at", "expires_at", "region", "address"),
        True,
        "signin.view_challenge",
    ),
    "message": Source(
        timeline_sql.MESSAGES, ("kind", "channel", "gateway", "state", "reason"), True, "delivery.view_message"
    ),
    "session": Source(
        timeline_sql.SESSIONS,
        ("kind", "last_seen_at", "expires_at", "ip", "user_agent"),
        False,
        "signin.view_session",
    ),
    "journal": Source(
        timeline_sql.JOURNAL, ("what", "code", "inviter_id", "actor", "reason"), False, "invites.view_journalline"
    ),
    "invitee": Source(timeline_sql.INVITEES, ("code",), False, "invites.view_activation"),
    "audit": Source(timeline_sql.AUDIT, ("event", "ip", "facts"), False, "limits.view_auditline"),
}


class Item(NamedTuple):
    """Something that happened: when, of which kind, its row's id, and what there is to say."""

    at: datetime
    kind: str
    id: Any
    facts: dict[str, Any]


class Cursor(NamedTuple):
    """Where a page begins: at this time, after so many things that happened at it."""

    at: datetime
    skipped: int


class Page(NamedTuple):
    """Things that happened, newest first, and the cursor of what came before, if anything did."""

    items: list[Item]
    before: str | None


def timeline(person: Person, cursor: Cursor, kinds: Collection[str]) -> Page:
    """A page of what happened to this person, of these kinds of SOURCES."""
    most = PAGE + cursor.skipped + 1
    found = [item for kind in kinds for item in _read(kind, person, cursor.at, most)]
    found.sort(key=lambda item: (item.at, item.kind), reverse=True)  # of one moment and kind in the order of the rows
    found = found[cursor.skipped :]
    items = found[:PAGE]
    if len(found) <= PAGE:
        return Page(items, None)
    last = items[-1].at
    # Things of one moment may go on behind the page; those before it are skipped again, if it began at that moment.
    skipped = sum(item.at == last for item in items) + (cursor.skipped if last == cursor.at else 0)
    return Page(items, cursor_text(Cursor(last, skipped)))


def cursor_text(cursor: Cursor) -> str:
    """A cursor as it stands in an address."""
    return f"{(cursor.at - EPOCH) // timedelta(microseconds=1)}.{cursor.skipped}"


def cursor_from(text: str) -> Cursor:
    """The cursor of an address. Refuses with `invalid_request` what is none."""
    micros, _, skipped = text.partition(".")
    fits = all(part.isascii() and part.isdigit() for part in (micros, skipped))
    if not fits or len(micros) > 16 or len(skipped) > 5 or int(skipped) > MOST_SKIPPED:
        words = gettext("This is not a cursor of ours.")
        raise Refusal("invalid_request", errors=[{"field": "before", "detail": words}])
    return Cursor(EPOCH + timedelta(microseconds=int(micros)), int(skipped))


def _read(kind: str, person: Person, until: datetime, most: int) -> list[Item]:
    source = SOURCES[kind]
    whose = person.phone if source.is_by_phone else person.pk
    return [
        Item(sql.moment(at), kind, id_, _facts(dict(zip(source.columns, values, strict=True)), kind, id_))
        for at, id_, *values in sql.rows(source.statement, whose, until, most)
    ]


def _facts(facts: dict[str, Any], kind: str, id_: Any) -> dict[str, Any]:
    times = {name: sql.maybe_moment(value) for name, value in facts.items() if name.endswith("_at")}
    also = {"short": sessions.short(id_)} if kind == "session" else {}
    return {**facts, **times, **also}
