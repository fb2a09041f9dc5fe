"""SMS Aero: what goes out, what its words mean, and what its reports say."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.core.exceptions import ImproperlyConfigured

from guestlist.delivery.gateways import (
    Call,
    Late,
    NoMoney,
    Nonsense,
    NotHere,
    NotSent,
    Outgoing,
    Receipt,
    Refused,
    Report,
    TooMany,
    Unavailable,
    WrongKey,
    reports,
)
from guestlist.delivery.gateways.smsaero import SmsAero
from tests.delivery.gateways.fake import Fake, answering

PHONE, CODE, KEY = "+79001112233", "7209", "kEy0fAeroQ7v0s3dK1xW9b"
TEXT = f'Ваш код "{CODE}"\n\n@example.org #{CODE}'
PATH = "/v2/sms/send"
SENT = {
    "id": 12345,
    "from": "Example",
    "number": "79001112233",
    "text": TEXT,
    "status": 0,
    "extendStatus": "queue",
    "channel": "DIRECT",
    "cost": 5.49,
    "dateCreate": 1795600000,
    "dateSend": 1795600000,
}


@pytest.fixture
def fake(settings, monkeypatch) -> Iterator[Fake]:
    settings.SMSAERO_EMAIL, settings.SMSAERO_API_KEY, settings.SMSAERO_FROM = "alice@example.org", KEY, "Example"
    settings.HTTPS = False
    with answering({PATH: (200, {}, {"success": True, "data": SENT, "message": None})}) as found:
        monkeypatch.setattr(SmsAero, "url", found.url)
        yield found


def send(seconds: float = 5) -> Receipt:
    return SmsAero().send(Outgoing(PHONE, TEXT, CODE), seconds)


def test_the_request_is_json_with_email_and_key_as_basic(fake):
    assert send() == Receipt("12345", Decimal("5.49"), "RUB")
    (call,) = fake.received
    assert (call.method, call.path, call.query) == ("POST", PATH, {})
    assert call.headers["authorization"] == "Basic YWxpY2VAZXhhbXBsZS5vcmc6a0V5MGZBZXJvUTd2MHMzZEsxeFc5Yg=="
    assert call.json == {"number": "79001112233", "text": TEXT, "sign": "Example"}


def test_the_address_for_reports_goes_along_where_there_is_one(fake, settings):
    settings.HTTPS, settings.PUBLIC_URL = True, "https://guests.example.org"
    send()
    assert fake.received[0].json["callbackUrl"] == reports.url("smsaero") != ""


REFUSALS = [
    (401, {"success": False, "data": None, "message": "Your request was made with invalid credentials."}, WrongKey),
    (200, {"success": False, "data": None, "message": "Your request was made with invalid credentials."}, WrongKey),
    (400, {"success": False, "data": {"number": ["incorrect"]}, "message": "Validation error."}, NotHere),
    (400, {"success": False, "data": {"sign": ["incorrect"]}, "message": "Validation error."}, Refused),
    (400, {"success": False, "data": {"text": ["too long"]}, "message": "Validation error."}, Refused),
    (400, {"success": False, "data": {"callbackUrl": ["incorrect"]}, "message": "Validation error."}, Refused),
    (400, {"success": False, "data": None, "message": "Something new."}, Refused),
    (200, {"result": "no credits"}, NoMoney),
    (200, {"success": False, "data": None, "message": "Not enough money on balance."}, NoMoney),
    (402, {"success": False, "data": None, "message": ""}, NoMoney),
    (200, {"result": "reject", "reason": f"{PHONE} {TEXT}"}, Refused),
    (200, {"success": True, "data": {**SENT, "status": 6, "extendStatus": "reject"}, "message": None}, Refused),
    (403, "<html>", WrongKey),
    (429, {}, TooMany),
    (500, "<html>", Unavailable),
    (503, {}, Unavailable),
]


@pytest.mark.parametrize(("status", "body", "refusal"), REFUSALS)
def test_each_refusal(fake, status, body, refusal):
    fake.script[PATH] = (status, {}, body)
    with pytest.raises(NotSent) as refused:
        send()
    assert type(refused.value) is refusal
    assert not refused.value.is_final


@pytest.mark.parametrize(
    "body",
    [
        "ok",
        "[]",
        {},
        {"success": "true"},
        {"success": True},
        {"success": True, "data": None},
        {"success": True, "data": []},
        {"success": True, "data": {"status": 0}},
    ],
)
def test_an_answer_that_it_does_not_give_is_nonsense(fake, body):
    fake.script[PATH] = (200, {}, body)
    with pytest.raises(Nonsense) as refused:
        send()
    assert refused.value.maybe_sent


def test_no_answer_in_time_may_have_been_sent(fake):
    fake.seconds = 2
    with pytest.raises(Late) as late:
        send(seconds=0.3)
    assert late.value.maybe_sent


@pytest.mark.parametrize(
    "answer",
    [
        (
            400,
            {},
            {"success": False, "data": {"number": [f"{PHONE} {TEXT} {KEY}"]}, "message": f"{PHONE} {TEXT} {KEY}"},
        ),
        (400, {}, {"success": False, "data": {f"{PHONE} {TEXT} {KEY}": 1}, "message": f"{PHONE} {TEXT} {KEY}"}),
        (200, {}, {"result": "reject", "reason": f"{PHONE} {TEXT} {KEY}"}),
        (200, {}, {"result": f"{PHONE} {TEXT} {KEY}"}),
        (400, {}, {"data": {KEY: [TEXT]}, "success": False, "message": TEXT}),
        (400, {}, {"message": TEXT, "data": {"sign": [KEY]}, "success": False}),
        (200, {}, f"{PHONE} {TEXT} {KEY}"),
        (500, {}, f"{PHONE} {TEXT} {KEY}"),
    ],
)
def test_a_failure_tells_nothing_of_what_was_in_it(fake, answer):
    fake.script[PATH] = answer
    with pytest.raises(NotSent) as refused:
        send()
    told = f"{refused.value} {refused.value!r} {refused.value.__cause__} {refused.value.reason}"
    assert not [secret for secret in (CODE, KEY, PHONE[1:], "код", "alice") if secret in told]


@pytest.mark.parametrize("name", ["SMSAERO_EMAIL", "SMSAERO_API_KEY", "SMSAERO_FROM"])
def test_without_one_of_its_settings_it_does_not_start(fake, settings, name):
    setattr(settings, name, "")
    with pytest.raises(ImproperlyConfigured, match=name) as refused:
        SmsAero()
    assert KEY not in str(refused.value)


STATES = [
    ("0", "sent"),
    ("1", "delivered"),
    ("2", "failed"),
    ("3", "sent"),
    ("4", "sent"),
    ("6", "failed"),
    ("8", "sent"),
]


@pytest.mark.parametrize(("status", "state"), STATES)
def test_each_state_is_reported_as_a_form_and_as_json(fake, status, state):
    expected = [Report("12345", state, status if state == "failed" else "")]
    assert SmsAero().reports(Call({"key": "x"}, {"id": "12345", "status": status}, None)) == expected
    assert SmsAero().reports(Call({"key": "x"}, {}, {"id": 12345, "status": int(status)})) == expected


@pytest.mark.parametrize(
    "said", [{}, {"id": "5"}, {"status": "1"}, {"id": "x", "status": "1"}, {"id": "5", "status": "7"}]
)
def test_garbage_is_no_report(fake, said):
    for call in (Call({"key": "x"}, said, None), Call({"key": "x"}, {}, said), Call({"key": "x"}, {}, [said])):
        with pytest.raises(ValueError, match="no state"):
            SmsAero().reports(call)
