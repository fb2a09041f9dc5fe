"""POST /user/login/: ask for a code."""

import re
from datetime import timedelta

import pytest

from guestlist.delivery import actions as delivery
from guestlist.delivery.gateways import NoMoney, Receipt
from guestlist.delivery.models import Message
from guestlist.lib import clock
from guestlist.people.models import Person
from guestlist.signin import rules
from guestlist.signin.models import Challenge
from tests.guests import is_problem, wrong

PHONE = "+79001112233"


def test_a_new_number_is_201_and_a_known_one_200(guest):
    alice = guest(PHONE)
    assert alice.ask().status_code == 201
    alice.sign_in()
    assert guest(PHONE).ask().status_code == 200


def test_the_answer_says_what_the_contract_says(guest):
    answer = guest("8 (900) 111-22-33").ask().json()
    assert re.fullmatch(r"\d{4}", answer.pop("code"))
    assert re.fullmatch(r"[\w-]{22}", answer.pop("challenge"))
    assert answer == {
        "phone": PHONE,
        "code_length": 4,
        "expires_in": 300,
        "resend_in": 60,
        "attempts_left": 3,
        "delivery": "delivered",
    }


def test_asking_makes_no_person(guest):
    guest(PHONE).ask()
    assert not Person.objects.exists()


def test_asking_again_from_the_same_client_sends_the_same_code(guest):
    alice = guest(PHONE)
    first, second = alice.ask().json(), alice.ask().json()
    assert (first["code"], first["challenge"]) == (second["code"], second["challenge"])


def test_an_app_without_cookies_asks_again_with_its_challenge(guest):
    first = guest(PHONE).ask().json()
    second = guest(PHONE).ask(challenge=first["challenge"]).json()
    assert (first["code"], first["challenge"]) == (second["code"], second["challenge"])


def test_the_challenge_in_the_body_wins_over_the_cookie(guest):
    alice, elsewhere = guest(PHONE), guest(PHONE)
    alice.ask()
    other = elsewhere.ask().json()
    assert alice.ask(challenge=other["challenge"]).json()["challenge"] == other["challenge"]


def test_another_client_gets_a_challenge_of_its_own(guest):
    assert guest(PHONE).ask().json()["challenge"] != guest(PHONE).ask().json()["challenge"]


def test_asking_again_gives_no_new_tries(guest):
    alice = guest(PHONE)
    code = alice.ask().json()["code"]
    alice.confirm(wrong(code))
    again = alice.ask().json()
    assert (again["code"], again["attempts_left"]) == (code, 2)


def test_a_code_out_of_tries_is_replaced(guest):
    alice = guest(PHONE)
    first = alice.ask().json()
    for _ in range(3):
        alice.confirm(wrong(first["code"]))
    second = alice.ask().json()
    assert second["challenge"] != first["challenge"]
    assert second["attempts_left"] == 3


def test_a_code_with_less_than_two_minutes_to_live_is_replaced_and_dies(guest):
    alice, start = guest(PHONE), clock.now()
    with clock.at(start):
        first = alice.ask().json()
    with clock.at(start + timedelta(seconds=180)):
        assert alice.ask().json()["challenge"] == first["challenge"]
    with clock.at(start + timedelta(seconds=181)):
        assert alice.ask().json()["challenge"] != first["challenge"]
        assert is_problem(guest(PHONE).confirm(first["code"], challenge=first["challenge"]), 400, "code_expired")


def test_a_used_code_is_replaced(guest):
    alice = guest(PHONE)
    first = alice.ask().json()
    alice.confirm(first["code"])
    assert alice.ask(challenge=first["challenge"]).json()["challenge"] != first["challenge"]


def test_a_challenge_of_another_number_is_not_repeated(guest):
    first = guest(PHONE).ask().json()
    assert guest("+79005556677").ask(challenge=first["challenge"]).json()["challenge"] != first["challenge"]


@pytest.mark.parametrize("nonsense", ["", "x", "x" * 22, "\N{SNOWMAN}", "a" * 150])
def test_a_challenge_that_is_none_of_ours_is_ignored(guest, nonsense):
    assert guest(PHONE).ask(challenge=nonsense).status_code == 201


def test_the_client_is_bound_by_a_cookie_that_scripts_cannot_read(guest):
    answer = guest(PHONE).ask()
    cookie = answer.cookies["guestlist_challenge"]
    assert cookie.value == answer.json()["challenge"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 300)
    assert answer.cookies["csrftoken"].value


def test_the_code_is_stored_nowhere(guest):
    code = guest(PHONE).ask().json()["code"]
    row = Challenge.objects.get()
    stored = [str(getattr(row, field.name)) for field in row._meta.fields if not field.name.endswith("_at")]
    assert code not in stored
    assert guest(PHONE).ask().json()["challenge"] not in stored


def test_the_setting_decides_the_length(guest, settings):
    settings.CODE_DIGITS = 6
    answer = guest(PHONE).ask().json()
    assert (len(answer["code"]), answer["code_length"]) == (6, 6)


def test_a_code_of_the_old_length_is_replaced_when_the_rule_asks_for_more(guest, settings):
    alice = guest(PHONE)
    first = alice.ask().json()
    settings.CODE_DIGITS = 6
    second = alice.ask().json()
    assert second["challenge"] != first["challenge"]
    assert len(second["code"]) == 6


def test_a_gateway_that_fails_is_told_and_kept(guest, carried_by):
    class Broken:
        name, channels = "simulated", ("sms",)

        def send(self, message, seconds):
            raise NoMoney()

    carried_by(Broken())
    answer = guest(PHONE).ask()
    assert is_problem(answer, 503, "delivery_failed")
    assert answer.headers["Retry-After"] == "5"
    assert Message.objects.get().reason == "no money"


def test_with_a_live_gateway_known_and_unknown_numbers_are_answered_alike(guest, request):
    guest(PHONE).sign_in()
    request.getfixturevalue("live")
    known, unknown = guest(PHONE).ask(), guest("+79005556677").ask()
    assert known.status_code == unknown.status_code == 200
    assert "code" not in known.json()
    assert set(known.json()) == set(unknown.json())
    assert is_problem(guest(PHONE).get("/sandbox/inbox/"), 404, "not_found")


def test_the_inbox_shows_what_was_sent(guest):
    alice, bob = guest(PHONE), guest("+79005556677")
    code = alice.ask().json()["code"]
    bob.ask()
    messages = alice.get(f"/sandbox/inbox/?phone=%2B{PHONE[1:]}").json()["messages"]
    assert [message["phone"] for message in messages] == [PHONE]
    assert messages[0]["text"].splitlines()[-1] == f"@127.0.0.1 #{code}"
    assert len(bob.get("/sandbox/inbox/").json()["messages"]) == 2


def test_a_sandbox_that_others_can_reach_shows_each_client_only_their_own_messages(guest, settings):
    settings.IS_OPEN = True
    alice, bob, stranger = guest(PHONE), guest("+79005556677"), guest("+79008889900")
    alice.ask()
    bob.sign_in()
    assert [message["phone"] for message in alice.get("/sandbox/inbox/").json()["messages"]] == [PHONE]
    assert [message["phone"] for message in bob.get("/sandbox/inbox/").json()["messages"]] == [bob.phone]
    assert bob.get("/sandbox/inbox/?phone=%2B79001112233").json()["messages"] == []
    assert stranger.get("/sandbox/inbox/").json()["messages"] == []


def test_the_message_speaks_the_callers_language(guest):
    guest(PHONE, **{"Accept-Language": "ru"}).ask()
    text = guest(PHONE).get("/sandbox/inbox/").json()["messages"][0]["text"]
    assert "Код" in text


def test_when_every_place_to_wait_is_taken_it_is_503_and_nothing_is_written(guest, monkeypatch):
    taken = delivery.threading.BoundedSemaphore(1)
    taken.acquire()
    monkeypatch.setattr(delivery, "_places", taken)
    answer = guest(PHONE).ask()
    assert is_problem(answer, 503, "delivery_failed")
    assert int(answer.headers["Retry-After"]) >= 1
    assert not Challenge.objects.exists()


def test_the_sandbox_waits_as_long_as_it_is_told(settings, monkeypatch):
    from guestlist.delivery.gateways import Outgoing, simulated

    waits: list[float] = []
    monkeypatch.setattr(simulated.time, "sleep", waits.append)
    settings.SANDBOX_DELAY = (1.0, 2.0)
    for _ in range(50):
        simulated.Simulated().send(Outgoing(PHONE, ""), 10.0)
    assert min(waits) >= 1
    assert max(waits) <= 2
    assert max(waits) - min(waits) > 0.3


@pytest.mark.django_db(transaction=True)
def test_no_connection_is_held_while_a_gateway_is_waited_for(carried_by):
    from django.db import connection

    from tests.guests import Guest

    held: list[object] = []

    class Watching:
        name, channels = "simulated", ("sms",)

        def send(self, message, seconds):
            held.append(connection.connection)
            return Receipt(arrives_in=0.0)

    carried_by(Watching())
    assert Guest(PHONE).ask().status_code == 201
    assert held == [None]


def test_lifetimes_are_within_the_standards():
    assert timedelta(minutes=10) >= rules.LIFETIME  # NIST SP 800-63B-4 3.1.3.2
    assert rules.TRIES <= 5
