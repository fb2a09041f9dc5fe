"""Every hot statement finds its rows by an index, on the connected database: none reads a whole table.

The statements are all upper-case texts of the rooms' models.py, of api/profile_sql.py and of dashboard/delivery_sql.py.
The values for their placeholders are those of a row, found by the column's name; so a new statement is explained
without a line here. `{holes}` are made three, and other braces filled with the text of that name beside the statement.
"""

import importlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session as OperatorSession
from django.db import connection, models

from guestlist.delivery import routing
from guestlist.lib import dying, sql

MODULES = [
    *(f"{config.name}.models" for config in apps.get_app_configs() if config.name.startswith("guestlist.")),
    "guestlist.api.profile_sql",
    "guestlist.dashboard.delivery_sql",
    "guestlist.dashboard.overview_sql",
    "guestlist.dashboard.timeline_sql",
]
CROWD = 300
NOW, STEP = datetime(2026, 1, 31, 12, tzinfo=UTC), timedelta(seconds=1)
KEYWORDS = re.compile(r"\s*(SELECT|UPDATE|DELETE|WITH|INSERT(?!.*\bVALUES\b))\b")  # given values, it reads nothing
TABLE = re.compile(
    r"\b(?:FROM|JOIN|UPDATE|INTO)\s+(\w+)(?:\s+(?:AS\s+)?(?!SET\b|WHERE\b|JOIN\b|LEFT\b|ON\b|ORDER\b)(\w+))?"
)
HOLE = re.compile(
    r"(?:(\w+)\.)?(\w+)\s*(=|<>|<=|>=|<|>|\bIN\s*\()\s*(?:%s\s*,\s*)*%s|\bLIMIT\s+%s|%s(?:\s*=\s*'(\w+)')?"
)
OURS = [
    *(model for model in apps.get_models() if model.__module__.startswith("guestlist.")),
    OperatorSession,  # whose rows we delete
]
TABLES = {model._meta.db_table: model for model in OURS}

# Reads that take the newest rows in the order of the key and stop: of the sandbox's inbox.
BY_THE_KEY = {"guestlist.delivery.models.DELIVERED"}
# How many there are, for operators who watch: once in a scrape, never in a request.
OF_ALL = {"guestlist.people.models.HOW_MANY"}
# Of a table that has a row for each gateway that fails, and so no more than there are gateways.
OF_A_FEW = {"guestlist.delivery.models.RESTS"}
# Over the whole service within a span: of time, or of the newest messages; or all that is due, in a batch or counted.
# The overview's are for operators who look, and its span is cut to the newest 50,000 (dashboard/delivery.py).
OF_A_SPAN = {
    "guestlist.signin.models.DEVICES_SINCE",
    "guestlist.signin.models.SHORT_GUESSES",
    "guestlist.signin.models.GUESSES",  # which has the same part, and two by index beside it
    "guestlist.delivery.models.LATEST",
    "guestlist.delivery.models.DUE",
    "guestlist.delivery.models.WAITING",
    *(
        f"guestlist.dashboard.delivery_sql.{name}"
        for name in (
            *("NEWEST_MESSAGES", "NEWEST_ATTEMPTS", "ASKED", "CONFIRMED", "SAMPLE", "REASONS", "NOBODY_ASKED"),
            "FAILED",
        )
    ),
    # Of the overview of the service, each with a LIMIT.
    *(
        f"guestlist.dashboard.overview_sql.{name}"
        for name in ("EVENTS", "PEOPLE", "JOURNAL", "REFUSED", "COUNTRIES", "CONFIRMED_IN", "INVITERS", "PAUSED")
    ),
}
# Of these the oldest, or the newest, are read in the order of an index and the rest is left: nothing is sorted.
IN_ORDER = {
    "guestlist.delivery.models.DUE",
    "guestlist.dashboard.delivery_sql.NEWEST_MESSAGES",
    "guestlist.dashboard.delivery_sql.NEWEST_ATTEMPTS",
    "guestlist.dashboard.delivery_sql.SAMPLE",
    "guestlist.dashboard.overview_sql.REFUSED",
    "guestlist.dashboard.overview_sql.PAUSED",
    "guestlist.dashboard.overview_sql.INVITERS",
    "guestlist.dashboard.timeline_sql.INVITEES",
}


def statements() -> Iterator[tuple[str, str]]:
    for name in MODULES:
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError:
            continue
        for word, text in vars(module).items():
            if word.isupper() and isinstance(text, str) and KEYWORDS.match(text):
                yield f"{name}.{word}", filled(text, vars(module))


def filled(text: str, beside: dict[str, Any]) -> str:
    """A statement without the braces that its caller fills: with a list of three, and with texts of its module."""
    text = text.replace("{holes}", "%s, %s, %s")
    return re.sub(r"\{(\w+)\}", lambda brace: beside[brace[1].upper()], text)


STATEMENTS = dict(statements())


def sample(field: models.Field, number: int) -> Any:
    """A value for a column of row `number`, from 1; different for each row where that may matter."""
    if isinstance(field, models.DateTimeField):
        return None if field.null and field.name != "expires_at" else NOW + number * STEP
    if field.null and not field.is_relation:
        return None
    if isinstance(field, models.ForeignKey):
        keys = KEYS[field.related_model]
        return keys[(number + (field.name == "inviter")) % len(keys)]
    if field.choices:
        values = [value for value, _ in field.choices]
        return "delivered" if "delivered" in values else values[0]
    if field.blank:
        return ""
    if isinstance(field, models.CharField):
        return f"+7900{number:07}" if field.name == "phone" else f"{number:06}"[-(field.max_length or 6) :]
    if isinstance(field, models.TextField):
        return ""
    if isinstance(field, models.BooleanField):
        return False
    return number


KEYS: dict[type[models.Model], list[Any]] = {}


def in_order() -> list[type[models.Model]]:
    """Our models, each behind those that it refers to."""
    found: list[type[models.Model]] = []
    while rest := [model for model in OURS if model not in found]:
        found += [
            model
            for model in rest
            if all(field.related_model in (None, *found) for field in model._meta.concrete_fields)
        ]
    return found


@pytest.fixture(scope="module")
def crowd(django_db_setup, django_db_blocker) -> Iterator[None]:
    """Rows enough in every table that a planner has a reason to use an index."""
    with django_db_blocker.unblock():
        for model in in_order():
            fields = [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]
            rows = [{field.attname: sample(field, number) for field in fields} for number in range(1, CROWD + 1)]
            model.objects.bulk_create(model(**row) for row in rows)
            KEYS[model] = list(model.objects.order_by("pk").values_list("pk", flat=True))
        with connection.cursor() as cursor:
            for table in TABLES:
                cursor.execute(f"ANALYZE TABLE {table}" if connection.vendor == "mysql" else f"ANALYZE {table}")
        try:
            yield
        finally:
            for model in reversed(in_order()):
                models.QuerySet(model).delete()  # a manager may forbid it
            KEYS.clear()
            if connection.vendor == "sqlite":
                with connection.cursor() as cursor:
                    cursor.execute("DELETE FROM sqlite_stat1")
            connection.close()


def aliases(statement: str) -> dict[str, type[models.Model]]:
    """The names that our tables have in a statement."""
    return {alias or table: TABLES[table] for table, alias in TABLE.findall(statement) if table in TABLES}


def values(statement: str) -> list[Any]:
    """A value for each placeholder: that of a row in the middle, by the column's name."""
    names, found = aliases(statement), []
    for hole in HOLE.finditer(statement):
        alias, column, compared = hole[1], hole[2], hole[3]
        if hole[0].startswith("LIMIT"):
            found.append(10)
            continue
        if hole[4]:  # a value that is only compared with a word
            found.append(hole[4])
            continue
        assert column, f"no column stands before a placeholder: {hole[0]!r} of {statement}"
        tables = [names[alias]] if alias else [*names.values()]
        field = next(field for table in tables for field in table._meta.concrete_fields if field.column == column)
        fit = field.model.objects.order_by("pk").values_list(field.attname, flat=True)[CROWD // 2]
        if isinstance(field, models.DateTimeField):
            later = {">": -1, ">=": -1, "<": 1, "<=": 1}.get(compared, 0)  # so that the row in the middle is found
            fit = connection.ops.adapt_datetimefield_value((fit or NOW) + later * STEP)
        found += [fit] * hole[0].count("%s")
    return found


def explained(statement: str, given: list[Any] | None = None) -> list[dict[str, Any]]:
    """The plan, a dict for each step; with these values, else with those of a row in the middle."""
    explain = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN (FORMAT JSON) ", "mysql": "EXPLAIN "}
    statement = statement.replace("SET {}", "SET username = %s")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(explain[connection.vendor] + statement, values(statement) if given is None else given)
        names = [column[0] for column in cursor.description]
        lines = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [*steps(lines[0]["QUERY PLAN"][0]["Plan"])] if connection.vendor == "postgresql" else lines


def steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from steps(inner)


def whole_tables(statement: str, plan: list[dict[str, Any]]) -> list[Any]:
    """The steps of a plan that read a whole table of ours, or a whole index of it."""
    names = {*aliases(statement), *TABLES}
    if connection.vendor == "sqlite":
        scans = [re.match(r"SCAN (\w+)", line["detail"]) for line in plan]
        return [scan[0] for scan in scans if scan and scan[1] in names]
    if connection.vendor == "postgresql":
        reads = [step for step in plan if step["Node Type"].endswith("Scan") and step.get("Relation Name") in TABLES]
        reads = [step for step in reads if step["Node Type"] != "Bitmap Heap Scan"]  # its index is a step of its own
        indexed = [step for step in plan if step["Node Type"] == "Bitmap Index Scan"]
        return [step for step in reads + indexed if "Index Cond" not in step]
    return [line for line in plan if line["type"] in ("ALL", "index") and line["table"] in names]


def ranges(plan: list[dict[str, Any]]) -> list[str]:
    """The conditions of a plan that only bound a range, such as everything that is not over; MariaDB does not tell."""
    conditions = [str(step.get("detail", step.get("Index Cond", ""))) for step in plan]
    return [found for found in conditions if re.search("[<>]", found) and not re.search(r"(?<![<>])=", found)]


def test_the_statements_are_found():
    assert len(STATEMENTS) >= 20
    for name in ("signin.models.SESSION", "invites.models.LOOK", "people.models.BY_PHONE", "api.profile_sql.PROFILE"):
        assert f"guestlist.{name}" in STATEMENTS


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in STATEMENTS if name not in BY_THE_KEY | OF_ALL | OF_A_FEW])
def test_no_hot_statement_reads_a_whole_table(crowd, name):
    plan = explained(STATEMENTS[name])
    assert plan
    assert whole_tables(STATEMENTS[name], plan) == []
    assert name in OF_A_SPAN or ranges(plan) == []


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(BY_THE_KEY))
def test_the_newest_are_read_in_the_order_of_the_key_and_without_sorting(crowd, name):
    plan = explained(STATEMENTS[name])
    if connection.vendor == "sqlite":
        assert [line["detail"] for line in plan] == ["SCAN delivery_message"]  # no TEMP B-TREE: backwards, and it stops
    elif connection.vendor == "postgresql":
        assert [step["Node Type"] for step in plan] == ["Limit", "Index Scan"]
        assert (plan[1]["Scan Direction"], plan[1]["Index Name"]) == ("Backward", "delivery_message_pkey")
    else:
        assert [(line["key"], "filesort" in str(line["Extra"])) for line in plan] == [("PRIMARY", False)]


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(OF_A_FEW))
def test_a_table_that_is_read_whole_has_no_more_rows_than_gateways(name):
    (model,) = aliases(STATEMENTS[name]).values()
    assert model._meta.pk.name == "gateway"
    assert len(routing.CLASSES) < 20


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(IN_ORDER))
def test_what_is_read_in_the_order_of_an_index_is_not_sorted(crowd, name):
    if connection.vendor == "postgresql":
        sql.change("SET LOCAL enable_sort = off")  # of a few rows it may prefer to sort; where it must, it still does
        sql.change("SET LOCAL enable_bitmapscan = off")  # which has no order
    plan = explained(STATEMENTS[name])
    assert plan
    assert not re.search("TEMP B-TREE|filesort|'Sort'", str(plan))


@pytest.mark.django_db
@pytest.mark.parametrize("kind", dying.kinds(), ids=lambda kind: kind.name)
def test_what_dies_is_counted_found_and_deleted_by_an_index_and_never_sorted(crowd, kind):
    old = TABLES[kind.table].objects.order_by(kind.column).values_list(kind.column, "pk")[: CROWD // 10]
    until = connection.ops.adapt_datetimefield_value(old[len(old) - 1][0])
    keys = [key for _, key in old]
    if connection.vendor == "postgresql":
        sql.change("SET LOCAL enable_sort = off")  # of thirty rows it may prefer to sort; where it must, it still does
    for statement, given in (
        (kind.to_count(), [until]),
        (kind.to_find(), [until, 10]),
        (kind.to_delete(len(keys)), keys),
    ):
        plan = explained(statement, given)
        assert plan
        assert whole_tables(statement, plan) == [], statement
        assert not re.search("TEMP B-TREE|filesort|'Sort'", str(plan)), statement


@pytest.mark.django_db
def test_a_late_page_of_invitees_is_found_without_reading_the_earlier_ones(crowd):
    """C80: the cursor is a place in the index, not a filter behind it; else the millionth invitee costs a million."""
    plan = explained(STATEMENTS["guestlist.invites.models.INVITEES"])
    if connection.vendor == "sqlite":
        assert any("activated_at>" in line["detail"] for line in plan)
    elif connection.vendor == "postgresql":
        assert any("activated_at >" in step.get("Index Cond", "") for step in plan)
    else:
        assert ("range", "activation_by_inviter") in [(line["type"], line["key"]) for line in plan]


@pytest.mark.django_db
def test_a_statement_that_does_read_a_whole_table_would_be_noticed(crowd):
    """The guard itself: none of these columns has an index."""
    for statement in (
        "SELECT id FROM people_person WHERE username = %s",
        "SELECT p.id FROM people_person p WHERE p.email = %s ORDER BY p.id",
        "UPDATE people_person SET email = %s WHERE username = %s",
        "DELETE FROM signin_session WHERE ip = %s",
    ):
        assert whole_tables(statement, explained(statement)) != [], statement
    if connection.vendor != "mysql":
        assert ranges(explained("SELECT id FROM signin_session WHERE secret_digest = %s AND expires_at > %s")) != []


# Whoever comes second finds nothing, and has nothing to do: the first has done the same.
ONCE_IS_ENOUGH = {
    "guestlist.invites.models.ENTER_ANEW",
    "guestlist.signin.models.DEVICE_SEEN",
    "guestlist.signin.models.END_PAUSE",
    "guestlist.signin.models.PAUSE_AGAIN",
    "guestlist.signin.models.SUPERSEDE",
}
CHANGE = re.compile(r"UPDATE (\w+) SET (.+?) WHERE (.+)", re.DOTALL)


def moved(text: str) -> set[str]:
    """The columns that a change sets, and finds its rows by a span of, in an index.

    MariaDB may go by that index, on a small table: a row that another one moves in it meanwhile is not found.
    """
    change = CHANGE.match(text)
    if not change:
        return set()
    table, assigned, condition = change.groups()
    meta = TABLES[table]._meta
    indexed = {field.column for field in meta.concrete_fields if field.db_index or field.unique}
    indexed |= {meta.get_field(name).column for index in meta.indexes for name in index.fields}
    spans = {column for column, _ in re.findall(r"\b(\w+)\s*(<>|<=|>=|<|>)", condition)}
    return indexed & spans & set(re.findall(r"(\w+)\s*=", assigned))


def test_no_change_moves_its_row_in_the_index_that_finds_it():
    found = {name for name, text in STATEMENTS.items() if moved(text)}
    assert found == ONCE_IS_ENOUGH
    assert moved("UPDATE invites_tally SET invitees = invitees - 1 WHERE inviter_id = %s AND invitees > 0") == {
        "invitees"
    }
