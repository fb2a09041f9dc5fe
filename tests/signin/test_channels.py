"""POST /user/login/ with a channel: by SMS, by Telegram, or read out by a voice."""

from datetime import UTC, datetime, timedelta

import pytest

from guestlist.delivery.gateways import NoMoney, Receipt, simulated
from guestlist.delivery.models import Attempt, Message
from guestlist.lib import clock
from guestlist.signin.models import Challenge
from tests.guests import is_problem

PHONE = "+79001112233"
START = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Takes:
    """A gateway that takes what it is given."""

    def __init__(self, name, *channels):
        self.name, self.channels, self.given = name, channels, []

    def send(self, message, seconds):
        self.given.append(message)
        return Receipt()


@pytest.fixture
def three(carried_by, settings):
    """A live service with a messenger, an SMS gateway, and one that calls too."""
    settings.IS_SANDBOX, settings.LIMITS = False, "relaxed"
    gateways = Takes("telegram", "telegram"), Takes("smsru", "sms"), Takes("twilio", "sms", "voice")
    carried_by(*gateways)
    return gateways


def test_without_a_channel_the_first_gateway_takes_it_by_its_own(guest, three):
    telegram, smsru, twilio = three
    assert guest(PHONE).ask().status_code == 200
    assert [message.channel for message in telegram.given] == ["telegram"]
    assert not smsru.given + twilio.given
    assert Message.objects.get().channel == ""


@pytest.mark.parametrize(("channel", "by"), [("telegram", 0), ("sms", 1), ("voice", 2)])
def test_the_channel_that_is_asked_for_is_used_and_kept(guest, three, channel, by):
    assert guest(PHONE).ask(channel=channel).status_code == 200
    assert [[message.channel for message in gateway.given] for gateway in three] == [
        [channel] if place == by else [] for place in range(3)
    ]
    assert Message.objects.get().channel == Attempt.objects.get().channel == channel


def test_the_same_code_comes_by_another_channel(guest, three):
    alice = guest(PHONE)
    challenges = [alice.ask(channel=channel).json()["challenge"] for channel in ("telegram", "sms", "voice")]
    codes = [gateway.given[0].code for gateway in three]
    assert len(set(challenges)) == len(set(codes)) == 1
    assert [gateway.given[0].again for gateway in three] == [0, 1, 2]
    assert Challenge.objects.count() == 1
    assert alice.confirm(codes[0]).status_code == 200


def test_a_channel_falls_back_to_no_other_one(guest, three):
    telegram, smsru, twilio = three

    def fails(*_):
        raise NoMoney()

    twilio.send = fails
    assert is_problem(guest(PHONE).ask(channel="voice"), 503, "delivery_failed")
    assert not telegram.given + smsru.given


def test_sms_goes_through_the_next_gateway_that_has_it(guest, three):
    telegram, smsru, twilio = three

    def fails(*_):
        raise NoMoney()

    smsru.send = fails
    assert guest(PHONE).ask(channel="sms").status_code == 200
    assert [message.channel for message in twilio.given] == ["sms"]
    assert not telegram.given


def test_a_channel_that_no_gateway_has_is_refused_and_nothing_is_written(guest, live):
    answer = guest(PHONE).ask(channel="voice")
    assert is_problem(answer, 400, "invalid_request")
    assert [error["field"] for error in answer.json()["errors"]] == ["channel"]
    assert not live.sent
    assert not Message.objects.exists()
    assert not Challenge.objects.exists()


def test_it_is_refused_in_the_callers_language(guest, live):
    answer = guest(PHONE, **{"Accept-Language": "ru"}).ask(channel="voice")
    assert answer.json()["errors"][0]["detail"] == "Таким способом мы не отправляем коды на этот номер."


def test_a_refused_channel_costs_no_limit(guest, live):
    alice = guest(PHONE)
    assert is_problem(alice.ask(channel="telegram"), 400, "invalid_request")
    assert alice.ask(channel="sms").status_code == 200


@pytest.mark.parametrize("channel", ["fax", "SMS", "", " sms", 1, ["sms"], {"sms": 1}, True])
def test_what_is_no_channel_is_refused(guest, channel):
    assert is_problem(guest(PHONE).ask(channel=channel), 400, "invalid_request")
    assert not Challenge.objects.exists()


def test_a_route_decides_which_channels_there_are(guest, three, settings):
    from guestlist.delivery.rules import routes

    settings.SMS_ROUTES = routes(["RU:smsru"], [gateway.name for gateway in three], ["RU"])
    alice = guest(PHONE)
    assert alice.ask().status_code == 200
    assert alice.post("/user/login/state/", {}).json()["channels"] == ["sms"]
    assert is_problem(alice.ask(channel="voice"), 400, "invalid_request")


def test_with_limits_another_channel_waits_as_long_as_the_same_one(guest, three, settings):
    settings.LIMITS = "on"
    alice = guest(PHONE)
    with clock.at(START):
        assert alice.ask(channel="sms").status_code == 200
        assert is_problem(alice.ask(channel="voice"), 429, "too_many_requests")
    with clock.at(START + timedelta(seconds=60)):
        assert alice.ask(channel="voice").status_code == 200


def test_the_sandbox_plays_the_channels_that_it_is_told(guest, carried_by, settings):
    settings.SANDBOX_CHANNELS = ["sms", "telegram", "voice"]
    carried_by(simulated.Simulated())
    alice = guest(PHONE)
    for channel in (None, "telegram", "voice"):
        assert alice.ask(**({"channel": channel} if channel else {})).status_code == 201
    messages = alice.get("/sandbox/inbox/").json()["messages"]
    assert [message["channel"] for message in messages] == ["voice", "telegram", "sms"]
    assert len({message["code"] for message in messages}) == 1


def test_the_sandbox_is_sms_only_by_itself(guest):
    assert is_problem(guest(PHONE).ask(channel="voice"), 400, "invalid_request")
    assert guest(PHONE).ask(channel="sms").status_code == 201
