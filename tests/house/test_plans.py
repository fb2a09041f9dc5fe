"""What the service really asks its database for, among thousands of people: nothing reads a big table whole.

The statements are recorded during a day of the service (tests/recorder.py), and each is explained with the values that
it had: this knows no statement by heart. The planner has the statistics of these rows and its free choice;
tests/house/test_statements.py asks whether each one has an index at all.
"""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from guestlist.delivery.models import Message
from guestlist.invites.models import Activation
from guestlist.lib import bulk, clock, dying, sql
from guestlist.lib.models import AuditLine, Usage
from guestlist.people.models import Person
from guestlist.signin import population as signin
from guestlist.signin.models import Challenge, Device, Guard, Guess, Session
from tests import recorder
from tests.house.test_statements import BY_THE_KEY, OF_A_SPAN, OF_ALL, STATEMENTS, steps

PEOPLE, INVITEES, BIG = 3000, 1000, 500  # rows: what a planner does not read whole for a few of them
OLD = 10  # rows of each kind that dies
MEANT = {STATEMENTS[name] for name in BY_THE_KEY | OF_A_SPAN | OF_ALL}  # which test_statements.py answers for
PLANNED = re.compile(r"\s*(SELECT|UPDATE|DELETE|WITH|INSERT)\b")
MUST_BE_ASKED_OF = (Person, Activation, Session, Device, Challenge, Guess, Message, Usage)
BIG_TABLES = {
    model._meta.db_table: model
    for model in (Person, Activation, Session, Device, Challenge, Guard, Guess, Message, Usage, AuditLine)
}
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def host(monkeypatch) -> Iterator[str]:
    """The token of somebody who invited a thousand, among thousands who asked for codes a moment ago."""
    for name, value in (("RECENT", 1.0), ("WRONG", 1.0), ("MOST_WRONG", PEOPLE)):
        monkeypatch.setattr(signin, name, value)
    told = StringIO()
    call_command(
        *("seed", "--people", str(PEOPLE), "--inviter", str(INVITEES), "--bearer"), stdout=told, stderr=StringIO()
    )
    few = list(Guess.objects.order_by("pk").values_list("pk", flat=True))[::20]
    Guess.objects.exclude(pk__in=few).update(digits=6)  # the breaker leaves no more guesses at short codes than that
    now = clock.now()
    Usage.objects.bulk_create(Usage(id=f"{n}", uses="", ends_at=now + timedelta(hours=1)) for n in range(PEOPLE))
    for kind in dying.kinds():
        if (model := BIG_TABLES.get(kind.table)) is not None:
            _age(model, kind, now)
    bulk.analyze(list(BIG_TABLES))
    yield told.getvalue().strip()
    if connection.vendor == "sqlite":
        sql.change("DELETE FROM sqlite_stat1")


def _age(model: Any, kind: dying.Old, now: datetime) -> None:
    """Let a few of them be past their use."""
    some = list(model.objects.order_by("pk").values_list("pk", flat=True)[:OLD])
    holes = ", ".join(["%s"] * OLD)
    sql.change(
        f"UPDATE {kind.table} SET {kind.column} = %s WHERE {kind.key} IN ({holes})",
        now - kind.kept - timedelta(minutes=1),
        *some,
    )


def plan(statement: str, values: Any) -> list[dict[str, Any]]:
    """The steps by which the database would do it now."""
    explain = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN (FORMAT JSON) ", "mysql": "EXPLAIN "}
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL random_page_cost = 1.1")  # as on a disk that turns no more
        cursor.execute(explain[connection.vendor] + statement, values)
        names = [column[0] for column in cursor.description]
        lines = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    if connection.vendor != "postgresql":
        return lines
    found = lines[0]["QUERY PLAN"]
    return [*steps((json.loads(found) if isinstance(found, str) else found)[0]["Plan"])]


def read_whole(statement: str, how: list[dict[str, Any]]) -> list[str]:
    """The big tables that these steps read from end to end."""
    names = {alias or table: table for table, alias in _named(statement) if _is_big(table)}
    if connection.vendor == "postgresql":
        return [step["Relation Name"] for step in how if _is_whole(step) and _is_big(step["Relation Name"])]
    if connection.vendor == "sqlite":
        scans = [re.match(r"SCAN (\w+)", line["detail"]) for line in how]
        return [names[scan[1]] for scan in scans if scan and scan[1] in names]
    read = [line for line in how if line["type"] in ("ALL", "index") and line["select_type"] != "INSERT"]
    return [names[line["table"]] for line in read if line["table"] in names]


def _is_whole(step: dict[str, Any]) -> bool:
    by_index = step["Node Type"] in ("Index Scan", "Index Only Scan")
    return step["Node Type"] == "Seq Scan" or (by_index and "Index Cond" not in step)


def _named(statement: str) -> list[tuple[str, str]]:
    keywords = "SET|WHERE|JOIN|LEFT|INNER|ON|ORDER|LIMIT|SELECT|VALUES|FOR|GROUP"
    return re.findall(
        rf"\b(?:FROM|JOIN|UPDATE|INTO)\s+[\"`]?(\w+)[\"`]?(?:\s+(?:AS\s+)?[\"`]?(?!(?:{keywords})\b)(\w+))?", statement
    )


def _is_big(table: str) -> bool:
    return table in BIG_TABLES and BIG_TABLES[table].objects.count() >= BIG


def test_nothing_that_people_do_reads_a_big_table_from_end_to_end(host):
    with recorder.strictly(), recorder.recording() as recorded:
        recorder.a_day(host)
    asked = {text: values for text, values in recorded.items() if PLANNED.match(text) and text not in MEANT}
    for model in MUST_BE_ASKED_OF:
        assert any(f"{model._meta.db_table}" in text for text in asked), model
        assert _is_big(model._meta.db_table), model
    assert len(asked) >= 40
    bulk.analyze(list(BIG_TABLES))
    found = {text: tables for text, values in asked.items() if (tables := read_whole(text, plan(text, values)))}
    assert found == {}, "\n".join(found)


def test_one_that_does_would_be_noticed(host):
    """The test itself: none of these columns has an index."""
    for statement, values in (
        ("SELECT id FROM people_person WHERE username = %s", ["Анна"]),
        ("SELECT p.id FROM people_person p JOIN signin_session s ON s.person_id = p.id WHERE s.ip = %s", ["192.0.2.1"]),
        ("UPDATE signin_device SET digest = digest WHERE digest LIKE %s", ["%ab"]),
        ("DELETE FROM signin_challenge WHERE address = %s", ["192.0.2.1"]),
    ):
        assert read_whole(statement, plan(statement, values)) != [], statement
