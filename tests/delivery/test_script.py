"""The numbers whose messages go wrong in the sandbox, as docs/sandbox.md says, through the API."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from guestlist.delivery.gateways import Outgoing, simulated
from guestlist.delivery.models import Attempt, Message
from guestlist.lib import clock
from tests.guests import is_problem

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
LATE, TWICE, OUT_OF_ORDER, UNDELIVERED, BROKEN, SILENT, REFUSED = (f"+1202555017{digit}" for digit in range(1, 8))
PAPER = Path(__file__).resolve().parents[2] / "docs" / "sandbox.md"


@pytest.fixture
def slept(monkeypatch):
    """How long the sandbox would have waited."""
    waits: list[float] = []
    monkeypatch.setattr(simulated.time, "sleep", waits.append)
    return waits


def at(seconds):
    return clock.at(START + timedelta(seconds=seconds))


def state(guest):
    answer = guest.post("/user/login/state/", {}).json()
    return answer["delivery"], answer["reason"]


def arrived(guest):
    return guest.get(f"/sandbox/inbox/?phone=%2B{guest.phone[1:]}").json()["messages"]


def test_a_number_without_a_script_gets_its_message_at_once(guest):
    alice = guest("+12025550178")
    with at(0):
        assert alice.ask().json()["delivery"] == "delivered"
        assert state(alice) == ("delivered", None)
        assert len(arrived(alice)) == 1


def test_late_it_comes_after_twenty_seconds_and_works_before(guest):
    alice = guest(LATE)
    with at(0):
        asked = alice.ask().json()
        assert asked["delivery"] == "sent"
    with at(19):
        assert state(alice) == ("sent", None)
        assert arrived(alice) == []
    with at(20):
        assert state(alice) == ("delivered", None)
        (message,) = arrived(alice)
        assert (message["code"], message["at"]) == (asked["code"], "2026-01-31T12:00:20Z")
        assert alice.confirm(asked["code"]).status_code == 200


def test_twice_the_same_message_comes_two_times(guest):
    alice = guest(TWICE)
    with at(0):
        assert alice.ask().json()["delivery"] == "delivered"
        first, second = arrived(alice)
    assert first == second
    assert Message.objects.count() == 1


def test_out_of_order_the_second_overtakes_the_first_and_both_carry_the_code(guest):
    alice = guest(OUT_OF_ORDER)
    with at(0):
        first = alice.ask().json()
        assert first["delivery"] == "sent"
    with at(10):
        second = alice.ask().json()
        assert (second["delivery"], second["code"]) == ("delivered", first["code"])
        assert state(alice) == ("delivered", None)
        assert [message["at"] for message in arrived(alice)] == ["2026-01-31T12:00:10Z"]
    with at(89):
        assert len(arrived(alice)) == 1
    with at(90):
        late, early = arrived(alice)
        assert late["id"] < early["id"]  # asked for first, and there last
        assert (late["at"], early["at"]) == ("2026-01-31T12:01:30Z", "2026-01-31T12:00:10Z")
        assert late["code"] == early["code"]
        assert alice.confirm(late["code"]).status_code == 200


def test_undelivered_it_is_sent_and_after_five_seconds_it_is_known_to_have_failed(guest):
    alice = guest(UNDELIVERED)
    with at(0):
        asked = alice.ask()
        assert (asked.status_code, asked.json()["delivery"]) == (201, "sent")
        assert state(alice) == ("sent", None)
    with at(5):
        assert state(alice) == ("failed", "undelivered")
    with at(299):
        assert arrived(alice) == []
        assert alice.confirm(asked.json()["code"]).status_code == 200
    assert Message.objects.get().reason == "absent subscriber"


@pytest.mark.parametrize(
    ("phone", "reason"), [(BROKEN, "provider unavailable (HTTP 500)"), (REFUSED, "no such number")]
)
def test_a_gateway_that_breaks_or_refuses_is_told_at_once(guest, slept, phone, reason):
    alice = guest(phone)
    answer = alice.ask()
    assert is_problem(answer, 503, "delivery_failed")
    assert int(answer.headers["Retry-After"]) >= 1
    assert max(slept) <= 2
    assert arrived(alice) == []
    message, attempt = Message.objects.get(), Attempt.objects.get()
    assert (message.state, message.reason, attempt.state) == ("failed", reason, "failed")


def test_a_silent_gateway_is_left_after_ten_seconds(guest, slept):
    alice = guest(SILENT)
    assert is_problem(alice.ask(), 503, "delivery_failed")
    assert slept == [10.0]
    assert (Message.objects.get().reason, Attempt.objects.get().state) == ("no answer in time", "maybe")


@pytest.mark.parametrize("phone", [BROKEN, SILENT, REFUSED])
def test_what_failed_leaves_a_state_where_there_was_a_code_before(guest, slept, monkeypatch, phone):
    alice = guest(phone)
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(simulated, "SCRIPT", {})
        alice.ask()
        assert state(alice) == ("delivered", None)
    assert alice.ask().status_code == 503
    assert state(alice) == ("failed", "not_sent")


@pytest.mark.parametrize("phone", [BROKEN, SILENT, REFUSED])
def test_what_failed_is_told_by_a_worker_too(guest, slept, settings, phone):
    from guestlist.delivery import dispatch, outbox

    settings.DELIVERY = "worker"
    alice = guest(phone)
    assert alice.ask().json()["delivery"] == "queued"
    assert state(alice) == ("queued", None)
    for message in outbox.claim(10):
        ended, _ = dispatch.ready(message, outbox.contents([message])[message.id])()
        outbox.end([ended])
    assert state(alice) == ("failed", "not_sent")


def test_numbers_that_fail_by_the_script_keep_nobody_else_waiting(guest, slept):
    with at(0):
        for _ in range(12):
            assert guest(BROKEN).ask().status_code == 503
        assert guest("+12025550178").ask().status_code == 201


def test_with_a_seed_each_run_waits_the_same_and_each_message_by_itself(settings, slept):
    settings.SANDBOX_DELAY = (1.0, 2.0)

    def run(seed):
        settings.SANDBOX_SEED = seed
        slept.clear()
        for phone in ("+12025550178", "+12025550179"):
            for again in (0, 1):
                simulated.Simulated().send(Outgoing(phone, "", again=again), 10.0)
        return list(slept)

    first = run("seven")
    assert run("seven") == first
    assert len(set(first)) == 4
    assert run("eight") != first
    assert run("") != run("")


def test_the_paper_has_every_number_and_no_other():
    table = re.findall(r"^\| `(\+1202555\d{4})` \|", PAPER.read_text(encoding="utf-8"), re.MULTILINE)
    assert table == list(simulated.SCRIPT)
    assert len(table) == 7
