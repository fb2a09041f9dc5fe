"""What is queued is sent: by a worker, by whoever has a place again, and after a crash by anybody."""

import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from guestlist.delivery import actions as delivery
from guestlist.delivery import bell, courier, outbox, rules, stamp
from guestlist.delivery.gateways import NoSuchNumber, Receipt, Unavailable
from guestlist.delivery.models import Attempt, Message
from guestlist.lib import clock, sql
from guestlist.signin.models import Challenge
from tests.guests import is_problem

PHONE = "+79001112233"
START = datetime(2026, 1, 31, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db(transaction=True)  # other threads look into the database


class Courier(courier.Courier):
    def run_dry(self) -> None:
        """Send all that is due now, and write it down."""
        while self.turn() or self.is_busy():
            time.sleep(0.005)


@pytest.fixture
def worker(settings) -> Courier:
    settings.DELIVERY = "worker"
    return Courier(10)


def only() -> Message:
    return Message.objects.get()


def test_with_a_worker_an_ask_waits_for_no_gateway(guest, two, worker):
    answer = guest(PHONE).ask()
    assert (answer.status_code, answer.json()["delivery"]) == (200, "queued")
    assert two[0].given == []
    assert (only().state, only().claims) == ("accepted", 0)
    worker.run_dry()
    assert (only().state, only().claims, only().gateway) == ("sent", 1, "smsru")
    assert Attempt.objects.count() == 1


def test_the_code_that_a_worker_sends_signs_in(guest, two, worker):
    alice = guest(PHONE)
    alice.ask()
    worker.run_dry()
    assert alice.confirm(two[0].given[0].code).status_code == 200


def test_it_is_sent_in_the_language_of_the_ask(guest, two, worker):
    guest(PHONE, **{"Accept-Language": "ru"}).ask()
    worker.run_dry()
    assert "Код" in two[0].given[0].text


@pytest.mark.parametrize("state", [{"used_at": START}, {"attempts": 3}, {"expires_at": START}])
def test_a_code_that_no_longer_works_is_not_sent(guest, two, worker, state):
    with clock.at(START):
        guest(PHONE).ask()
        Challenge.objects.update(**state)
        worker.run_dry()
    assert two[0].given == []
    assert (only().state, only().reason) == ("failed", "no longer due")


def test_a_code_that_another_one_replaced_is_not_sent(guest, two, worker, settings):
    alice = guest(PHONE)
    alice.ask()
    settings.CODE_DIGITS = 6
    alice.ask()
    worker.run_dry()
    assert [len(message.code) for message in two[0].given] == [6]


def test_what_is_asked_for_again_while_it_waits_is_sent_once(guest, two, worker):
    alice = guest(PHONE)
    for _ in range(3):
        alice.ask()
    worker.run_dry()
    assert len(two[0].given) == 1
    assert set(Message.objects.values_list("state", "reason")) == {("failed", "asked again"), ("sent", "")}


def test_when_all_gateways_fail_it_is_tried_again_later_while_the_code_lives(guest, two, worker):
    for gateway in two:
        gateway.fails = Unavailable()
    with clock.at(START):
        guest(PHONE).ask()
        worker.run_dry()
    assert (only().state, only().due_at) == ("accepted", START + rules.FIRST_RETRY)
    with clock.at(START + timedelta(seconds=4)):
        worker.run_dry()
    assert only().claims == 1
    two[1].fails = None
    with clock.at(START + timedelta(seconds=6)):
        worker.run_dry()
    assert (only().state, only().claims, only().gateway) == ("sent", 2, "twilio")
    assert Attempt.objects.count() == 4  # both, and both again


def test_it_is_given_up_in_the_end_and_held_against_nobody(guest, two, worker):
    for gateway in two:
        gateway.fails = Unavailable()
    with clock.at(START):
        guest(PHONE).ask()
    for second in range(0, 290, 10):
        with clock.at(START + timedelta(seconds=second)):
            worker.run_dry()
    assert only().state == "failed"
    assert only().claims <= rules.MOST_CLAIMS
    assert Challenge.objects.get().region == ""


def test_a_number_that_there_is_not_is_not_tried_again(guest, two, worker):
    two[0].fails = NoSuchNumber()
    guest(PHONE).ask()
    worker.run_dry()
    assert (only().state, only().claims) == ("failed", 1)


def test_what_a_crash_left_behind_is_taken_over_when_its_lease_is_over(guest, two, monkeypatch):
    def crash(*_):
        raise KeyboardInterrupt

    with clock.at(START), monkeypatch.context() as dying:
        dying.setattr(delivery, "send", crash)
        with pytest.raises(KeyboardInterrupt):
            guest(PHONE).ask()
    assert (only().state, only().claims) == ("accepted", 1)
    other = Courier(10)
    with clock.at(START + rules.LEASE - timedelta(seconds=1)):
        other.run_dry()
    assert two[0].given == []
    with clock.at(START + rules.LEASE):
        other.run_dry()
    assert (only().state, only().claims, len(two[0].given)) == ("sent", 2, 1)


def test_who_was_too_slow_changes_nothing_any_more(guest, two, worker):
    with clock.at(START):
        guest(PHONE).ask()
        (slow,) = outbox.claim(10)
    with clock.at(START + rules.LEASE):
        (quick,) = outbox.claim(10)
        assert (slow.id, slow.claims, quick.claims) == (quick.id, 1, 2)
        outbox.end([outbox.Ended(quick, "sent", "", "twilio", START, None)])
        outbox.end([outbox.Ended(slow, "failed", "too late", "smsru", None, START)])
        outbox.end([outbox.let_go(slow, START)])
    assert (only().state, only().gateway, only().due_at) == ("sent", "twilio", None)
    assert Challenge.objects.get().region == "RU"


def test_a_process_that_stood_still_sends_nothing_of_what_it_had_taken_up(guest, two, worker, monkeypatch):
    real = courier.dispatch.ready

    def slow_ready(*args):
        monkeypatch.setattr(clock, "_source", lambda: START + rules.LEASE)
        return real(*args)

    with clock.at(START):
        guest(PHONE).ask()
        monkeypatch.setattr(courier.dispatch, "ready", slow_ready)
        worker.turn()
        while worker.is_busy():
            worker._write_down()
        assert two[0].given == []
        assert (only().state, only().is_held) == ("accepted", False)


def test_nor_does_a_request_that_stood_still(guest, two, monkeypatch):
    """Somebody else has sent it meanwhile, or will."""
    real = delivery.dispatch.ready

    def slow_ready(*args):
        monkeypatch.setattr(clock, "_source", lambda: START + rules.LEASE + timedelta(seconds=1))
        Courier(2).run_dry()
        monkeypatch.setattr(delivery.dispatch, "ready", real)
        return real(*args)

    with clock.at(START):
        monkeypatch.setattr(
            delivery.dispatch, "ready", lambda *args: real(*args) if args[0].claims > 1 else slow_ready(*args)
        )
        answer = guest(PHONE).ask()
    assert is_problem(answer, 503, "delivery_failed")
    assert len(two[0].given) == 1
    assert only().state == "sent"


def test_a_gateway_behind_is_not_asked_when_somebody_else_has_taken_the_message_up(guest, two):
    two[0].fails = Unavailable()
    two[0].before = lambda: Message.objects.update(claims=2)
    assert is_problem(guest(PHONE).ask(), 503, "delivery_failed")
    assert two[1].given == []


def test_nobody_takes_up_what_somebody_else_has(guest, two, worker):
    for number in range(6):
        guest(f"+7900111{number:04}").ask()
    first, second = outbox.claim(4), outbox.claim(4)
    assert (len(first), len(second)) == (4, 2)
    assert not {message.id for message in first} & {message.id for message in second}
    assert outbox.claim(4) == []


def test_the_oldest_goes_first(guest, two, worker):
    for number in range(3):
        with clock.at(START + timedelta(seconds=3 - number)):
            guest(f"+7900111000{number}").ask()
    with clock.at(START + timedelta(seconds=10)):
        assert [message.phone[-1] for message in outbox.claim(2)] == ["2", "1"]


def test_without_a_place_to_wait_a_live_message_is_queued_and_the_service_goes_on(guest, two, monkeypatch):
    taken = threading.BoundedSemaphore(1)
    taken.acquire()
    monkeypatch.setattr(delivery, "_places", taken)
    answer = guest(PHONE).ask()
    assert (answer.status_code, answer.json()["delivery"]) == (200, "queued")
    Courier(2).run_dry()
    assert only().state == "sent"


def test_what_is_withheld_looks_like_the_others_in_the_queue_too(guest, two, worker, monkeypatch, settings):
    from guestlist.delivery import dispatch
    from guestlist.signin import sending

    monkeypatch.setattr(dispatch, "SHORTEST", 0.0)
    monkeypatch.setattr(sending, "withheld", lambda _: "CODES_PER_PREFIX")
    assert guest(PHONE).ask().json()["delivery"] == "queued"
    worker.run_dry()
    assert two[0].given == []
    assert (only().state, only().reason) == ("withheld", "CODES_PER_PREFIX")


def test_it_stops_when_it_is_told_and_finishes_what_is_under_way(guest, two, worker):
    """Two places, four messages, each of which waits: two are sent, the others are anybody's, and nobody has them."""
    go, begun = threading.Event(), threading.Semaphore(0)
    two[0].before = lambda: (begun.release(), go.wait(10))
    for number in range(4):
        guest(f"+7900111000{number}").ask()
    narrow, stop = Courier(2), threading.Event()
    running = threading.Thread(target=narrow.run, args=[stop])
    running.start()
    begun.acquire(timeout=10)
    begun.acquire(timeout=10)
    stop.set()
    threading.Timer(0.3, go.set).start()
    running.join(10)
    assert not running.is_alive()
    states = sorted(Message.objects.values_list("state", "claims"))
    assert states == [("accepted", 0), ("accepted", 0), ("sent", 1), ("sent", 1)]
    assert len(outbox.claim(10)) == 2


def test_finishing_waits_and_does_not_spin(guest, two, worker, monkeypatch):
    go, looks = threading.Event(), []
    two[0].before = lambda: go.wait(10)
    guest(PHONE).ask()
    worker.turn()
    real = worker._write_down
    monkeypatch.setattr(worker, "_write_down", lambda: (looks.append(1), real())[1])
    threading.Timer(0.5, go.set).start()
    courier.bell.woken.set()
    worker._finish()
    assert only().state == "sent"
    assert len(looks) < 100


def test_a_database_that_is_away_loses_nothing(guest, two, worker, monkeypatch):
    guest(PHONE).ask()
    stop, real, away = threading.Event(), outbox.end, [2]

    def end(ended):
        if away[0]:
            away[0] -= 1
            raise sql.OperationalError("away")
        real(ended)
        stop.set()

    monkeypatch.setattr(courier.outbox, "end", end)
    monkeypatch.setattr(courier, "AWAY", 0.01)
    worker.run(stop)
    assert only().state == "sent"
    assert len(two[0].given) == 1


def test_a_message_that_cannot_be_made_ready_keeps_no_other_one_back(guest, two, worker, monkeypatch):
    real = courier.dispatch.ready

    def ready(message, *more):
        return real(message, *more) if message.phone == PHONE else 1 / 0

    monkeypatch.setattr(courier.dispatch, "ready", ready)
    guest("+79005556677").ask()
    guest(PHONE).ask()
    worker.run_dry()
    states = dict(Message.objects.values_list("phone", "state"))
    assert states == {"+79005556677": "failed", PHONE: "sent"}


def test_a_round_that_breaks_is_not_the_last_one(guest, two, worker, monkeypatch):
    guest(PHONE).ask()
    stop, real, breaks = threading.Event(), outbox.claim, [True]

    def claim(most):
        if breaks.pop() if breaks else False:
            raise ZeroDivisionError
        if two[0].given:
            stop.set()
        return real(most)

    monkeypatch.setattr(courier.outbox, "claim", claim)
    monkeypatch.setattr(courier, "AWAY", 0.01)
    worker.run(stop)
    assert only().state == "sent"


def test_receipts_that_a_database_does_not_take_are_cleaned(guest, two, worker):
    two[0].receipt = Receipt(id="\ud800" + "7" * 99 + "\0", price=Decimal("1e-20000"), currency="R\0U" * 9)
    guest(PHONE).ask()
    worker.run_dry()
    attempt = Attempt.objects.get()
    assert (attempt.provider_id, attempt.price, attempt.currency) == ("7" * 64, Decimal(0), "RURURURU")
    assert only().state == "sent"


@pytest.mark.parametrize("price", [Decimal("NaN"), Decimal("Infinity"), Decimal("1e20")])
def test_a_price_that_is_none_is_left_out(guest, two, worker, price):
    two[0].receipt = Receipt(id="7", price=price)
    guest(PHONE).ask()
    worker.run_dry()
    assert Attempt.objects.get().price is None


def test_one_that_cannot_be_written_down_keeps_no_other_one_back(guest, two, worker, monkeypatch):
    real = outbox.end

    def end(ended):
        if any(one.message.phone == PHONE and one.tries for one in ended):
            raise ZeroDivisionError
        real(ended)

    monkeypatch.setattr(courier.outbox, "end", end)
    guest(PHONE).ask()
    guest("+79005556677").ask()
    worker.run_dry()
    assert set(Message.objects.values_list("state", flat=True)) == {"sent"}


def test_when_there_may_be_no_more_threads_it_is_let_go(guest, two, worker, monkeypatch):
    def submit(*_):
        raise RuntimeError("can't start new thread")

    guest(PHONE).ask()
    with clock.at(START), monkeypatch.context() as crowded:
        crowded.setattr(worker._threads, "submit", submit)
        Message.objects.update(due_at=START, expires_at=START + timedelta(seconds=300))
        Challenge.objects.update(expires_at=START + timedelta(seconds=300))
        worker.run_dry()
        assert (only().state, only().is_held, only().due_at) == ("accepted", False, START + rules.FIRST_RETRY)


def test_a_message_that_was_taken_up_too_often_is_given_up(guest, two, worker):
    guest(PHONE).ask()
    Message.objects.update(claims=rules.MOST_CLAIMS)
    worker.run_dry()
    assert (only().state, only().reason) == ("failed", "given up")
    assert two[0].given == []


def test_one_that_waits_for_its_retry_is_not_sent_beside_the_next_one(guest, two, worker):
    alice = guest(PHONE)
    for gateway in two:
        gateway.fails = Unavailable()
    with clock.at(START):
        alice.ask()
        worker.run_dry()
        for gateway in two:
            gateway.fails = None
            gateway.given.clear()
        alice.ask()
        worker.run_dry()
    with clock.at(START + timedelta(seconds=10)):
        worker.run_dry()
    assert sum(len(gateway.given) for gateway in two) == 1
    assert sorted(Message.objects.values_list("state", flat=True)) == ["failed", "sent"]


def test_a_process_of_the_wrong_kind_sends_nothing(guest, two, worker, settings):
    """A sandbox that lost its settings, or that still runs after golive: the messages are the live service's."""
    stamp.check()
    guest(PHONE).ask()
    settings.IS_SANDBOX = True
    running = threading.Thread(target=worker.run, args=[threading.Event()])
    running.start()
    running.join(10)
    assert not running.is_alive()
    assert (only().state, only().claims) == ("accepted", 0)


def test_what_an_ask_has_sent_is_written_down_later_when_the_database_is_away_just_then(guest, two, monkeypatch):
    real, away, mine = outbox.end, [True], Courier(2)

    def end(ended):
        if away.pop() if away else False:
            raise sql.OperationalError("away")
        real(ended)

    monkeypatch.setattr(courier, "_here", mine)
    monkeypatch.setattr(delivery.outbox, "end", end)
    answer = guest(PHONE).ask()
    assert (answer.status_code, answer.json()["delivery"]) == (200, "sent")
    mine.run_dry()
    assert (only().state, len(two[0].given)) == ("sent", 1)


def test_a_bell_that_cannot_ring_changes_no_answer(guest, two, worker, monkeypatch):
    def fails(*_):
        raise sql.OperationalError("away")

    monkeypatch.setattr(bell.connection, "vendor", "postgresql")
    monkeypatch.setattr(bell, "_last", -1.0)
    monkeypatch.setattr(bell.sql, "row", fails)
    delivery.queued()


def test_a_sandbox_with_a_worker_shows_the_code_at_once(guest, worker):
    answer = guest(PHONE).ask()
    assert (answer.status_code, answer.json()["delivery"]) == (201, "queued")
    worker.run_dry()
    assert only().state == "delivered"


def test_a_failed_send_is_an_answer_only_to_who_waits_for_it(guest, two, worker):
    for gateway in two:
        gateway.fails = NoSuchNumber()
    assert guest(PHONE).ask().status_code == 200
    worker.run_dry()
    alice = guest("+79005556677")
    challenge = alice.ask().json()["challenge"]
    worker.run_dry()
    answer = alice.post("/user/login/state/", {"challenge": challenge})
    assert answer.status_code == 200
    assert (answer.json()["delivery"], answer.json()["reason"]) == ("failed", "not_sent")
