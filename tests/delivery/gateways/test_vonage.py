"""Vonage: what goes out, what its statuses mean, and what its delivery receipts say."""

import base64
import time
from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.core.exceptions import ImproperlyConfigured

from guestlist.delivery import gateways
from guestlist.delivery.gateways import Call, Outgoing, Receipt, Report, reports
from guestlist.delivery.gateways.vonage import Vonage
from tests.delivery.gateways import fake as fakes

KEY, SECRET, PHONE, CODE = "abcd1234", "a-secret-of-vonage", "+447700900000", "7209"
TEXT = f"Your code is {CODE}\n\n@example.org #{CODE}"
MESSAGE = Outgoing(PHONE, TEXT, CODE, "sms")
PART = {
    "to": PHONE[1:],
    "message-id": "0A0000000123ABCD1",
    "status": "0",
    "remaining-balance": "3.14159265",
    "message-price": "0.03330000",
    "network": "23410",
}
ID = PART["message-id"]


def answer(*parts: object) -> fakes.Answer:
    return 200, {}, {"message-count": str(len(parts)), "messages": list(parts)}


@pytest.fixture
def vonage(settings, monkeypatch) -> Iterator[fakes.Fake]:
    settings.VONAGE_API_KEY, settings.VONAGE_API_SECRET, settings.VONAGE_FROM = KEY, SECRET, "Guests"
    with fakes.answering({"/sms/json": answer(PART)}) as found:
        monkeypatch.setattr(Vonage, "url", found.url)
        yield found


def send(message: Outgoing = MESSAGE, seconds: float = 5) -> Receipt:
    return Vonage().send(message, seconds)


def test_a_text_goes_out_as_its_papers_say(vonage):
    assert send() == Receipt(ID, Decimal("0.03330000"), "EUR")
    (call,) = vonage.received
    assert (call.method, call.path, call.query) == ("POST", "/sms/json", {})
    assert call.headers["authorization"] == "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
    assert call.form == {"from": "Guests", "to": PHONE[1:], "text": TEXT}


@pytest.mark.parametrize(("text", "is_unicode"), [("Ваш код 1", True), ("“1”", True), ("Über €1 [x]\n@a #1", False)])
def test_a_text_outside_the_gsm_alphabet_is_unicode(vonage, text, is_unicode):
    send(MESSAGE._replace(text=text))
    assert vonage.received[0].form.get("type") == ("unicode" if is_unicode else None)
    assert vonage.received[0].form["text"] == text


def test_reports_are_asked_for_where_they_can_come_in_and_the_address_is_short_enough(vonage, settings):
    settings.HTTPS, settings.PUBLIC_URL = True, "https://guests.example.org"
    send()
    settings.PUBLIC_URL = "https://a-name-that-is-rather-long.guests.example.org"
    send()
    settings.HTTPS = False
    send()
    assert [call.form.get("callback") for call in vonage.received] == [
        f"https://guests.example.org/gateways/vonage/report/?key={reports.key('vonage')}",
        None,
        None,
    ]


def test_a_long_text_costs_what_all_its_parts_cost(vonage):
    vonage.script["/sms/json"] = answer(PART, {**PART, "message-id": "0B"})
    assert send() == Receipt(ID, Decimal("0.06660000"), "EUR")


def test_a_price_that_is_not_told_is_none(vonage):
    vonage.script["/sms/json"] = answer({"status": "0", "message-id": ID})
    assert send() == Receipt(ID)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("33", gateways.NoSuchNumber),
        ("6", gateways.NotHere),
        ("7", gateways.NotHere),
        ("29", gateways.NotHere),
        ("4", gateways.WrongKey),
        ("8", gateways.WrongKey),
        ("9", gateways.NoMoney),
        ("1", gateways.TooMany),
        ("10", gateways.TooMany),
        ("3", gateways.Refused),
        ("12", gateways.Refused),
        ("15", gateways.Refused),
        ("5", gateways.Unavailable),
        ("99", gateways.Refused),
    ],
)
def test_what_its_statuses_mean(vonage, status, kind):
    vonage.script["/sms/json"] = answer({"status": status, "error-text": f"{PHONE[1:]} {TEXT} {SECRET}"})
    with pytest.raises(gateways.NotSent) as failed:
        send()
    assert type(failed.value) is kind
    assert f"({status})" in str(failed.value)
    assert_nothing_is_told(failed.value)


def test_a_part_that_failed_fails_the_whole(vonage):
    vonage.script["/sms/json"] = answer(PART, {"status": "9"})
    with pytest.raises(gateways.NoMoney):
        send()


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ((401, {}, {"error": TEXT}), gateways.WrongKey),
        ((429, {}, TEXT), gateways.TooMany),
        ((503, {}, TEXT), gateways.Unavailable),
        ((404, {}, TEXT), gateways.Refused),
        ((200, {}, "<html>"), gateways.Nonsense),
        ((200, {}, {"messages": []}), gateways.Nonsense),
        ((200, {}, {"messages": [TEXT]}), gateways.Nonsense),
        (answer({"status": TEXT}), gateways.Nonsense),
        (answer({"message-id": ID}), gateways.Nonsense),
        (answer({"status": "0"}), gateways.Nonsense),
    ],
)
def test_what_else_it_may_answer(vonage, said, kind):
    vonage.script["/sms/json"] = said
    with pytest.raises(gateways.NotSent) as failed:
        send()
    assert type(failed.value) is kind
    assert_nothing_is_told(failed.value)


def test_no_answer_in_time_may_have_been_sent(vonage):
    vonage.seconds, began = 2.0, time.monotonic()
    with pytest.raises(gateways.Late) as late:
        send(seconds=0.3)
    assert time.monotonic() - began < 1.5
    assert_nothing_is_told(late.value)


def assert_nothing_is_told(error: BaseException) -> None:
    told = fakes.told(error)
    assert [secret for secret in (CODE, PHONE[1:], SECRET, "Your code") if secret in told] == []


STATES = [
    ("delivered", "0", [Report(ID, "delivered")]),
    ("accepted", "0", [Report(ID, "sent")]),
    ("buffered", "0", [Report(ID, "sent")]),
    ("expired", "1", [Report(ID, "failed", "1")]),
    ("failed", "4", [Report(ID, "failed", "4")]),
    ("rejected", TEXT, [Report(ID, "failed", "rejected")]),
    ("unknown", "1", []),
]


@pytest.mark.parametrize(("status", "error", "kept"), STATES)
def test_what_a_receipt_says_in_a_query_a_form_or_json(vonage, status, error, kept):
    receipt = {"messageId": ID, "status": status, "err-code": error, "msisdn": PHONE[1:]}
    for call in (Call({"key": "k", **receipt}, {}, None), Call({"key": "k"}, receipt, None), Call({}, {}, receipt)):
        assert Vonage().reports(call) == kept


@pytest.mark.parametrize(
    "receipt",
    [{}, {"messageId": ID}, {"messageId": ID, "status": "lost"}, {"messageId": 7, "status": "delivered"}, [], "x"],
)
def test_what_is_no_receipt_is_refused(vonage, receipt):
    with pytest.raises(ValueError, match=r"Vonage"):
        Vonage().reports(Call({}, {}, receipt))


@pytest.mark.parametrize(
    ("name", "value"),
    [("VONAGE_API_KEY", ""), ("VONAGE_API_SECRET", ""), ("VONAGE_API_SECRET", "секрет"), ("VONAGE_FROM", "")],
)
def test_a_setting_that_does_not_fit_stops_the_start_and_is_not_told(vonage, settings, name, value):
    setattr(settings, name, value)
    with pytest.raises(ImproperlyConfigured, match=name) as refused:
        Vonage()
    assert not value or value not in fakes.told(refused.value)
