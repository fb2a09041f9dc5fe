"""Lists as CSV: what the page shows, no formulas, by those who may look, and told."""

import csv
import io
import re

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from guestlist.dashboard import roles
from guestlist.delivery.models import Message
from guestlist.lib import clock, export
from guestlist.lib.models import AuditLine
from guestlist.people.models import Person
from tests.guests import is_problem

LISTS = ["people_person", "delivery_message", "limits_auditline"]


@pytest.fixture
def operator(client, db):
    client.force_login(User.objects.create_superuser("olga", password="long enough 42"))
    return client


def table(answer) -> list[list[str]]:
    assert answer.status_code == 200
    assert answer.streaming
    text = b"".join(answer.streaming_content).decode()
    assert text.startswith(export.BOM)
    return list(csv.reader(io.StringIO(text.removeprefix(export.BOM), newline="")))


def taken(operator, name: str, **query) -> list[list[str]]:
    return table(operator.get(reverse(f"admin:{name}_export"), query, headers={"Accept-Language": "en"}))


@pytest.mark.parametrize("name", LISTS)
def test_each_list_leads_to_its_file_and_the_file_has_its_rows(operator, alice, bob, name):
    page = operator.get(reverse(f"admin:{name}_changelist")).content.decode()
    assert 'href="export/' in page
    shown = len(re.findall(r'<tr><td class="action-checkbox">|<tr><th class="field-', page))
    head, *rows = taken(operator, name)
    assert len(rows) >= shown > 0
    assert {len(row) for row in rows} == {len(head)}


def test_the_file_masks_what_the_page_masks(operator, alice, bob):
    head, *rows = taken(operator, "delivery_message")
    assert {row[0] for row in rows} == {"'+7********33", "'+7********77"}
    assert "delivered" in {row[head.index("state")] for row in rows}
    for name in ("delivery_message", "limits_auditline"):
        assert alice.phone not in str(taken(operator, name))


def test_what_is_searched_and_filtered_is_exported(operator, alice, bob):
    for words in ("8 (900) 111-22-33", alice.profile()["invite_code"]):
        _head, *rows = taken(operator, "people_person", q=words)
        assert [row[0] for row in rows] == [f"'{alice.phone}"]
    assert taken(operator, "people_person", q="nobody")[1:] == []
    events = {row[1] for row in taken(operator, "limits_auditline", event="registered")[1:]}
    assert events == {"registered"}


def test_all_pages_come_newest_first_and_no_more_than_the_most(operator, db, monkeypatch):
    monkeypatch.setattr(export, "PAGE", 3)
    Person.objects.bulk_create(
        Person(phone=f"+7900111{number:04}", invite_code=f"{number:06}", created_at=clock.now()) for number in range(8)
    )
    numbers = [row[2] for row in taken(operator, "people_person")[1:]]
    assert numbers == [f"{number:06}" for number in reversed(range(8))]
    monkeypatch.setattr(export, "MOST", 4)
    assert [row[2] for row in taken(operator, "people_person")[1:]] == numbers[:4]


@pytest.mark.parametrize(
    "bad", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\n@x", "＝1", "\N{NO-BREAK SPACE}=1"]
)
def test_no_cell_is_a_formula(operator, alice, bad):
    assert export.cell(bad).startswith("'")
    Person.objects.update(username=bad)
    assert taken(operator, "people_person")[1][1].startswith("'")


@given(st.one_of(st.text(), st.text(alphabet='a;=+" \t\n')))
def test_no_cell_is_a_formula_where_semicolons_stand_between_cells(text):
    """As in the Russian Excel, for which `a;=1+1;b` is three cells."""
    whole = export.line(["first", text, "last"])
    for delimiter in ";\t":
        cells = [cell for row in csv.reader(io.StringIO(whole, newline=""), delimiter=delimiter) for cell in row]
        cells += whole.replace('"', "").split(delimiter)
        assert not [cell for cell in cells if cell.strip().startswith(("=", "+", "-", "@"))]


@given(st.text())
def test_a_cell_comes_back_as_it_was_but_for_the_quotes(text):
    (row,) = csv.reader(io.StringIO(export.line([text, "last"]), newline=""))
    assert row[1] == "last"
    assert row[0].replace("'", "") == text.replace("'", "")
    assert not row[0].lstrip().startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize("query", [{"created_at__gte": "x"}, {"blocked_at__isempty": "7"}])
def test_a_list_that_there_is_not_is_refused_and_nothing_is_told(operator, db, query):
    assert is_problem(operator.get(reverse("admin:people_person_export"), query), 400, "invalid_request")
    assert not AuditLine.objects.exists()


@pytest.mark.parametrize("name", LISTS)
def test_each_export_is_told_with_the_operators_name(operator, db, name):
    operator.get(reverse(f"admin:{name}_export"), REMOTE_ADDR="203.0.113.9")
    line = AuditLine.objects.get(event="list.exported")
    assert (line.ip, line.facts) == ("203.0.113.9", f"list={name.partition('_')[2]} by=olga")


def test_only_who_may_look_may_take(client, db):
    user = User.objects.create_user("ivan", password="long enough 42", is_staff=True)
    client.force_login(user)
    for name in LISTS:
        assert client.get(reverse(f"admin:{name}_export")).status_code == 403
    assert not AuditLine.objects.exists()
    user.groups.add(Group.objects.get(name=roles.READ_ONLY))
    for name in LISTS:
        assert client.get(reverse(f"admin:{name}_export")).status_code == 200
    client.logout()
    assert client.get(reverse("admin:people_person_export")).status_code == 302


def test_a_file_has_no_code_and_no_token(operator, guest):
    alice = guest("+79001112233")
    code = alice.ask().json()["code"]
    alice.confirm(code)
    assert Message.objects.exists()
    for name in LISTS:
        assert code not in {cell for row in taken(operator, name) for cell in row}
