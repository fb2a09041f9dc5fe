"""What is queued is sent: by a worker, by whoever has a place again, and after a crash by anybody."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from guestlist.delivery import actions as delivery
from guestlist.delivery import courier, outbox, rules
from guestlist.delivery.gateways import NoSuchNumber, Unavailable
from guestlist.delivery.models import Attempt, Message
from guestlist.lib import clock, sql
from guestlist.signin.models import Challenge

PHONE = "+79001112233"
START = datetime(2026, 1, 31, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db(transaction=True)  # other threads look into the database


@pytest.fixture
def worker(settings) -> courier.Courier:
    settings.DELIVERY = "worker"
    return courier.Courier(10)


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
    def crash(_):
        raise KeyboardInterrupt

    with clock.at(START), monkeypatch.context() as dying:
        dying.setattr(delivery, "send", crash)
        with pytest.raises(KeyboardInterrupt):
            guest(PHONE).ask()
    assert (only().state, only().claims) == ("accepted", 1)
    other = courier.Courier(10)
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
        outbox.end([outbox.Ended(slow, "accepted", "", "", None, None, retry_at=START)])
    assert (only().state, only().gateway, only().due_at) == ("sent", "twilio", None)
    assert Challenge.objects.get().region == "RU"


def test_a_process_that_stood_still_sends_nothing_of_what_it_had_taken_up(guest, two, worker, monkeypatch):
    with clock.at(START):
        guest(PHONE).ask()
        stood_still = START + rules.LEASE
        real = courier.dispatch.ready

        def slow_ready(*args):
            monkeypatch.setattr(clock, "_source", lambda: stood_still)
            return real(*args)

        monkeypatch.setattr(courier.dispatch, "ready", slow_ready)
        worker._take_up()
        while worker._under_way:
            threading.Event().wait(0.01)
    assert two[0].given == []


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
    courier.Courier(2).run_dry()
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


def test_it_stops_when_it_is_told_and_gives_back_what_has_not_begun(guest, two, worker):
    """Two threads, four messages, each of which waits: two are sent, two are anybody's again at once."""
    go, begun = threading.Event(), threading.Semaphore(0)
    two[0].before = lambda: (begun.release(), go.wait(10))
    for number in range(4):
        guest(f"+7900111000{number}").ask()
    narrow = courier.Courier(4)
    narrow._threads._max_workers = 2  # as if the others' threads had not begun
    stop = threading.Event()
    running = threading.Thread(target=narrow.run, args=[stop])
    running.start()
    begun.acquire(timeout=10)
    begun.acquire(timeout=10)
    stop.set()
    threading.Timer(0.3, go.set).start()
    running.join(10)
    assert not running.is_alive()
    states = sorted(Message.objects.values_list("state", "claims"))
    assert states == [("accepted", 1), ("accepted", 1), ("sent", 1), ("sent", 1)]
    assert len(outbox.claim(10)) == 2


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
