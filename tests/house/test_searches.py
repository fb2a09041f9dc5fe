"""Whatever operators search for, no table of ours is read from end to end: on the connected database."""

import re

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.house import test_statements
from tests.house.test_statements import TABLES, explained, whole_tables

crowd = test_statements.crowd
LISTS = {
    f"{model._meta.app_label}_{model._meta.model_name}"
    for model in admin.site._registry
    if model.__module__.startswith("guestlist.")
}
FEW = {"delivery_rest", "signin_pause", "delivery_wording"}  # of gateways, countries and kinds of message
WORDS = ["+7 900 000-01-50", "8 (900) 000 01 50", "000150", "o0o1-5o", "150", "33", "203.0.113.7", "anna", "%"]
QUOTED = re.compile(r'["`]')


@pytest.fixture
def operator(client, db):
    client.force_login(User.objects.create_superuser("olga", password="long enough 42"))
    return client


def reads_whole(statement: str) -> list:
    bare = QUOTED.sub("", statement)
    if not any(re.search(rf"\b{table}\b", bare) for table in TABLES):
        return []
    return whole_tables(bare, explained(statement.replace("%", "%%"), []))


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("name", sorted(LISTS - FEW))
def test_a_search_finds_by_an_index_or_not_at_all(operator, crowd, monkeypatch, name, words):
    monkeypatch.setattr("guestlist.lib.admin.SEARCHED", 20)  # of a crowd of 300, as 100,000 are of millions
    with CaptureQueriesContext(
        connection,
    ) as done:
        assert operator.get(reverse(f"admin:{name}_changelist"), {"q": words}).status_code == 200
    searched = [query["sql"] for query in done.captured_queries if re.search(r"\bWHERE\b", query["sql"])]
    assert searched
    for statement in searched:
        assert reads_whole(statement) == [], statement


@pytest.mark.django_db
def test_a_search_that_does_read_a_whole_table_would_be_noticed(crowd):
    assert reads_whole("SELECT id FROM people_person WHERE username LIKE '%anna%'") != []
    assert reads_whole("SELECT id FROM limits_auditline WHERE ip = '203.0.113.7'") != []
