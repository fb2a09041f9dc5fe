"""smsc.ru: what goes out as SMS and as a call, what each of its answers means, and what its reports say."""

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
)
from guestlist.delivery.gateways.smsc import Smsc
from tests.delivery.gateways.fake import Fake, answering

PHONE, CODE, KEY = "+79001112233", "7209", "kEy0fSmscQ7v0s3dK1xW9b"
TEXT = f"Ваш код {CODE}. Никому.\n\n@example.org #{CODE}"
PATH = "/sys/send.php"
TAKEN = {"id": 31415926, "cnt": 1, "cost": "4.5", "balance": "95.5"}


@pytest.fixture
def fake(settings, monkeypatch) -> Iterator[Fake]:
    settings.SMSC_API_KEY, settings.SMSC_FROM, settings.ANDROID_APP_HASH = KEY, "", ""
    with answering({PATH: (200, {}, TAKEN)}) as found:
        monkeypatch.setattr(Smsc, "url", found.url)
        yield found


def send(message: Outgoing | None = None, seconds: float = 5) -> Receipt:
    return Smsc().send(message or Outgoing(PHONE, TEXT, CODE, "sms"), seconds)


def test_an_sms_is_a_form_with_the_key_in_its_body(fake):
    assert send() == Receipt("31415926", Decimal("4.5"), "RUB")
    (call,) = fake.received
    assert (call.method, call.path, call.query) == ("POST", PATH, {})
    assert call.form == {
        "apikey": KEY,
        "phones": PHONE,
        "mes": TEXT,
        "charset": "utf-8",
        "fmt": "3",
        "cost": "3",
        "valid": "00:05",
    }


@pytest.mark.parametrize(("lives", "valid"), [(5, "00:01"), (90, "00:01"), (5400, "01:30"), (10**6, "24:00")])
def test_it_is_of_use_for_so_long_and_no_longer(fake, lives, valid):
    send(Outgoing(PHONE, TEXT, CODE, "sms", lives=lives))
    assert fake.received[0].form["valid"] == valid


def test_a_sender_goes_along_with_an_sms_and_a_missing_price_is_none(fake, settings):
    settings.SMSC_FROM = "Example"
    fake.script[PATH] = (200, {}, {"id": "7", "cnt": 1})
    assert send() == Receipt("7")
    assert fake.received[0].form["sender"] == "Example"


def test_a_call_reads_the_code_digit_by_digit_and_twice(fake, settings):
    settings.SMSC_FROM = "Example"
    send(Outgoing(PHONE, TEXT, CODE, "voice"))
    said = "Ваш код 7, 2, 0, 9. Никому."
    assert fake.received[0].form == {
        "apikey": KEY,
        "phones": PHONE,
        "mes": f"{said}\n{said}",
        "charset": "utf-8",
        "fmt": "3",
        "cost": "3",
        "call": "1",
    }


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("Code: 7209\nAbCdEfGhIjK\n@example.org #7209", "7209", "Code: 7, 2, 0, 9\nCode: 7, 2, 0, 9"),
        ("\n@example.org #7209", "7209", "7, 2, 0, 9\n7, 2, 0, 9"),
        ("Somebody signed in.", "", "Somebody signed in."),
    ],
)
def test_a_call_leaves_out_the_lines_for_machines(fake, settings, text, code, said):
    settings.ANDROID_APP_HASH = "AbCdEfGhIjK"
    send(Outgoing(PHONE, text, code, "voice"))
    assert fake.received[0].form["mes"] == said


REFUSALS = [
    (1, Refused),
    (2, WrongKey),
    (3, NoMoney),
    (4, TooMany),
    (5, Refused),
    (6, Refused),
    (7, NotHere),
    (8, NotHere),
    (9, TooMany),
    (77, Refused),
]


@pytest.mark.parametrize(("code", "refusal"), REFUSALS)
def test_each_code_of_a_refusal(fake, code, refusal):
    fake.script[PATH] = (200, {}, {"error": f"{PHONE}: {TEXT}", "error_code": code, "id": 5})
    with pytest.raises(NotSent) as refused:
        send()
    assert type(refused.value) is refusal
    assert not refused.value.is_final
    assert f"({code})" in str(refused.value)


@pytest.mark.parametrize(
    ("status", "refusal"), [(401, WrongKey), (403, WrongKey), (429, TooMany), (500, Unavailable), (503, Unavailable)]
)
def test_a_status_is_enough(fake, status, refusal):
    fake.script[PATH] = (status, {}, "<html>")
    with pytest.raises(refusal):
        send()


@pytest.mark.parametrize("body", ["OK - 1 SMS, ID - 5", "[]", "null", {}, {"id": 0}, {"id": None, "cnt": 1}])
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
        (200, {}, {"error": f"{PHONE} {TEXT} {KEY}", "error_code": 8}),
        (200, {}, {"error": "no", "error_code": f"{PHONE} {TEXT} {KEY}"}),
        (200, {}, {"error": "no", "error_code": PHONE[1:]}),
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
    settings.SMSC_API_KEY = ""
    with pytest.raises(ImproperlyConfigured, match="SMSC_API_KEY"):
        Smsc()


STATES = [
    *[(status, "sent") for status in ("-2", "-1", "0")],
    *[(status, "delivered") for status in ("1", "2", "4")],
    *[(status, "failed") for status in ("-3", "3", "20", "22", "23", "24", "25")],
]


@pytest.mark.parametrize(("status", "state"), STATES)
def test_each_state_is_reported(fake, status, state):
    said = {"id": "31415926", "phone": "79001112233", "status": status, "time": "25.11.2026 10:00:00", "err": "6"}
    reason = f"{status}, err 6" if state == "failed" else ""
    assert Smsc().reports(Call({}, said, None)) == [Report("31415926", state, reason)]


def test_a_reason_is_only_ever_a_code(fake):
    said = {"id": "5", "status": "20", "err": f"{PHONE} {TEXT}"}
    assert Smsc().reports(Call({}, said, None)) == [Report("5", "failed", "20")]


def test_a_report_may_come_as_a_query_too(fake):
    assert Smsc().reports(Call({"key": "x", "id": "5", "status": "1"}, {}, None)) == [Report("5", "delivered")]


def test_a_message_that_came_in_says_nothing(fake):
    assert Smsc().reports(Call({}, {"id": "5", "phone": "79001112233", "mes": "hi", "to": "7"}, None)) == []


@pytest.mark.parametrize(
    "said", [{}, {"id": "5"}, {"status": "1"}, {"id": "", "status": "1"}, {"id": "5", "status": "x"}]
)
def test_garbage_is_no_report(fake, said):
    with pytest.raises(ValueError, match="no state"):
        Smsc().reports(Call({"key": "x"}, said, said))
