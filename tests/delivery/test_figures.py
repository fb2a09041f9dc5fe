"""What /metrics says of delivery: what waits, and which gateways rest."""

from datetime import datetime, timedelta

import pytest

from guestlist.delivery import figures
from guestlist.delivery.models import Message, Rest
from guestlist.lib import clock, metrics

NOW = datetime.fromisoformat("2026-01-31T12:00:00+00:00")
SECOND = timedelta(seconds=1)


def waiting(due_at: datetime | None, state: str = "accepted") -> None:
    facts = {"kind": "code", "reference": "-", "phone": "+79001112233", "language": "en"}
    Message.objects.create(**facts, state=state, created_at=NOW, expires_at=NOW, due_at=due_at)


@pytest.mark.django_db
def test_an_empty_queue_is_0():
    assert figures.queue(NOW) == (0, 0.0)


@pytest.mark.django_db
def test_what_is_due_waits_and_what_somebody_has_taken_up_or_ended_does_not():
    for due_at in (NOW - 90 * SECOND, NOW - 2 * SECOND, NOW + 30 * SECOND, None):
        waiting(due_at)
    assert figures.queue(NOW) == (2, 90.0)


@pytest.mark.django_db
def test_only_a_rest_that_is_not_over_counts():
    for name, until in (("smsru", NOW + SECOND), ("twilio", NOW), ("vonage", None)):
        Rest.objects.create(gateway=name, failures=10, rests_until=until)
    assert figures.resting(NOW) == [("smsru", 10, NOW + SECOND)]


@pytest.mark.django_db
def test_they_are_among_the_metrics():
    waiting(NOW - 90 * SECOND)
    Rest.objects.create(gateway="smsru", failures=10, rests_until=NOW + SECOND)
    with clock.at(NOW):
        text = metrics.exposition().decode()
    for line in (
        "guestlist_messages_waiting 1.0",
        "guestlist_messages_waiting_seconds 90.0",
        "guestlist_gateways_resting 1.0",
    ):
        assert f"\n{line}\n" in text
