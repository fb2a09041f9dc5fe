"""Twilio: what goes out for a text and for a call, what its errors mean, and what its callbacks say."""

import base64
import time
from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.core.exceptions import ImproperlyConfigured

from guestlist.delivery import gateways
from guestlist.delivery.gateways import Call, Outgoing, Receipt, Report, reports
from guestlist.delivery.gateways.twilio import Twilio
from tests.delivery.gateways import fake as fakes

ACCOUNT, SERVICE, SM, CA = (f"{kind}{'0123456789abcdef' * 2}" for kind in ("AC", "MG", "SM", "CA"))
TOKEN, PHONE, CODE = "a-token-of-twilio", "+15005550010", "7209"
TEXT = f"Ваш код {CODE}\n\n@example.org #{CODE}"
MESSAGES, CALLS = (f"/2010-04-01/Accounts/{ACCOUNT}/{kind}.json" for kind in ("Messages", "Calls"))
TAKEN = (201, {}, {"sid": SM, "status": "queued", "price": None, "price_unit": "USD"})
MESSAGE = Outgoing(PHONE, TEXT, CODE, "sms", "ru")


@pytest.fixture
def twilio(settings, monkeypatch) -> Iterator[fakes.Fake]:
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_FROM = ACCOUNT, TOKEN, "+15005550006"
    with fakes.answering({MESSAGES: TAKEN, CALLS: (201, {}, {"sid": CA})}) as found:
        monkeypatch.setattr(Twilio, "url", found.url)
        yield found


def send(message: Outgoing = MESSAGE, seconds: float = 5) -> Receipt:
    return Twilio().send(message, seconds)


def test_a_text_goes_out_as_its_papers_say(twilio):
    assert send() == Receipt(SM)
    (call,) = twilio.received
    assert (call.method, call.path) == ("POST", MESSAGES)
    assert call.headers["authorization"] == "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
    assert call.form == {"To": PHONE, "From": "+15005550006", "Body": TEXT, "ValidityPeriod": "300"}


def test_a_price_that_is_known_at_once_is_told_without_its_minus(twilio):
    twilio.script[MESSAGES] = (201, {}, {"sid": SM, "price": "-0.00750", "price_unit": "USD"})
    assert send() == Receipt(SM, Decimal("0.00750"), "USD")


def test_a_messaging_service_sends_in_the_place_of_a_number(twilio, settings):
    settings.TWILIO_FROM = SERVICE
    send()
    assert twilio.received[0].form["MessagingServiceSid"] == SERVICE
    assert "From" not in twilio.received[0].form


def test_reports_are_asked_for_where_they_can_come_in(twilio, settings):
    settings.HTTPS, settings.PUBLIC_URL = True, "https://guests.example.org"
    send()
    assert twilio.received[0].form["StatusCallback"] == reports.url("twilio") != ""


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("ru", '<Say language="ru-RU">Ваш код: 7, 2, 0, 9.</Say>'),
        ("en-GB", '<Say language="en-US">Your code is: 7, 2, 0, 9.</Say>'),
        ("fi", '<Say language="en-US">Your code is: 7, 2, 0, 9.</Say>'),
    ],
)
def test_a_call_reads_the_digits_twice_in_the_language_of_the_message(twilio, language, sentence):
    assert send(MESSAGE._replace(channel="voice", language=language)) == Receipt(CA)
    (call,) = twilio.received
    assert (call.method, call.path) == ("POST", CALLS)
    spoken = f'<Response>{sentence}<Pause length="1"/>{sentence}</Response>'
    assert call.form == {"To": PHONE, "From": "+15005550006", "Twiml": spoken}


def test_a_notice_without_a_code_is_not_read_out(twilio):
    with pytest.raises(gateways.NotHere):
        send(MESSAGE._replace(channel="voice", code=""))
    assert twilio.received == []


@pytest.mark.parametrize(
    ("sender", "channels"), [("+15005550006", ("sms", "voice")), (SERVICE, ("sms",)), ("Guests", ("sms",))]
)
def test_only_a_number_can_call(twilio, settings, sender, channels):
    settings.TWILIO_FROM = sender
    assert Twilio().channels == channels


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, 21211, gateways.NoSuchNumber),
        (400, 21217, gateways.NoSuchNumber),
        (401, 21215, gateways.NotHere),
        (403, 21408, gateways.NotHere),
        (400, 21610, gateways.NotHere),
        (400, 21612, gateways.NotHere),
        (400, 21614, gateways.NotHere),
        (401, 20003, gateways.WrongKey),
        (403, 20403, gateways.WrongKey),
        (403, 10001, gateways.NoMoney),
        (403, 20005, gateways.NoMoney),
        (429, 20429, gateways.TooMany),
        (400, 21611, gateways.TooMany),
        (400, 21606, gateways.Refused),
        (400, 21730, gateways.Unavailable),
        (503, 20503, gateways.Unavailable),
        (307, 20001, gateways.Nonsense),
    ],
)
def test_what_its_errors_mean(twilio, status, code, kind):
    sentence = f"The 'To' number {PHONE} with {TEXT}"
    twilio.script[MESSAGES] = (status, {}, {"code": code, "message": sentence, "status": status})
    with pytest.raises(gateways.NotSent) as failed:
        send()
    assert type(failed.value) is kind
    assert str(code) in str(failed.value) or f"HTTP {status}" in str(failed.value)
    assert_nothing_is_told(failed.value)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((200, {}, "<html>"), gateways.Nonsense),
        ((201, {}, []), gateways.Nonsense),
        ((201, {}, {"sid": 7}), gateways.Nonsense),
        ((201, {}, {"status": "queued"}), gateways.Nonsense),
        ((502, {}, f"<html>{TEXT}"), gateways.Unavailable),
        ((400, {}, {"code": f"{PHONE} {TEXT}"}), gateways.Refused),
        ((400, {}, {"code": int(PHONE)}), gateways.Refused),
        ((400, {}, {"code": True}), gateways.Refused),
    ],
)
def test_what_its_papers_do_not_know(twilio, answer, kind):
    twilio.script[MESSAGES] = answer
    with pytest.raises(gateways.NotSent) as failed:
        send()
    assert type(failed.value) is kind
    assert_nothing_is_told(failed.value)


def test_no_answer_in_time_may_have_been_sent(twilio):
    twilio.seconds, began = 2.0, time.monotonic()
    with pytest.raises(gateways.Late) as late:
        send(seconds=0.3)
    assert time.monotonic() - began < 1.5
    assert_nothing_is_told(late.value)


def assert_nothing_is_told(error: BaseException) -> None:
    told = fakes.told(error)
    assert [secret for secret in (CODE, PHONE, PHONE[1:], TOKEN, "Ваш код") if secret in told] == []


@pytest.mark.parametrize(
    ("form", "kept"),
    [
        ({"MessageSid": SM, "MessageStatus": "queued"}, []),
        ({"MessageSid": SM, "MessageStatus": "accepted"}, []),
        ({"MessageSid": SM, "MessageStatus": "sending"}, []),
        ({"MessageSid": SM, "MessageStatus": "sent"}, [Report(SM, "sent")]),
        ({"MessageSid": SM, "MessageStatus": "delivered"}, [Report(SM, "delivered")]),
        ({"MessageSid": SM, "MessageStatus": "read"}, [Report(SM, "delivered")]),
        ({"MessageSid": SM, "MessageStatus": "undelivered", "ErrorCode": "30003"}, [Report(SM, "failed", "30003")]),
        ({"MessageSid": SM, "MessageStatus": "failed", "ErrorCode": TEXT}, [Report(SM, "failed", "failed")]),
        ({"MessageSid": SM, "MessageStatus": "canceled"}, [Report(SM, "failed", "canceled")]),
        ({"CallSid": CA, "CallStatus": "ringing"}, []),
        ({"CallSid": CA, "CallStatus": "completed"}, [Report(CA, "delivered")]),
        ({"CallSid": CA, "CallStatus": "busy"}, [Report(CA, "failed", "busy")]),
        ({"CallSid": CA, "CallStatus": "no-answer"}, [Report(CA, "failed", "no-answer")]),
        ({"CallSid": CA, "CallStatus": "failed"}, [Report(CA, "failed", "failed")]),
    ],
)
def test_what_a_callback_says(twilio, form, kept):
    assert Twilio().reports(Call({"key": "k"}, form, None)) == kept


@pytest.mark.parametrize(
    "form",
    [{}, {"MessageSid": SM}, {"MessageSid": SM, "MessageStatus": "lost"}, {"MessageSid": "x", "MessageStatus": "sent"}],
)
def test_what_is_no_callback_is_refused(twilio, form):
    with pytest.raises(ValueError, match=r"Twilio"):
        Twilio().reports(Call({}, form, None))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TWILIO_ACCOUNT_SID", ""),
        ("TWILIO_ACCOUNT_SID", "AC7/../secret"),
        ("TWILIO_AUTH_TOKEN", ""),
        ("TWILIO_AUTH_TOKEN", "секрет"),
        ("TWILIO_FROM", ""),
        ("TWILIO_FROM", SERVICE[:-1]),
    ],
)
def test_a_setting_that_does_not_fit_stops_the_start_and_is_not_told(twilio, settings, name, value):
    setattr(settings, name, value)
    with pytest.raises(ImproperlyConfigured, match=name) as refused:
        Twilio()
    assert not value or value not in fakes.told(refused.value)
