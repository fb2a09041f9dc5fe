"""POST /user/login/state/: how is my code doing?"""

from datetime import UTC, datetime, timedelta

import pytest

from guestlist.delivery import dispatch
from guestlist.delivery.gateways import NoMoney, Receipt
from guestlist.delivery.models import Message
from guestlist.lib import clock
from guestlist.signin import policies, sending
from tests.guests import is_problem, wrong

PHONE, KNOWN, OTHER = "+79001112233", "+79002223344", "+79003334455"
STATE = "/user/login/state/"
START = datetime(2026, 1, 31, 12, tzinfo=UTC)


def state(guest, **body):
    return guest.post(STATE, body)


def seen(guest, **body):
    """What has become of the message, and why it failed."""
    answer = state(guest, **body)
    assert answer.status_code == 200, answer.content
    return answer.json()["delivery"], answer.json()["reason"]


def test_it_says_what_the_contract_says(guest):
    alice = guest(PHONE)
    with clock.at(START):
        alice.ask()
    with clock.at(START + timedelta(seconds=60)):
        answer = state(alice)
    assert answer.status_code == 200
    assert answer.json() == {
        "delivery": "delivered",
        "reason": None,
        "expires_in": 240,
        "resend_in": 0,
        "attempts_left": 3,
        "channels": ["sms"],
    }


# ---- what becomes of a message ---------------------------------------------------------------------------------------
def test_a_message_that_a_live_gateway_took_is_sent(guest, live):
    alice = guest(PHONE)
    assert alice.ask().json()["delivery"] == "sent"
    assert seen(alice) == ("sent", None)


def test_one_that_waits_for_a_worker_is_queued(guest, settings):
    settings.DELIVERY = "worker"
    alice = guest(PHONE)
    assert alice.ask().json()["delivery"] == "queued"
    assert seen(alice) == ("queued", None)


def test_one_that_arrives_later_is_sent_until_then(guest, live):
    live.send = lambda message, seconds: Receipt(arrives_in=20.0)
    alice = guest(PHONE)
    with clock.at(START):
        alice.ask()
        assert seen(alice) == ("sent", None)
    with clock.at(START + timedelta(seconds=19)):
        assert seen(alice) == ("sent", None)
    with clock.at(START + timedelta(seconds=20)):
        assert seen(alice) == ("delivered", None)


def test_one_that_does_not_arrive_is_sent_until_that_is_known(guest, live):
    live.send = lambda message, seconds: Receipt(arrives_in=5.0, undelivered="absent subscriber")
    alice = guest(PHONE)
    with clock.at(START):
        alice.ask()
        assert seen(alice) == ("sent", None)
    with clock.at(START + timedelta(seconds=5)):
        assert seen(alice) == ("failed", "undelivered")
        assert "absent" not in state(alice).content.decode()


def test_one_that_no_gateway_took_was_not_sent_and_the_next_one_counts(guest, live):
    alice = guest(PHONE)
    with clock.at(START):
        alice.ask()
    taking = live.send

    def fails(*_):
        raise NoMoney()

    with clock.at(START + timedelta(seconds=60)):
        live.send = fails
        assert is_problem(alice.ask(), 503, "delivery_failed")
        assert seen(alice) == ("failed", "not_sent")
    with clock.at(START + timedelta(seconds=120)):
        live.send = taking
        assert alice.ask().status_code == 200
        assert seen(alice) == ("sent", None)


# ---- whose code ------------------------------------------------------------------------------------------------------
def test_an_app_without_cookies_shows_its_challenge(guest):
    challenge = guest(PHONE).ask().json()["challenge"]
    assert seen(guest(PHONE), challenge=challenge) == ("delivered", None)


def test_the_challenge_in_the_body_wins_over_the_cookie(guest):
    alice, elsewhere = guest(PHONE), guest(OTHER)
    alice.ask()
    code, other = (elsewhere.ask().json()[name] for name in ("code", "challenge"))
    elsewhere.confirm(wrong(code))
    assert state(alice).json()["attempts_left"] == 3
    assert state(alice, challenge=other).json()["attempts_left"] == 2
    assert is_problem(state(alice, challenge="x" * 22), 400, "code_expired")


@pytest.mark.parametrize("nonsense", ["x", "x" * 22, "\N{SNOWMAN}", "a" * 150, "../../etc"])
def test_a_challenge_that_is_none_of_ours_is_expired_and_tells_of_no_number(guest, nonsense):
    answer = state(guest(PHONE), challenge=nonsense)
    assert is_problem(answer, 400, "code_expired")
    assert not {"code_length", "resend_in"} & set(answer.json())


def test_without_a_challenge_there_is_nothing_to_tell(guest):
    guest(PHONE).ask()
    assert is_problem(state(guest(PHONE)), 400, "code_expired")


def test_with_a_bearer_token_no_cookie_is_read(guest):
    alice = guest(PHONE)
    alice.ask()
    assert is_problem(alice.send("post", STATE, {}, Authorization="Bearer x"), 400, "code_expired")


@pytest.mark.parametrize("body", [{"challenge": 7}, {"challenge": ["x"]}, {"challenge": "x" * 151}, []])
def test_wrong_types_are_refused(guest, body):
    assert is_problem(guest(PHONE).post(STATE, body), 400, "invalid_request")


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_another_sites_page_learns_nothing(guest, headers):
    alice = guest(PHONE)
    alice.ask()
    assert is_problem(alice.send("post", STATE, {}, **headers), 403, "cross_site")


# ---- codes that are over ---------------------------------------------------------------------------------------------
def test_a_code_that_is_too_old_is_expired_and_the_next_one_is_told_of(guest):
    alice = guest(PHONE)
    with clock.at(START):
        challenge = alice.ask().json()["challenge"]
    with clock.at(START + timedelta(seconds=299)):
        assert state(alice).json()["expires_in"] == 1
    with clock.at(START + timedelta(seconds=300)):
        answer = state(alice, challenge=challenge)
    assert is_problem(answer, 400, "code_expired")
    assert (answer.json()["code_length"], answer.json()["resend_in"]) == (4, 0)


def test_a_used_code_is_expired(guest):
    alice = guest(PHONE)
    asked = alice.ask().json()
    alice.confirm(asked["code"])
    assert is_problem(state(alice, challenge=asked["challenge"]), 400, "code_expired")


def test_a_code_out_of_tries_is_expired_and_with_limits_the_next_one_is_longer_and_has_to_wait(guest, live):
    alice = guest(PHONE)
    with clock.at(START):
        challenge = alice.ask().json()["challenge"]
        for left in (2, 1):
            alice.confirm(wrong(live.code_for(PHONE)))
            assert state(alice).json()["attempts_left"] == left
        alice.confirm(wrong(live.code_for(PHONE)))
        answer = state(alice, challenge=challenge)
    assert is_problem(answer, 400, "code_expired")
    assert (answer.json()["code_length"], answer.json()["resend_in"]) == (6, 60)


def test_a_replaced_code_is_expired_and_the_new_one_is_not(guest):
    alice = guest(PHONE)
    with clock.at(START):
        old = alice.ask().json()["challenge"]
    with clock.at(START + timedelta(seconds=181)):
        alice.ask()
        assert is_problem(state(alice, challenge=old), 400, "code_expired")
        assert state(alice).json()["expires_in"] == 300


def test_a_code_whose_key_has_left_the_ring_is_expired(guest, settings):
    alice = guest(PHONE)
    alice.ask()
    settings.CODE_PEPPERS = {9: b"another key that has at least thirty-two bytes"}
    assert is_problem(state(alice), 400, "code_expired")


def test_asking_for_the_state_changes_nothing(guest):
    alice = guest(PHONE)
    code = alice.ask().json()["code"]
    for _ in range(20):
        assert state(alice).json()["attempts_left"] == 3
    assert Message.objects.count() == 1
    assert alice.confirm(code).status_code == 200


# ---- when to ask again -----------------------------------------------------------------------------------------------
def test_with_limits_it_counts_down_and_waiting_that_long_works(guest, settings):
    settings.LIMITS = "on"
    alice = guest(PHONE)
    with clock.at(START):
        assert alice.ask().json()["resend_in"] == 60
        assert state(alice).json()["resend_in"] == 60
    with clock.at(START + timedelta(seconds=48)):
        left = state(alice).json()["resend_in"]
        assert left == 12
        assert is_problem(alice.ask(), 429, "too_many_requests")
    with clock.at(START + timedelta(seconds=48 + left)):
        assert state(alice).json()["resend_in"] == 0
        assert alice.ask().status_code == 201
        assert state(alice).json()["resend_in"] == 60


def test_with_limits_the_quarter_of_an_hour_counts_too(guest, settings):
    settings.LIMITS = "on"
    alice = guest(PHONE)
    for minute in range(3):
        with clock.at(START + timedelta(minutes=minute)):
            assert alice.ask().status_code == 201
    with clock.at(START + timedelta(minutes=3)):
        left = state(alice).json()["resend_in"]
        assert left > 60
        assert is_problem(alice.ask(), 429, "too_many_requests")
    alice.client.defaults["REMOTE_ADDR"] = "203.0.113.7"  # it speaks of the phone; the address has limits of its own
    with clock.at(START + timedelta(minutes=3, seconds=left - 1)):
        assert is_problem(alice.ask(), 429, "too_many_requests")
    with clock.at(START + timedelta(minutes=3, seconds=left)):
        assert alice.ask().status_code == 201


def test_in_the_relaxed_sandbox_one_may_ask_again_at_once(guest):
    alice = guest(PHONE)
    alice.ask()
    assert state(alice).json()["resend_in"] == 0
    assert alice.ask().status_code == 201


def test_the_channels_are_those_of_the_gateways_for_this_number(guest, live):
    live.channels = ("telegram", "sms")
    alice = guest(PHONE)
    alice.ask()
    assert state(alice).json()["channels"] == ["telegram", "sms"]


def test_with_the_cookie_no_body_is_needed(guest):
    alice = guest(PHONE)
    alice.ask()
    assert alice.client.generic("POST", "/user/login/state/", b"", content_type="application/json").status_code == 200
    assert alice.client.generic("POST", "/user/login/state/").status_code == 200
    assert alice.client.generic("POST", "/user/login/state/", b"null", "application/json").status_code == 400


# ---- what it must not tell -------------------------------------------------------------------------------------------
def test_live_known_and_unknown_numbers_look_the_same(guest, live):
    with clock.at(START - timedelta(days=1)):
        known = guest(KNOWN)
        known.ask()
        assert known.confirm(live.code_for(KNOWN)).status_code == 200
    told = []
    for phone in (KNOWN, PHONE):
        asking = guest(phone)
        with clock.at(START):
            asking.ask()
            first = state(asking)
            asking.confirm(wrong(live.code_for(phone)))
            second = state(asking)
        with clock.at(START + timedelta(seconds=301)):
            third = state(asking)
        told.append([(answer.status_code, answer.content) for answer in (first, second, third)])
    assert told[0] == told[1]
    assert [status for status, _ in told[0]] == [200, 200, 400]


@pytest.fixture
def spent_range(guest, live, settings, monkeypatch):
    """A live service where the range of +7900111 has had its codes of the hour: what follows is withheld."""
    monkeypatch.setattr(dispatch, "SHORTEST", 0.0)
    names = policies.POLICIES.keys() - {"CODES_PER_PREFIX", "CODES_IN_ALL", "CODES_PAUSE"}
    settings.LIMIT_OVERRIDES = {f"LIMIT_{name}": "100000/s" for name in names}
    sending.in_force.cache_clear()
    live.send = lambda message, seconds: Receipt(arrives_in=7.0)
    with clock.at(START):
        for number in range(20):
            assert guest(f"+7900111{number:04}").ask().status_code == 200
        yield
    sending.in_force.cache_clear()


@pytest.mark.usefixtures("spent_range")
def test_a_withheld_message_looks_like_one_that_was_sent_all_the_way(guest):
    real, withheld = guest("+79002220000"), guest("+79001119999")
    for asking in (real, withheld):
        assert asking.ask().status_code == 200
    assert [message.state for message in Message.objects.order_by("-id")[:2]] == ["withheld", "delivered"]
    for after, told in ((0, "sent"), (6, "sent"), (8, "delivered"), (40, "delivered")):
        with clock.at(START + timedelta(seconds=after)):
            one, other = state(real), state(withheld)
            assert one.json()["delivery"] == told
            assert one.content == other.content


@pytest.mark.usefixtures("spent_range")
def test_a_withheld_message_fails_as_others_do(guest, live):
    def fails(*_):
        raise NoMoney()

    real, withheld = guest("+79002220000"), guest("+79001119999")
    for asking in (real, withheld):
        assert asking.ask().status_code == 200
    live.send = fails
    Message.objects.exclude(state="withheld").update(state="failed", sent_at=None, ended_at=START)  # so went the last
    with clock.at(START + timedelta(seconds=60)):
        for asking in (real, withheld):
            assert is_problem(asking.ask(), 503, "delivery_failed")
        assert seen(real) == ("failed", "not_sent")
        assert state(real).content == state(withheld).content
    assert [message.state for message in Message.objects.order_by("-id")[:2]] == ["withheld", "failed"]
