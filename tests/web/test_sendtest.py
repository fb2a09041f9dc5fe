"""`manage.py sendtest` and `manage.py gateways`: what operators try and see before they trust a gateway."""

from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from guestlist.delivery import actions, outbox, rests
from guestlist.delivery.gateways import Late, NotHere, Outgoing, Receipt, Unavailable, reports
from guestlist.delivery.models import Attempt, Message, Rest
from guestlist.delivery.rules import Route
from guestlist.lib import clock
from guestlist.lib.models import AuditLine
from guestlist.signin.models import Challenge

PHONE, ABROAD, LANDLINE = "+79001112233", "+77012345678", "+74951234567"
KEY = "k3y-that-nobody-sees"


class Scripted:
    """A gateway that does as the test says."""

    answer = "ok"

    def __init__(self, name: str, *channels: str, fails: Exception | None = None, receipt: Receipt | None = None):
        self.name, self.channels, self.fails = name, channels or ("sms",), fails
        self.receipt = receipt or Receipt()
        self.given: list[Outgoing] = []

    def send(self, message: Outgoing, seconds: float) -> Receipt:
        self.given.append(message)
        if self.fails:
            raise self.fails
        return self.receipt

    def reports(self, call):
        raise ValueError


@pytest.fixture
def live(settings, db):
    settings.IS_SANDBOX, settings.PHONE_REGIONS, settings.LIMITS = False, ["RU"], "on"


def run(command: str, *arguments: str, **options: str) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out, stderr=out, **options)
    return out.getvalue()


# ---- sendtest


def test_each_attempt_is_printed_with_its_receipt_and_price(live, carried_by):
    price = Receipt("SM42", Decimal("0.079"), "USD")
    first, second = Scripted("smsru", fails=Unavailable("HTTP 502")), Scripted("twilio", receipt=price)
    carried_by(first, second)
    lines = run("sendtest", "8 900 111-22-33").splitlines()
    assert lines[0].startswith("smsru (sms): failed in 0.0")
    assert lines[0].endswith(" s: provider unavailable (HTTP 502)")
    assert lines[1].endswith(" s: id SM42, 0.079 USD")
    assert lines[2].startswith("twilio took it")
    assert [(found.phone, found.text) for found in second.given] == [(PHONE, "Guestlist: a test message.")]


def test_it_is_in_the_list_with_its_attempts_and_in_the_trail_and_makes_no_challenge(live, carried_by):
    carried_by(Scripted("smsru", fails=Late()), Scripted("twilio"))
    run("sendtest", PHONE)
    (message,) = Message.objects.all()
    assert (message.kind, message.region, message.gateway, message.state) == ("test", "RU", "twilio", "sent")
    assert [(found.gateway, found.state) for found in Attempt.objects.order_by("id")] == [
        ("smsru", "maybe"),
        ("twilio", "sent"),
    ]
    assert not Challenge.objects.exists()
    told = AuditLine.objects.get(event="delivery.tested")
    assert (told.phone, told.facts) == ("+7********33", 'gateways="smsru,twilio"')


def test_when_none_takes_it_the_command_fails(live, carried_by):
    carried_by(Scripted("smsru", fails=Unavailable("HTTP 502")))
    with pytest.raises(CommandError, match=r"^No gateway took it: provider unavailable \(HTTP 502\)\.$") as failed:
        run("sendtest", PHONE)
    assert failed.value.returncode == 1
    assert Message.objects.get().state == "failed"


def test_telegram_and_voice_are_given_a_code_that_is_nobodys(live, carried_by):
    telegram = Scripted("telegram", "telegram")
    carried_by(telegram)
    run("sendtest", PHONE)
    assert (telegram.given[0].code, telegram.given[0].channel) == ("0000", "telegram")
    assert "0000" not in telegram.given[0].text


def test_the_language_is_chosen(live, carried_by):
    gateway = Scripted("smsru")
    carried_by(gateway)
    run("sendtest", PHONE, language="ru")
    assert (gateway.given[0].text, gateway.given[0].language) == ("Guestlist: пробное сообщение.", "ru")


def test_only_the_named_gateway_is_asked_whatever_the_routes_say_and_though_it_rests(live, carried_by, settings):
    smsru, twilio = Scripted("smsru"), Scripted("twilio", "sms", "voice")
    carried_by(smsru, twilio)
    settings.SMS_ROUTES = [Route("RU", ("smsru",))]
    Rest.objects.create(gateway="twilio", failures=10, rests_until=clock.now() + timedelta(minutes=1))
    run("sendtest", PHONE, gateway="twilio", channel="voice")
    assert (smsru.given, [found.channel for found in twilio.given]) == ([], ["voice"])
    assert rests.awake(["twilio"], clock.now()) == ["twilio"]  # it works again


def test_without_a_name_routes_and_rests_hold(live, carried_by, settings):
    smsru, twilio, vonage = Scripted("smsru"), Scripted("twilio"), Scripted("vonage")
    carried_by(vonage, smsru, twilio)
    settings.SMS_ROUTES = [Route("RU", ("smsru", "twilio"))]
    Rest.objects.create(gateway="smsru", failures=10, rests_until=clock.now() + timedelta(minutes=1))
    run("sendtest", PHONE)
    assert [len(found.given) for found in (vonage, smsru, twilio)] == [0, 0, 1]


@pytest.mark.parametrize(("number", "rule"), [(ABROAD, "PHONE_REGIONS"), (LANDLINE, "fixed line")])
def test_where_live_gateways_may_not_send_it_sends_only_anyway(live, carried_by, number, rule):
    gateway = Scripted("smsru")
    carried_by(gateway)
    with pytest.raises(CommandError, match=rule):
        run("sendtest", number)
    assert not Message.objects.exists()
    call_command("sendtest", number, anyway=True, stdout=StringIO())
    assert [found.phone for found in gateway.given] == [number]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("123",), "'123' is no phone number"),
        ((PHONE, "--gateway", "pigeon"), "'pigeon' is not in SMS_GATEWAYS; there are: smsru."),
        ((PHONE, "--channel", "voice"), "No gateway for this number carries by voice."),
        ((PHONE, "--gateway", "smsru", "--channel", "voice"), "carries by voice"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence_and_nothing_is_sent(live, carried_by, arguments, said):
    carried_by(Scripted("smsru"))
    with pytest.raises(CommandError, match=said):
        run("sendtest", *arguments)
    assert not Message.objects.exists()


def test_no_key_is_printed(live, carried_by, settings):
    settings.SMSRU_API_ID = settings.TELEGRAM_GATEWAY_TOKEN = KEY
    carried_by(Scripted("smsru", fails=NotHere("no code")), Scripted("twilio"))
    assert KEY not in run("sendtest", PHONE)


def test_the_sandbox_shows_it_in_its_inbox(db, client):
    run("sendtest", ABROAD)
    (found,) = actions.inbox(10)
    assert (found.phone, found.text) == (ABROAD, "Guestlist: a test message.")


def test_one_that_a_crash_left_behind_can_be_sent_by_any_process(live):
    assert outbox.kinds["test"].find(["one", "two"], clock.now()) == {"one": "0000", "two": "0000"}


# ---- gateways


def test_the_gateways_stand_in_their_order_with_routes_and_channels(live, carried_by, settings):
    carried_by(Scripted("twilio", "sms", "voice"), Scripted("smsru"))
    settings.SMS_ROUTES = [Route("1876", ("twilio",)), Route("RU", ("smsru",))]
    printed = run("gateways")
    assert printed.index("1. twilio") < printed.index("2. smsru")
    assert "channels: sms, voice" in printed
    assert "routes:   1876, and where no route leads" in printed
    settings.SMS_ROUTES = []
    assert "routes:   everywhere" in run("gateways")


def test_the_addresses_for_reports_are_those_that_are_answered(live, carried_by, settings):
    settings.HTTPS, settings.PUBLIC_URL = True, "https://guests.example.org"
    carried_by(Scripted("smsru"))
    assert f"reports:  {reports.url('smsru')}" in run("gateways")


def test_without_https_it_says_why_there_is_no_address(live, carried_by):
    carried_by(Scripted("smsru"))
    assert "reports:  none: PUBLIC_URL is not https" in run("gateways")
    assert "key=" not in run("gateways")


def test_who_reports_nothing_has_no_address(db, settings):
    settings.HTTPS, settings.PUBLIC_URL = True, "https://guests.example.org"
    assert "none: its provider reports nothing" in run("gateways")


def test_who_rests_says_until_when(live, carried_by):
    carried_by(Scripted("smsru"), Scripted("twilio"))
    until = clock.now() + timedelta(minutes=1)
    Rest.objects.create(gateway="smsru", failures=12, rests_until=until)
    printed = run("gateways")
    assert f"rests:    until {until:%Y-%m-%d %H:%M:%S} UTC, 12 failures in a row" in printed
    assert "rests:    no" in printed
