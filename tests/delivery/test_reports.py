"""Delivery reports: who may bring them, and what they change."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from guestlist.delivery.gateways import Late, Receipt, Report, reports
from guestlist.delivery.models import Attempt, Message
from guestlist.lib import clock
from tests.guests import is_problem

PHONE = "+79001112233"
START = datetime(2026, 1, 31, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(guest, two) -> Any:
    """A message that smsru has taken as its number 77; what the provider reports is what the form says."""
    two[0].receipt = Receipt(id="77")
    two[0].reports = lambda call: [Report(call.form["id"], call.form["state"], call.form.get("reason", ""))]
    alice = guest(PHONE)
    alice.asked = alice.ask().json()
    return alice


def tell(name: str = "smsru", key: str | None = None, path: str = "", **form: str) -> Any:
    found = reports.key(name) if key is None else key
    address = path or f"/gateways/{name}/report/?{urlencode({'key': found})}"
    return Client().post(address, urlencode(form), content_type="application/x-www-form-urlencoded")


def state(alice: Any) -> tuple[str, str | None]:
    said = alice.post("/user/login/state/", {"challenge": alice.asked["challenge"]}).json()
    return said["delivery"], said["reason"]


def test_a_report_moves_the_message_on_and_the_client_sees_it(sent):
    assert state(sent) == ("sent", None)
    with clock.at(START):
        answer = tell(id="77", state="delivered")
    assert (answer.status_code, answer.content) == (200, b"ok")
    assert (Message.objects.get().state, Message.objects.get().ended_at) == ("delivered", START)
    assert state(sent) == ("delivered", None)


def test_a_report_of_failure_is_told_and_that_gateway_is_skipped_next_time(sent, two):
    tell(id="77", state="failed", reason="201")
    assert state(sent) == ("failed", "undelivered")
    assert Message.objects.get().reason == "201"
    assert Attempt.objects.get().state == "failed"
    sent.ask()
    assert (len(two[0].given), len(two[1].given)) == (1, 1)


@pytest.mark.parametrize(
    ("told", "at_last"),
    [
        (["delivered", "failed"], "delivered"),
        (["failed", "delivered"], "delivered"),
        (["delivered", "sent"], "delivered"),
        (["sent"], "sent"),
        (["failed", "failed"], "failed"),
    ],
)
def test_what_arrived_has_arrived_in_whatever_order_reports_come(sent, told, at_last):
    for one in told:
        assert tell(id="77", state=one).status_code == 200
    assert Message.objects.get().state == at_last


def test_a_gateway_that_only_may_have_sent_it_can_say_that_it_arrived_but_not_that_it_failed(guest, two):
    two[0].fails, two[1].receipt = Late(), Receipt(id="SM1")
    guest(PHONE).ask()
    Attempt.objects.filter(gateway="smsru").update(provider_id="77")
    two[0].reports = lambda call: [Report("77", call.form["state"])]
    tell(state="failed")
    assert Message.objects.get().state == "sent"
    tell(state="delivered")
    assert Message.objects.get().state == "delivered"


@pytest.mark.parametrize("key", ["", "0" * 32, "ключ", reports.key("twilio")])
def test_without_the_key_there_is_no_such_address(sent, key):
    assert is_problem(tell(key=key, id="77", state="delivered"), 404, "not_found")
    assert Message.objects.get().state == "sent"


@pytest.mark.parametrize("name", ["vonage", "simulated", "nobody"])
def test_nor_for_a_gateway_that_is_not_in_use(sent, name):
    assert is_problem(tell(name, id="77", state="delivered"), 404, "not_found")


def test_the_slash_at_the_end_may_be_left_out(sent):
    path = f"/gateways/smsru/report?key={reports.key('smsru')}"
    assert tell(path=path, id="77", state="delivered").status_code == 200


def test_a_message_that_nobody_knows_is_not_found_so_that_an_early_report_comes_again(sent):
    assert is_problem(tell(id="78", state="delivered"), 404, "not_found")


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch"])
def test_only_post_is_taken(sent, method):
    answer = getattr(Client(), method)(f"/gateways/smsru/report/?key={reports.key('smsru')}")
    assert is_problem(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"", "application/x-www-form-urlencoded", 400, "invalid_request"),
        (b"{", "application/json", 400, "invalid_request"),
        (b"[" * 5000, "application/json", 400, "invalid_request"),
        (b"\xff\xfe", "application/json", 400, "invalid_request"),
        (b"\xff=1", "application/x-www-form-urlencoded", 400, "invalid_request"),
        (b"id=%00&state=delivered", "application/x-www-form-urlencoded", 404, "not_found"),
        (b"id=" + b"7" * 15000 + b"&state=delivered", "application/x-www-form-urlencoded", 404, "not_found"),
        (b"x" * 20000, "application/x-www-form-urlencoded", 413, "too_large"),
        (b"id=77&state=exploded", "text/plain", 200, ""),  # a state that we keep nothing of
    ],
)
def test_nonsense_is_refused_and_never_a_fault_of_ours(sent, body, kind, status, code):
    answer = Client().post(f"/gateways/smsru/report/?key={reports.key('smsru')}", body, content_type=kind)
    assert answer.status_code == status, answer.content
    if code:
        assert is_problem(answer, status, code)
    assert Message.objects.get().state == "sent"


def test_an_answer_tells_nothing_of_the_message(sent):
    answer = tell(id="77", state="delivered")
    assert PHONE not in answer.content.decode()
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_address_is_given_to_providers_only_where_they_can_reach_it(settings):
    assert reports.url("twilio") == ""
    settings.HTTPS, settings.PUBLIC_URL = True, "https://guests.example.org"
    assert reports.url("twilio") == f"https://guests.example.org/gateways/twilio/report/?key={reports.key('twilio')}"
    assert reports.key("twilio") != reports.key("smsru")


def test_a_provider_may_answer_for_many_at_once(sent, two, guest):
    two[0].receipt = Receipt(id="78")
    guest("+79005556677").ask()
    two[0].reports = lambda _: [Report("77", "delivered"), Report("78", "failed"), Report("79", "delivered")]
    assert tell().status_code == 200
    assert sorted(Message.objects.values_list("state", flat=True)) == ["delivered", "failed"]
