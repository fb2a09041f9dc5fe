"""One message through several gateways: order, skipping, resting, and what is written of it."""

from datetime import UTC, datetime, timedelta

import pytest

from guestlist.delivery import carrying, rests, rules
from guestlist.delivery.gateways import Late, NoMoney, NoSuchNumber, NotHere, Receipt, Refused, Unavailable
from guestlist.delivery.models import Attempt, Message, Rest
from guestlist.lib import clock
from guestlist.lib.models import AuditLine
from tests.guests import is_problem

PHONE = "+79001112233"
START = datetime(2026, 1, 31, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def tried() -> list[tuple[str, str, str]]:
    return list(Attempt.objects.order_by("id").values_list("gateway", "state", "reason"))


def test_the_first_gateway_that_takes_it_ends_it(guest, two):
    first, second = two
    answer = guest(PHONE).ask()
    assert (answer.status_code, answer.json()["delivery"]) == (200, "sent")
    assert (len(first.given), len(second.given)) == (1, 0)
    message = Message.objects.get()
    assert (message.state, message.gateway, message.region, message.due_at) == ("sent", "smsru", "RU", None)
    assert message.sent_at is not None
    assert tried() == [("smsru", "sent", "")]


@pytest.mark.parametrize("failure", [Unavailable("HTTP 500"), NoMoney(), Late(), NotHere(), Refused()])
def test_what_fails_goes_through_the_next_with_the_same_code(guest, two, failure):
    first, second = two
    first.fails = failure
    assert guest(PHONE).ask().status_code == 200
    assert first.given[0].code == second.given[0].code
    assert first.given[0].text == second.given[0].text
    assert tried() == [("smsru", "maybe" if failure.maybe_sent else "failed", str(failure)), ("twilio", "sent", "")]
    assert Message.objects.get().gateway == "twilio"


def test_a_number_that_there_is_not_ends_it_at_once(guest, two):
    first, second = two
    first.fails = NoSuchNumber("21211")
    assert is_problem(guest(PHONE).ask(), 503, "delivery_failed")
    assert second.given == []
    message = Message.objects.get()
    assert (message.state, message.reason) == ("failed", "no such number (21211)")


def test_when_all_fail_it_is_said_so_and_the_code_is_held_against_nobody(guest, two):
    for gateway in two:
        gateway.fails = Unavailable()
    assert is_problem(guest(PHONE).ask(), 503, "delivery_failed")
    assert [gateway for gateway, _, _ in tried()] == ["smsru", "twilio"]
    from guestlist.signin.models import Challenge

    assert Challenge.objects.get().region == ""


def test_times_are_shared_out_within_the_deadline(guest, two, monkeypatch):
    first, second = two
    first.fails = Late()
    now = [0.0]
    monkeypatch.setattr(carrying.time, "monotonic", lambda: now[0])
    first.before = lambda: now.__setitem__(0, now[0] + 4)
    guest(PHONE).ask()
    assert first.seconds == [rules.FOLLOWED]
    assert second.seconds == [rules.DEADLINE - 4]


def test_no_gateway_is_asked_behind_the_deadline(guest, two, monkeypatch):
    first, second = two
    first.fails = Late()
    now = [0.0]
    monkeypatch.setattr(carrying.time, "monotonic", lambda: now[0])
    first.before = lambda: now.__setitem__(0, 11.5)
    assert is_problem(guest(PHONE).ask(), 503, "delivery_failed")
    assert second.given == []


def test_a_code_that_was_used_meanwhile_goes_through_no_other_gateway(guest, two):
    from guestlist.signin.models import Challenge

    first, second = two
    first.fails = Late()
    first.before = lambda: Challenge.objects.update(used_at=clock.now())
    assert is_problem(guest(PHONE).ask(), 503, "delivery_failed")
    assert second.given == []


def test_what_failed_with_this_code_is_skipped_when_it_is_asked_for_again(guest, two):
    first, second = two
    alice = guest(PHONE)
    first.fails = Unavailable()
    assert alice.ask().status_code == 200
    first.fails = None
    assert alice.ask().status_code == 200
    assert (len(first.given), len(second.given)) == (1, 2)
    assert second.given[1].again == 1
    assert second.given[0].code == second.given[1].code
    assert guest("+79005556677").ask().status_code == 200
    assert len(first.given) == 2  # another code begins with it


def test_what_failed_is_tried_again_when_nothing_else_is_left(guest, two):
    alice = guest(PHONE)
    for gateway in two:
        gateway.fails = Unavailable()
    alice.ask()
    for gateway in two:
        gateway.fails = None
    assert alice.ask().status_code == 200


def test_routes_decide_which_are_asked(guest, two, settings):
    first, second = two
    settings.SMS_ROUTES = rules.routes(["RU:twilio"], ["smsru", "twilio"], {"RU"})
    guest(PHONE).ask()
    assert (len(first.given), len(second.given)) == (0, 1)


def test_ten_failures_in_a_row_let_a_gateway_rest_for_thirty_seconds(guest, two):
    first, second = two
    first.fails = Unavailable()
    with clock.at(START):
        for number in range(14):
            assert guest(f"+7900111{number:04}").ask().status_code == 200
        assert len(first.given) == rules.FAILURES
        assert len(second.given) == 14
        assert Rest.objects.get().rests_until == START + timedelta(seconds=30)
        line = AuditLine.objects.get(event="gateway.rests")
        assert "gateway=smsru" in line.facts
    first.fails = None
    with clock.at(START + timedelta(seconds=29)):
        guest("+79002220001").ask()
    assert len(first.given) == rules.FAILURES
    with clock.at(START + timedelta(seconds=31)):
        guest("+79002220002").ask()
        assert len(first.given) == rules.FAILURES + 1
        assert not Rest.objects.exists()  # it works again


def test_one_failure_more_and_it_rests_again(guest, two):
    first, _ = two
    first.fails = Unavailable()
    with clock.at(START):
        for number in range(10):
            guest(f"+7900111{number:04}").ask()
    with clock.at(later := START + timedelta(seconds=31)):
        guest("+79002220001").ask()
        guest("+79002220002").ask()
        assert len(first.given) == 11
        assert Rest.objects.get().rests_until == later + rules.RESTS


def test_while_one_asks_it_again_all_others_leave_it_alone(two):
    for _ in range(10):
        rests.failed("smsru", START)
    later = START + timedelta(seconds=31)
    assert rests.may_ask("smsru", later)
    assert not rests.may_ask("smsru", later)
    assert rests.awake(["smsru", "twilio"], later) == ["twilio"]
    assert rests.may_ask("smsru", later + rules.PROBES)  # who asked has died


def test_one_behind_that_rests_no_longer_is_asked_when_its_turn_comes_and_not_before(guest, two):
    first, second = two
    for _ in range(10):
        rests.failed("twilio", START)
    with clock.at(START + timedelta(seconds=31)):
        for number in range(3):
            assert guest(f"+7900111{number:04}").ask().status_code == 200
        assert Rest.objects.get().rests_until == START + rules.RESTS  # nobody has taken its turn
        first.fails = Unavailable()
        assert guest(PHONE).ask().status_code == 200
    assert len(second.given) == 1
    assert not Rest.objects.filter(gateway="twilio").exists()


def test_an_answer_that_is_not_its_fault_ends_its_rest(guest, two):
    first, _ = two
    for _ in range(10):
        rests.failed("smsru", START)
    first.fails = NoSuchNumber()
    with clock.at(START + timedelta(seconds=31)):
        guest(PHONE).ask()
    assert not Rest.objects.exists()


def test_a_failure_after_a_message_that_was_sent_takes_no_code_out_of_what_its_country_is_judged_by(guest, two):
    from guestlist.signin.models import Challenge

    first, second = two
    alice = guest(PHONE)
    assert alice.ask().status_code == 200
    first.fails = second.fails = NotHere()
    alice.ask()
    assert Challenge.objects.get().region == "RU"


def test_numbers_that_a_gateway_refuses_never_make_it_rest(guest, two):
    first, _ = two
    first.fails = NotHere()
    for number in range(12):
        guest(f"+7900111{number:04}").ask()
    assert len(first.given) == 12
    assert not Rest.objects.exists()


def test_a_success_between_begins_the_count_anew(guest, two):
    first, _ = two
    for number in range(9):
        first.fails = Unavailable()
        guest(f"+7900111{number:04}").ask()
    first.fails = None
    guest("+79002220001").ask()
    first.fails = Unavailable()
    for number in range(9):
        guest(f"+7900333{number:04}").ask()
    assert len(first.given) == 19


def test_when_all_rest_the_answer_says_when_to_come_again(guest, two):
    for gateway in two:
        gateway.fails = Unavailable()
    with clock.at(START):
        for number in range(10):
            guest(f"+7900111{number:04}").ask()
        answer = guest("+79002220001").ask()
        assert is_problem(answer, 503, "delivery_failed")
        assert int(answer.headers["Retry-After"]) == 30
    for gateway in two:
        gateway.fails = None
    with clock.at(START + timedelta(seconds=30)):
        assert guest("+79002220001").ask().status_code == 200


def test_a_fault_of_an_adapter_is_a_failure_of_that_gateway_and_tells_nothing(guest, two, caplog):
    first, second = two

    def breaks() -> None:
        raise ZeroDivisionError(f"the text was {first.given[0].text}")

    first.before = breaks
    assert guest(PHONE).ask().status_code == 200
    assert tried()[0] == ("smsru", "failed", "a fault of ours (ZeroDivisionError)")
    assert "ZeroDivisionError" in caplog.text
    assert second.given[0].code not in caplog.text


def test_a_receipt_is_kept(guest, two):
    from decimal import Decimal

    two[0].receipt = Receipt(id="SM1", price=Decimal("3.25"), currency="RUB")
    guest(PHONE).ask()
    attempt = Attempt.objects.get()
    assert (attempt.provider_id, attempt.price, attempt.currency) == ("SM1", Decimal("3.25"), "RUB")
