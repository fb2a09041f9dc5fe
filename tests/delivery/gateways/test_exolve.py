"""MTS Exolve: what goes out, what each of its answers means, and what its events say."""

from collections.abc import Iterator

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
)
from guestlist.delivery.gateways.exolve import Exolve
from tests.delivery.gateways.fake import Fake, answering

PHONE, CODE, KEY = "+79001112233", "7209", "eyJhbGciOiJub25lIn0.e30.kEy_of-Exolve"
TEXT = f'Ваш код "{CODE}"\n\n@example.org #{CODE}'
PATH = "/messaging/v1/SendSMS"
ID = "439166538239448536"


@pytest.fixture
def fake(settings, monkeypatch) -> Iterator[Fake]:
    settings.EXOLVE_API_KEY, settings.EXOLVE_FROM = KEY, "+79001110000"
    with answering({PATH: (200, {}, {"message_id": ID})}) as found:
        monkeypatch.setattr(Exolve, "url", found.url)
        yield found


def send(seconds: float = 5) -> Receipt:
    return Exolve().send(Outgoing(PHONE, TEXT, CODE), seconds)


def test_the_request_is_json_with_the_key_as_bearer(fake):
    assert send() == Receipt(ID)
    (call,) = fake.received
    assert (call.method, call.path, call.query) == ("POST", PATH, {})
    assert call.headers["authorization"] == f"Bearer {KEY}"
    assert call.json == {"number": "79001110000", "destination": "79001112233", "text": TEXT}


def test_a_name_is_a_sender_too(fake, settings):
    settings.EXOLVE_FROM = "Example"
    send()
    assert fake.received[0].json["number"] == "Example"


REFUSALS = [
    (400, {"error": {"code": 400, "message": f"{PHONE} {TEXT}"}}, Refused),
    (400, "destination is not permitted for delivery", NotHere),
    (400, {"error": {"message": "Destination is not permitted for delivery"}}, NotHere),
    (401, {}, WrongKey),
    (402, {}, NoMoney),
    (403, {}, WrongKey),
    (404, "<html>", Refused),
    (301, "", Refused),
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


@pytest.mark.parametrize("body", ["ok", "[]", {}, {"message_id": ""}, {"message_id": 0}, {"message_id": {"a": 1}}])
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


@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_failure_tells_nothing_of_what_was_in_it(fake, status):
    fake.script[PATH] = (status, {}, {"error": f"{PHONE} {TEXT} {KEY}", "code": f"{PHONE} {TEXT} {KEY}"})
    with pytest.raises(NotSent) as refused:
        send()
    told = f"{refused.value} {refused.value!r} {refused.value.__cause__} {refused.value.reason}"
    assert not [secret for secret in (CODE, KEY, PHONE[1:], "код") if secret in told]


@pytest.mark.parametrize(
    ("name", "value"),
    [("EXOLVE_API_KEY", ""), ("EXOLVE_FROM", ""), ("EXOLVE_API_KEY", "two\nlines"), ("EXOLVE_API_KEY", "ключ")],
)
def test_without_one_of_its_settings_it_does_not_start(fake, settings, name, value):
    setattr(settings, name, value)
    with pytest.raises(ImproperlyConfigured, match=name) as refused:
        Exolve()
    assert not value or value not in str(refused.value)


def event(**said: object) -> Call:
    whole = {"message_id": ID, "receiver": "79001112233", "text": TEXT, "direction": "DIRECTION_OUTGOING", **said}
    return Call({"key": "x"}, {}, whole)


STATES = [
    ("QUEUED", "sent"),
    ("TRANSMITTED", "sent"),
    ("DELIVERED", "delivered"),
    ("FAILED", "failed"),
    ("RETRIES_EXCEEDED", "failed"),
    ("PROHIBITED", "failed"),
    ("UNDERFUNDED", "failed"),
]


@pytest.mark.parametrize(("name", "state"), STATES)
def test_each_state_is_reported_under_either_name(fake, name, state):
    expected = [Report(ID, state, name if state == "failed" else "")]
    assert Exolve().reports(event(delivery_status=f"DELIVERY_STATUS_{name}")) == expected
    assert Exolve().reports(event(status=f"STATUS_{name}")) == expected


def test_of_two_states_the_final_one_counts(fake):
    both = event(delivery_status="DELIVERY_STATUS_QUEUED", status="STATUS_UNDERFUNDED")
    assert Exolve().reports(both) == [Report(ID, "failed", "UNDERFUNDED")]
    both = event(delivery_status="DELIVERY_STATUS_DELIVERED", status="STATUS_TRANSMITTED")
    assert Exolve().reports(both) == [Report(ID, "delivered")]


def test_a_message_that_came_in_says_nothing(fake):
    assert Exolve().reports(event(direction="DIRECTION_INCOMING", status="STATUS_DELIVERED")) == []


@pytest.mark.parametrize(
    "call",
    [
        Call({}, {}, None),
        Call({"message_id": ID, "status": "STATUS_DELIVERED"}, {"message_id": ID, "status": "STATUS_DELIVERED"}, None),
        Call({}, {}, [{"message_id": ID, "status": "STATUS_DELIVERED"}]),
        event(),
        event(status="STATUS_NEW"),
        event(status=["STATUS_DELIVERED"]),
        event(message_id="", status="STATUS_DELIVERED"),
    ],
)
def test_garbage_is_no_report(fake, call):
    with pytest.raises(ValueError, match="no state"):
        Exolve().reports(call)
