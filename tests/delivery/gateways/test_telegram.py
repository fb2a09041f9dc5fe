"""Telegram Gateway: asked before it sends, what its errors mean, and what its reports say."""

import time
from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.core.exceptions import ImproperlyConfigured

from guestlist.delivery import gateways
from guestlist.delivery.gateways import Call, Outgoing, Receipt, Report, reports
from guestlist.delivery.gateways.telegram import Telegram
from tests.delivery.gateways import fake as fakes

TOKEN, PHONE, CODE, ID = "AAE-a-token-of-telegram", "+79001112233", "7209", "187259537046478"
TEXT = f"Ваш код {CODE}"
MESSAGE = Outgoing(PHONE, TEXT, CODE, "telegram", "ru")
CHECK, SEND = "/checkSendAbility", "/sendVerificationMessage"
STATUS = {"request_id": ID, "phone_number": PHONE, "request_cost": 0.01, "remaining_balance": 4.2}
TAKEN = (200, {}, {"ok": True, "result": STATUS})


def refusal(error: object) -> fakes.Answer:
    return 200, {}, {"ok": False, "error": error}


@pytest.fixture
def telegram(settings, monkeypatch) -> Iterator[fakes.Fake]:
    settings.TELEGRAM_GATEWAY_TOKEN, settings.TELEGRAM_GATEWAY_SENDER = TOKEN, ""
    with fakes.answering({CHECK: TAKEN, SEND: TAKEN}) as found:
        monkeypatch.setattr(Telegram, "url", found.url)
        yield found


def send(message: Outgoing = MESSAGE, seconds: float = 5) -> Receipt:
    return Telegram().send(message, seconds)


def test_the_number_is_asked_for_and_then_the_code_is_sent(telegram):
    assert send() == Receipt(ID, Decimal("0.01"), "credits")
    check, sent = telegram.received
    assert (check.method, check.path, check.json) == ("POST", CHECK, {"phone_number": PHONE})
    assert (sent.method, sent.path) == ("POST", SEND)
    assert sent.json == {"phone_number": PHONE, "request_id": ID, "code": CODE, "ttl": 300}
    assert {call.headers["authorization"] for call in telegram.received} == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize(("lives", "ttl"), [(5, 30), (30, 30), (3600, 3600), (86_400, 3600)])
def test_a_message_lives_as_long_as_telegram_allows(telegram, lives, ttl):
    send(MESSAGE._replace(lives=lives))
    assert telegram.received[1].json["ttl"] == ttl


@pytest.mark.parametrize("name", ["example_org", "@example_org"])
def test_a_channel_of_ones_own_is_named(telegram, settings, name):
    settings.TELEGRAM_GATEWAY_SENDER = name
    send()
    assert telegram.received[1].json["sender_username"] == "example_org"


def test_reports_are_asked_for_where_they_can_come_in(telegram, settings):
    settings.HTTPS, settings.PUBLIC_URL = True, "https://guests.example.org"
    send()
    assert telegram.received[1].json["callback_url"] == reports.url("telegram") != ""


@pytest.mark.parametrize("code", ["", "123", "123456789", "12a4"])
def test_what_is_no_code_of_4_to_8_digits_is_not_for_telegram(telegram, code):
    with pytest.raises(gateways.NotHere):
        send(MESSAGE._replace(code=code))
    assert telegram.received == []


ERRORS = [
    ("PHONE_NUMBER_NOT_FOUND", gateways.NotHere),
    ("PHONE_NUMBER_INVALID", gateways.NotHere),
    ("ACCESS_TOKEN_INVALID", gateways.WrongKey),
    ("ACCESS_TOKEN_REQUIRED", gateways.WrongKey),
    ("BALANCE_NOT_ENOUGH", gateways.NoMoney),
    ("FLOOD_WAIT_30", gateways.TooMany),
    ("SENDER_NOT_VERIFIED", gateways.Refused),
    ("TTL_INVALID", gateways.Refused),
]


@pytest.mark.parametrize(("error", "kind"), ERRORS)
@pytest.mark.parametrize("path", [CHECK, SEND])
def test_what_its_errors_mean(telegram, path, error, kind):
    telegram.script[path] = refusal(error)
    with pytest.raises(gateways.NotSent) as failed:
        send()
    assert type(failed.value) is kind
    assert error in str(failed.value)
    assert [call.path for call in telegram.received] == ([CHECK] if path == CHECK else [CHECK, SEND])


def test_an_error_that_is_a_sentence_is_not_told(telegram):
    telegram.script[CHECK] = refusal(f"{PHONE}: {TEXT} {TOKEN}")
    with pytest.raises(gateways.Refused) as failed:
        send()
    assert_nothing_is_told(failed.value)


@pytest.mark.parametrize(
    ("said", "at_check", "at_send"),
    [
        ((401, {}, TEXT), gateways.WrongKey, gateways.WrongKey),
        ((429, {}, TEXT), gateways.TooMany, gateways.TooMany),
        ((502, {}, TEXT), gateways.Unavailable, gateways.Unavailable),
        ((200, {}, f"<html>{TEXT}"), gateways.Unavailable, gateways.Nonsense),
        ((200, {}, {"ok": True, "result": True}), gateways.Unavailable, gateways.Nonsense),
        ((200, {}, {"ok": True, "result": {}}), gateways.Unavailable, gateways.Nonsense),
        ((200, {}, {}), gateways.Unavailable, gateways.Nonsense),
    ],
)
def test_what_goes_wrong_at_the_check_has_sent_nothing(telegram, said, at_check, at_send):
    for path, kind in ((SEND, at_send), (CHECK, at_check)):
        telegram.script[path] = said
        with pytest.raises(gateways.NotSent) as failed:
            send()
        assert type(failed.value) is kind
        assert_nothing_is_told(failed.value)


def test_a_check_without_an_answer_in_time_has_sent_nothing(telegram):
    telegram.seconds, began = 2.0, time.monotonic()
    with pytest.raises(gateways.Unavailable) as failed:
        send(seconds=0.3)
    assert not failed.value.maybe_sent
    assert time.monotonic() - began < 1.5
    assert_nothing_is_told(failed.value)


def test_both_calls_share_the_time_and_a_late_second_one_may_have_sent(telegram):
    telegram.seconds, began = 0.6, time.monotonic()
    with pytest.raises(gateways.Late) as late:
        send(seconds=0.9)
    assert time.monotonic() - began < 1.15  # not 0.6 and then 0.9
    assert [call.path for call in telegram.received] == [CHECK, SEND]
    assert_nothing_is_told(late.value)


def assert_nothing_is_told(error: BaseException) -> None:
    told = fakes.told(error)
    assert [secret for secret in (CODE, PHONE[1:], TOKEN, "Ваш код") if secret in told] == []


def report(**found: object) -> Call:
    return Call({"key": "k"}, {}, {**STATUS, **found})


@pytest.mark.parametrize(
    ("status", "kept"),
    [
        ("sent", Report(ID, "sent")),
        ("delivered", Report(ID, "delivered")),
        ("read", Report(ID, "delivered")),
        ("expired", Report(ID, "failed", "expired")),
        ("revoked", Report(ID, "failed", "revoked")),
    ],
)
def test_what_a_report_says(telegram, status, kept):
    assert Telegram().reports(report(delivery_status={"status": status, "updated_at": 1})) == [kept]


def test_a_report_about_the_code_that_was_entered_says_nothing(telegram):
    entered = {"status": "code_valid", "updated_at": 1, "code_entered": CODE}
    assert Telegram().reports(report(verification_status=entered)) == []


@pytest.mark.parametrize(
    "call",
    [
        Call({}, {}, None),
        Call({}, {}, []),
        Call({"request_id": ID}, {"request_id": ID}, {}),
        report(request_id=7),
        report(delivery_status="sent"),
        report(delivery_status={"status": "lost"}),
        report(delivery_status={"status": ["sent"]}),
    ],
)
def test_what_is_no_report_is_refused(telegram, call):
    with pytest.raises(ValueError, match=r"Telegram"):
        Telegram().reports(call)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TELEGRAM_GATEWAY_TOKEN", ""),
        ("TELEGRAM_GATEWAY_TOKEN", "два\nслова"),
        ("TELEGRAM_GATEWAY_SENDER", "https://t.me/example"),
    ],
)
def test_a_setting_that_does_not_fit_stops_the_start_and_is_not_told(telegram, settings, name, value):
    setattr(settings, name, value)
    with pytest.raises(ImproperlyConfigured, match=name) as refused:
        Telegram()
    assert not value or value not in fakes.told(refused.value)
