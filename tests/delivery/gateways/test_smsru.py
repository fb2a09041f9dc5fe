"""sms.ru: what goes out, what each of its answers means, and what its reports say."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

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
from guestlist.delivery.gateways.smsru import SmsRu
from tests.delivery.gateways.fake import Fake, answering

PHONE, CODE, KEY = "+79001112233", "7209", "0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0"
TEXT = f"Ваш код {CODE} & никому\n\n@example.org #{CODE}"
PATH = "/sms/send"


@pytest.fixture
def fake(settings, monkeypatch) -> Iterator[Fake]:
    settings.SMSRU_API_ID, settings.SMSRU_FROM = KEY, ""
    with answering({PATH: taken()}) as found:
        monkeypatch.setattr(SmsRu, "url", found.url)
        yield found


def taken(**more: Any) -> Any:
    entry = {"status": "OK", "status_code": 100, "sms_id": "202648-1000005", **more}
    return 200, {}, {"status": "OK", "status_code": 100, "sms": {"79001112233": entry}, "balance": 112.1}


def send(seconds: float = 5) -> Receipt:
    return SmsRu().send(Outgoing(PHONE, TEXT, CODE), seconds)


def form(*entries: str) -> Call:
    return Call({}, {f"data[{number}]": entry for number, entry in enumerate(entries)}, None)


def test_the_request_is_a_form_with_the_key_in_its_body(fake):
    assert send() == Receipt("202648-1000005")
    (call,) = fake.received
    assert (call.method, call.path, call.query) == ("POST", PATH, {})
    assert call.form == {"api_id": KEY, "to": "79001112233", "msg": TEXT, "json": "1"}


def test_a_sender_goes_along_and_a_price_comes_back(fake, settings):
    settings.SMSRU_FROM = "Example"
    fake.script[PATH] = taken(cost="4.15")
    assert send() == Receipt("202648-1000005", Decimal("4.15"), "RUB")
    assert fake.received[0].form["from"] == "Example"


@pytest.mark.parametrize("cost", ["", "free", "-1", None, [], "NaN", True])
def test_what_is_no_price_is_none(fake, cost):
    fake.script[PATH] = taken(cost=cost)
    assert send() == Receipt("202648-1000005")


REFUSALS = [
    *[(code, NotHere) for code in (150, 202, 207, 209, 214, 215, 230, 231, 232, 233, 503, 504, 550)],
    *[(code, WrongKey) for code in (200, 300, 301, 302)],
    (201, NoMoney),
    *[(code, TooMany) for code in (206, 304, 305, 501, 502, 505, 506, 508)],
    *[(code, Refused) for code in (203, 204, 205, 208, 210, 211, 212, 213, 216, 217, 221, 507, 999)],
    *[(code, Unavailable) for code in (220, 500)],
]


@pytest.mark.parametrize(("code", "refusal"), REFUSALS)
def test_each_code_means_the_same_of_the_request_and_of_the_number(fake, code, refusal):
    said = f"{PHONE}: {TEXT}"
    fake.script[PATH] = [
        (200, {}, {"status": "ERROR", "status_code": code, "status_text": said}),
        taken(status="ERROR", status_code=code, status_text=said),
    ]
    for _ in range(2):
        with pytest.raises(NotSent) as refused:
            send()
        assert type(refused.value) is refusal
        assert not refused.value.is_final
        assert str(code) in str(refused.value)


@pytest.mark.parametrize(
    ("status", "refusal"), [(401, WrongKey), (403, WrongKey), (429, TooMany), (500, Unavailable), (503, Unavailable)]
)
def test_a_status_is_enough(fake, status, refusal):
    fake.script[PATH] = (status, {}, "<html>")
    with pytest.raises(refusal):
        send()


@pytest.mark.parametrize(
    "body",
    [
        "100\n202648-1000005",
        "[]",
        {},
        {"status_code": None},
        {"status_code": {"a": 1}},
        {"status_code": 100},
        {"status_code": 100, "sms": {}},
        {"status_code": 100, "sms": {"79001112233": "OK"}},
        {"status_code": 100, "sms": {"79001112233": {}}},
        {"status_code": 100, "sms": {"79001112233": {"status_code": 100}, "79001112244": {"status_code": 100}}},
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
        (200, {}, {"status": "ERROR", "status_code": f"{TEXT} {KEY}"}),
        (200, {}, {"status": "ERROR", "status_code": 202, "status_text": f"{PHONE} {TEXT} {KEY}"}),
        (200, {}, {"status": "ERROR", "status_code": "79001112233"}),
        (200, {}, f"{PHONE} {TEXT} {KEY}"),
        (500, {}, f"{PHONE} {TEXT} {KEY}"),
    ],
)
def test_a_failure_tells_nothing_of_what_was_in_it(fake, answer):
    fake.script[PATH] = answer
    with pytest.raises(NotSent) as refused:
        send()
    told = f"{refused.value} {refused.value!r} {refused.value.__cause__} {refused.value.reason}"
    assert not [secret for secret in (CODE, KEY, PHONE[1:], "код") if secret in told]


def test_without_its_key_it_does_not_start(fake, settings):
    settings.SMSRU_API_ID = ""
    with pytest.raises(ImproperlyConfigured, match="SMSRU_API_ID"):
        SmsRu()


STATES = [
    *[(code, "sent") for code in ("100", "101", "102")],
    *[(code, "delivered") for code in ("103", "110")],
    *[(code, "failed") for code in ("-1", "104", "105", "106", "107", "108", "150")],
]


@pytest.mark.parametrize(("code", "state"), STATES)
def test_each_state_is_reported(fake, code, state):
    reason = code if state == "failed" else ""
    call = form(f"sms_status\n202648-1000005\n{code}\n1795600000")
    assert SmsRu().reports(call) == [Report("202648-1000005", state, reason)]


def test_many_reports_come_at_once_and_others_are_left_out(fake):
    call = form(
        "test\n1795600000", "sms_status\n1-1\n103\n1", "callcheck_status\n2-2\n401\n1", "sms_status\r\n3-3\r\n104"
    )
    assert SmsRu().reports(call) == [Report("1-1", "delivered"), Report("3-3", "failed", "104")]


def test_it_wants_to_hear_100():
    assert SmsRu.answer == "100"


@pytest.mark.parametrize(
    "call",
    [
        Call({}, {}, None),
        Call({}, {"hash": "x"}, None),
        Call({"data[0]": "sms_status\n1-1\n103"}, {}, {"data[0]": "sms_status\n1-1\n103"}),
        form(""),
        form("sms_status"),
        form("sms_status\n1-1"),
        form("sms_status\n1-1\n999"),
        form("sms_status\n1-1\n103", "sms_status\n1-1\nx"),
    ],
)
def test_garbage_is_no_report(fake, call):
    with pytest.raises(ValueError, match=r"data|state"):
        SmsRu().reports(call)
