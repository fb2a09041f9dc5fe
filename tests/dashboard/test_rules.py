"""What the overview makes of figures, and when it calls something wrong."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from guestlist.dashboard import rules
from guestlist.dashboard.rules import Asked, Asking, Codes
from guestlist.delivery.figures import Queue, Resting

NOW = datetime.fromisoformat("2026-01-31T12:00:00+00:00")
IDLE = Queue(0, 0.0)


def asking(gateway: str, reason: str = "", took: float = 1.0, arrived_after: float | None = None) -> Asking:
    arrived_at = None if arrived_after is None else NOW + timedelta(seconds=arrived_after)
    state = "failed" if reason else "sent"
    return Asking(gateway, "RU", state, reason, NOW, NOW + timedelta(seconds=took), arrived_at)


def names(*sample: Asking, resting=(), waiting=IDLE, messages=0, failed=0) -> list[str]:
    return [trouble.name for trouble in rules.troubles(resting, waiting, messages, failed, sample)]


def test_a_line_adds_up_outcomes_and_keeps_currencies_apart():
    asked = [
        Asked("smsru", "RU", "sent", "RUB", 8, Decimal("16.40"), 6),
        Asked("smsru", "KZ", "sent", "USD", 1, Decimal("0.07"), 1),
        Asked("smsru", "RU", "maybe", "", 2, None, 0),
        Asked("smsru", "RU", "failed", "", 3, None, 0),
        Asked("twilio", "RU", "sent", "USD", 20, None, 0),
    ]
    codes = [Codes("smsru", "RU", 6, 3), Codes("smsru", "KZ", 2, 1), Codes("twilio", "RU", 20, 20)]
    sample = [asking("smsru", took=took, arrived_after=9) for took in (1, 2, 60)]
    twilio, smsru, idle = rules.lines(rules.by_gateway, asked, codes, sample, ["smsru", "http"])
    assert (smsru.name, smsru.asked, smsru.sent, smsru.maybe, smsru.failed, smsru.delivered) == (
        "smsru",
        14,
        9,
        2,
        3,
        7,
    )
    assert (smsru.confirmed, smsru.answers_in, smsru.arrives_in) == (0.5, 2, 9)
    assert smsru.costs == [(Decimal("16.40"), "RUB"), (Decimal("0.07"), "USD")]
    assert (twilio.confirmed, twilio.answers_in, twilio.costs) == (1.0, None, [])
    assert (idle.name, idle.asked, idle.confirmed) == ("http", 0, None)
    assert [(line.name, line.asked) for line in rules.lines(rules.by_region, asked, codes, sample)] == [
        ("RU", 33),
        ("KZ", 1),
    ]


@pytest.mark.parametrize("reason", ["no money", "no money (201)", "wrong key (HTTP 401)"])
def test_what_only_somebody_can_end_is_told_until_the_gateway_works_again(reason):
    expected = reason.partition(" (")[0]
    assert names(asking("twilio"), asking("smsru", reason), asking("smsru")) == [expected]
    assert names(asking("smsru"), asking("smsru", reason)) == []
    assert names(asking("smsru", "provider unavailable (HTTP 502)")) == []


def test_a_queue_is_wrong_from_half_a_minute_on():
    assert names(waiting=Queue(500, 30.0)) == []
    assert names(waiting=Queue(1, 30.1)) == ["waiting"]


@pytest.mark.parametrize(
    ("messages", "failed", "told"),
    [(0, 0, []), (4, 4, []), (5, 1, []), (5, 2, ["failures"]), (100, 20, []), (100, 21, ["failures"])],
)
def test_more_than_a_fifth_of_the_messages_failing_is_wrong(messages, failed, told):
    assert names(messages=messages, failed=failed) == told


def test_all_that_is_wrong_is_told_what_needs_somebody_first():
    resting = [Resting("smsru", 10, NOW)]
    found = names(asking("smsru", "no money"), resting=resting, waiting=Queue(3, 99), messages=10, failed=9)
    assert found == ["no money", "rests", "waiting", "failures"]
