"""Migrations are in step with the models, and the database itself keeps what must never be twice."""

import importlib
import re
import threading
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.models import CharField

from guestlist.delivery.models import Wording
from guestlist.invites.models import Activation, LedgerLine, Tally
from guestlist.lib import clock
from guestlist.lib.fields import ExactCharField
from guestlist.people.models import Person, RetiredCode
from guestlist.signin.models import Challenge, Device, Pause, Session

migration = importlib.import_module("guestlist.lib.migrations.0003_no_second_indexes")

OURS = [model for model in apps.get_models() if model.__module__.startswith("guestlist.")]

UNIQUE = [
    (Person, ["phone"]),  # one person a number
    (Person, ["invite_code"]),
    (Person, ["public_id"]),
    (RetiredCode, ["code"]),
    (Activation, ["invitee_id"]),  # one activation, ever
    (Activation, ["loop_key"]),  # one direction of a pair, where loops are refused
    (LedgerLine, ["digest"]),
    (Tally, ["inviter_id"]),
    (Challenge, ["id"]),
    (Session, ["id"]),
    (Device, ["phone", "digest"]),
    (Pause, ["scope"]),
    (Wording, ["kind", "language"]),
]

NEEDS_BYTES = [
    (Person, "phone"),
    (Person, "invite_code"),
    (Person, "public_id"),
    (RetiredCode, "code"),
    (Activation, "code"),
    (Activation, "loop_key"),
    (LedgerLine, "digest"),
    (Challenge, "id"),
    (Challenge, "phone"),
    (Challenge, "salt"),
    (Session, "id"),
    (Session, "secret_digest"),
    (Device, "digest"),
    (Device, "phone"),
]


def constraints(model) -> list[dict]:
    with connection.cursor() as cursor:
        return list(connection.introspection.get_constraints(cursor, model._meta.db_table).values())


@pytest.mark.django_db
def test_no_migration_is_missing(capsys):
    call_command("makemigrations", check=True, dry_run=True)
    assert "No changes detected" in capsys.readouterr().out


@pytest.mark.django_db
def test_every_migration_can_be_taken_back():
    """An operator who must go back to the version before can."""
    disk = MigrationLoader(connection).disk_migrations
    ours = [migration for migration in disk.values() if type(migration).__module__.startswith("guestlist.")]
    assert ours
    for migration in ours:
        assert all(operation.reversible for operation in migration.operations), migration


@pytest.mark.django_db(transaction=True)
def test_people_of_the_version_before_are_given_public_ids_each_one_of_its_own(monkeypatch):
    """In batches, without touching who has one; and again without harm, as after a crash in the middle."""
    fill = importlib.import_module("guestlist.people.migrations.0003_fill_public_ids")
    monkeypatch.setattr(fill, "BATCH", 3)
    columns = {"username": "", "email": "", "created_at": clock.now()}
    for number in range(10):
        Person.objects.create(phone=f"+790011122{number:02}", invite_code=f"00000{number}", **columns)
    Person.objects.filter(invite_code="000004").update(public_id="x" * 22)
    with connection.schema_editor() as editor:
        fill.fill(apps, editor)
    first = dict(Person.objects.values_list("invite_code", "public_id"))
    assert len(set(first.values())) == 10
    assert all(re.fullmatch(r"[\w-]{22}", public_id) for public_id in first.values())
    assert first["000004"] == "x" * 22
    Person.objects.filter(invite_code__in=["000000", "000009"]).update(public_id=None)
    with connection.schema_editor() as editor:
        fill.fill(apps, editor)
    second = dict(Person.objects.values_list("invite_code", "public_id"))
    assert None not in second.values()
    assert [code for code in first if first[code] != second[code]] == ["000000", "000009"]


@pytest.mark.django_db
@pytest.mark.parametrize(("model", "columns"), UNIQUE)
def test_the_database_itself_keeps_what_must_never_be_twice(model, columns):
    found = constraints(model)
    kept = [sorted(one["columns"]) for one in found if one["unique"] or one["primary_key"]]
    assert sorted(columns) in kept


@pytest.mark.django_db
def test_every_table_has_a_primary_key():
    for model in OURS:
        assert any(found["primary_key"] for found in constraints(model)), model


@pytest.mark.parametrize(("model", "name"), NEEDS_BYTES)
def test_codes_tokens_and_numbers_are_compared_byte_by_byte(model, name):
    """C77: a binary collation, whatever the database's own default is."""
    assert isinstance(model._meta.get_field(name), ExactCharField)


@pytest.mark.django_db
def test_the_collation_of_those_columns_is_a_binary_one_in_the_database_too():
    for model in OURS:
        exact = {field.column for field in model._meta.concrete_fields if isinstance(field, ExactCharField)}
        other = {field.column for field in model._meta.concrete_fields if isinstance(field, CharField)} - exact
        with connection.cursor() as cursor:
            described = connection.introspection.get_table_description(cursor, model._meta.db_table)
        if connection.vendor == "sqlite":
            continue  # its introspection names a collation only when it is not the default, which is binary
        collations = {column.name: column.collation for column in described}
        assert all(collations[name] in ("C", "utf8mb4_bin", "utf8mb4_nopad_bin") for name in exact), (model, collations)
        assert all(collations[name] not in ("C",) for name in other), (model, collations)


@pytest.mark.django_db
def test_no_foreign_key_of_ours_is_without_an_index():
    for model in OURS:
        keys = [found["columns"][0] for found in constraints(model) if found["foreign_key"]]
        leading = {
            found["columns"][0]
            for found in constraints(model)
            if found["index"] or found["primary_key"] or found["unique"]
        }
        assert set(keys) <= leading, model


def columns_of_indexes(model) -> list[tuple[str, ...]]:
    """Of each index, unique or not; but for those of texts that are not compared byte by byte, which are few."""
    fields = [field for field in model._meta.concrete_fields if isinstance(field, CharField)]
    plain = {field.column for field in fields if not isinstance(field, ExactCharField)}
    found = [one for one in constraints(model) if one["index"] or one["unique"] or one["primary_key"]]
    return [tuple(one["columns"]) for one in found if not plain & set(one["columns"])]


@pytest.mark.django_db
@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_no_index_of_a_table_is_there_twice(model):
    """Django makes a second one for LIKE on PostgreSQL, which under the collation C is a copy of the first."""
    found = columns_of_indexes(model)
    assert len(found) == len(set(found)), found


@pytest.mark.django_db(transaction=True)
def test_a_database_that_has_second_indexes_loses_them_and_nobody_waits_meanwhile():
    def has_one() -> bool:
        return len(columns_of_indexes(Person)) > len(set(columns_of_indexes(Person)))

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("CREATE INDEX one_like ON people_person (phone varchar_pattern_ops)")
        assert has_one()
    other, dropping = connection.copy(), threading.Thread(target=dropped)
    try:
        with transaction.atomic():
            assert not Person.objects.exists()  # a dump, say, that has not ended
            dropping.start()
            dropping.join(0.5)
            with other.cursor() as cursor:
                if connection.vendor == "postgresql":
                    assert dropping.is_alive()
                    cursor.execute("SET lock_timeout = '2s'")
                cursor.execute("SELECT COUNT(*) FROM people_person")
    finally:
        other.close()
        dropping.join(30)
    assert not has_one()


def dropped() -> None:
    migration.drop(None, SimpleNamespace(connection=connection))
    connection.close()
