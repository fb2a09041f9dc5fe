"""The page of the code, without a script: what has become of the message, asking again, and by another channel."""

from datetime import UTC, datetime, timedelta

import pytest

from guestlist.delivery.gateways import NoMoney, Receipt, simulated
from guestlist.delivery.models import Message
from guestlist.lib import clock
from guestlist.signin.models import Challenge
from tests.web.conftest import ALICE, BOB
from tests.web.test_markup import Strict

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
LATE, UNDELIVERED = "+12025550171", "+12025550174"  # docs/sandbox.md
SAID = {
    "queued": "It goes out within a few seconds.",
    "sent": "It usually arrives within half a minute.",
    "delivered": "It has arrived.",
    "not_sent": "It could not be sent. Check the number, or send it again in a moment.",
    "undelivered": "It did not reach the phone.",
}


@pytest.fixture
def three_channels(settings, carried_by):
    settings.SANDBOX_CHANNELS = ["sms", "telegram", "voice"]
    carried_by(simulated.Simulated())


def told(looking):
    """The state that the line shows; it must say one sentence, and mark one step."""
    at = looking.answer.context["awaited"].at
    assert f'data-at="{at}"' in looking.html
    line = looking.html.partition('data-at="')[2].partition("</div>")[0]
    said = [tag.partition(">")[2].partition("<")[0] for tag in line.split("<p ")[1:] if " hidden>" not in tag]
    assert len(said) == 1
    assert said[0].startswith(SAID[at])
    assert line.count('aria-current="step"') == 1
    step = next(part for part in line.split("<li ") if "aria-current" in part)
    assert at in step.partition('data-now="')[2].partition('"')[0].split()
    assert Strict(looking.html).found == []
    return at


def buttons(looking):
    form = next(form for form in looking.page.forms if form["action"] == "/sign-in/")
    return [value for name, value in form["buttons"] if name == "channel"]


# ---- the line of states ----------------------------------------------------------------------------------------------
def test_a_message_that_is_there_is_delivered(visitor):
    assert told(visitor().ask(ALICE)) == "delivered"


def test_a_late_message_is_sent_and_delivered_when_the_page_is_looked_at_again(visitor):
    with clock.at(START):
        alice = visitor().ask(LATE)
        assert told(alice) == "sent"
        assert "Nothing has arrived yet." in alice.text
    with clock.at(START + timedelta(seconds=20)):
        assert told(alice.see("/code/")) == "delivered"
        assert alice.html.count('<p class="bubble">') - alice.html.count('<p class="bubble"></p>') == 1


def test_a_message_that_does_not_arrive_says_what_to_do(visitor):
    with clock.at(START):
        alice = visitor().ask(UNDELIVERED)
    with clock.at(START + timedelta(seconds=5)):
        assert told(alice.see("/code/")) == "undelivered"
    with clock.at(START + timedelta(seconds=6)):
        assert alice.submit("/code/", code=alice.code).path == "/"  # it was in the answer


def test_one_that_waits_for_a_worker_is_queued(visitor, settings):
    settings.DELIVERY = "worker"
    assert told(visitor().ask(ALICE)) == "queued"


def test_one_that_could_not_be_sent_again_says_so_beside_the_refusal(visitor, monkeypatch):
    def fails(*_):
        raise NoMoney()

    alice = visitor().ask(ALICE)
    code = alice.code
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(simulated.Simulated, "send", fails)
        alice.submit("/sign-in/")
    assert alice.statuses == [503]
    assert told(alice) == "not_sent"
    assert alice.submit("/code/", code=code).path == "/"


def test_a_wrong_code_keeps_the_line(visitor):
    assert told(visitor().ask(ALICE).guess_wrong()) == "delivered"


def test_a_code_that_is_over_has_no_line(visitor):
    with clock.at(START):
        alice = visitor().ask(ALICE)
    with clock.at(START + timedelta(seconds=301)):
        assert "data-follow" not in alice.see("/code/").html


def test_the_line_is_told_in_russian(visitor):
    with clock.at(START):
        alice = visitor("ru").ask(UNDELIVERED)
        assert "Принято" in alice.text
    with clock.at(START + timedelta(seconds=5)):
        text = alice.see("/code/").text
    assert "Сообщение не дошло. Телефон включён и в сети?" in text


# ---- asking again ----------------------------------------------------------------------------------------------------
def test_with_limits_it_says_when_to_ask_again_and_without_them_nothing(visitor, settings):
    assert "data-held" not in visitor().ask(ALICE).html
    settings.LIMITS = "on"
    with clock.at(START):
        bob = visitor().ask(BOB)
        assert 'data-seconds="60"' in bob.html
        assert 'data-held="again-help"' in bob.html
        assert "Try again in 60 seconds." in bob.text
    with clock.at(START + timedelta(seconds=59)):
        assert "Try again in 1 second." in bob.see("/code/").text
    with clock.at(START + timedelta(seconds=60)):
        assert "data-held" not in bob.see("/code/").html
        assert bob.submit("/sign-in/").path == "/code/"
        assert Message.objects.filter(phone=BOB).count() == 2


def test_with_limits_a_code_out_of_tries_says_when_the_next_one_can_be_asked_for(visitor, live):
    with clock.at(START):
        alice = visitor().ask(ALICE)
        for _ in range(3):
            alice.submit("/code/", code="x")
        assert "No tries left" in alice.text
        assert 'data-held="again-help"' in alice.html
        assert "Try again in 60 seconds." in alice.text


def test_behind_a_proxy_that_asks_for_a_password_the_cookies_still_count(visitor, live):
    """With limits a code works by its challenge only, and pages know that by cookie."""
    alice = visitor(Authorization="Basic cHJveHk6cHJveHk=").ask(ALICE)
    assert told(alice) == "sent"
    assert alice.submit("/code/", code=live.code_for(ALICE)).path == "/"


# ---- channels --------------------------------------------------------------------------------------------------------
def test_with_one_channel_there_is_one_button(visitor):
    alice = visitor().ask(ALICE)
    assert buttons(alice) == [""]
    assert "SMS" not in alice.text


@pytest.mark.usefixtures("three_channels")
def test_another_channel_is_chosen_and_kept_for_the_next_time(visitor):
    alice = visitor().ask(ALICE)
    code = alice.code
    assert buttons(alice) == ["", "telegram", "voice"]
    assert "Call me and read it out" in alice.text
    alice.submit("/sign-in/", channel="voice")
    assert (alice.statuses, alice.path, alice.code) == ([302, 200], "/code/", code)
    assert "We call 8 (900) 111-22-33 and read it out." in alice.text
    assert buttons(alice) == ["voice", "sms", "telegram"]
    assert "Call again" in alice.text
    assert "Send by SMS" in alice.text
    assert buttons(alice.guess_wrong()) == ["voice", "sms", "telegram"]
    alice.submit("/sign-in/", channel="telegram")
    assert "We send it to the Telegram of 8 (900) 111-22-33" in alice.text
    assert list(Message.objects.order_by("id").values_list("channel", flat=True)) == ["", "voice", "telegram"]


@pytest.mark.usefixtures("three_channels")
def test_another_number_begins_without_a_channel(visitor):
    alice = visitor().ask(ALICE)
    alice.submit("/sign-in/", channel="voice")
    assert buttons(alice.ask(BOB)) == ["", "telegram", "voice"]


@pytest.mark.usefixtures("three_channels")
def test_a_new_code_comes_by_the_channel_that_was_chosen(visitor):
    with clock.at(START):
        alice = visitor().ask(ALICE)
        alice.submit("/sign-in/", channel="voice")
    with clock.at(START + timedelta(seconds=301)):
        assert buttons(alice.see("/code/")) == ["voice"]


@pytest.mark.usefixtures("three_channels")
def test_a_channel_that_is_gone_is_not_offered_again(visitor, carried_by, settings):
    alice = visitor().ask(ALICE)
    alice.submit("/sign-in/", channel="voice")
    settings.SANDBOX_CHANNELS = ["sms"]
    carried_by(simulated.Simulated())
    assert buttons(alice.see("/code/")) == [""]
    assert told(alice) == "delivered"


@pytest.mark.parametrize("channel", ["fax", "SMS", "telegram", "sms voice", "\x00", "x" * 10_000, "\N{SNOWMAN}"])
def test_a_channel_that_there_is_not_is_refused_in_words(visitor, channel):
    alice = visitor().ask(ALICE)
    alice.submit("/sign-in/", channel=channel)
    assert alice.statuses == [400]
    assert "No codes are sent to this number by this channel." in alice.text
    assert Message.objects.count() == 1
    assert alice.submit("/code/", code=alice.code).path == "/"


def test_a_channel_that_there_is_not_is_refused_at_the_first_ask_too(visitor):
    alice = visitor().see("/")
    token = alice.answer.context["csrf_token"]
    answer = alice.client.post("/sign-in/", {"phone": ALICE, "channel": "fax", "csrfmiddlewaretoken": token})
    assert answer.status_code == 400
    assert "by this channel" in answer.content.decode()
    assert not Challenge.objects.exists()


# ---- the phone -------------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("three_channels")
def test_the_phone_marks_what_did_not_come_as_sms(visitor):
    alice = visitor().ask(ALICE)
    assert '<span class="tag">' not in alice.html
    alice.submit("/sign-in/", channel="voice")
    assert alice.html.count('<span class="tag">Call</span>') == 1
    alice.submit("/sign-in/", channel="telegram")
    assert alice.see("/sandbox/inbox/").html.count('<span class="tag">') == 2


def test_what_comes_twice_stands_there_twice(visitor):
    alice = visitor().ask("+12025550172")
    shown = alice.see("/sandbox/inbox/").html
    assert shown.count('<p class="bubble">') == 2


def test_the_inbox_tells_ci_the_code_and_the_channel(visitor, client):
    alice = visitor().ask(ALICE)
    answer = client.get(f"/sandbox/inbox/?phone=%2B{ALICE[1:]}", headers={"Accept": "application/json"})
    (message,) = answer.json()["messages"]
    assert set(message) == {"id", "phone", "channel", "text", "code", "at"}
    assert (message["code"], message["channel"]) == (alice.code, "sms")


def test_live_a_message_on_its_way_shows_no_code(visitor, live):
    live.send = lambda message, seconds: Receipt(arrives_in=60.0)
    alice = visitor().ask(ALICE)
    assert told(alice) == "sent"
    assert "sandbox" not in alice.html
