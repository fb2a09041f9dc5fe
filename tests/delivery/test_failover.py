"""C44: real adapters over real sockets; the first provider hangs, breaks, or is away, and the second one sends."""

import time
from collections.abc import Iterator

import pytest

from guestlist.delivery import rules
from guestlist.delivery.gateways.smsru import SmsRu
from guestlist.delivery.gateways.vonage import Vonage
from guestlist.delivery.models import Attempt
from tests.delivery.gateways.fake import Fake, answering

PHONE = "+79001112233"
TAKEN = 200, {}, {"message-count": "1", "messages": [{"to": "79001112233", "message-id": "0A00", "status": "0"}]}
pytestmark = pytest.mark.django_db


@pytest.fixture
def providers(settings, monkeypatch, carried_by) -> Iterator[tuple[Fake, Fake]]:
    """sms.ru, then Vonage."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    settings.IS_SANDBOX, settings.LIMITS = False, "relaxed"
    settings.SMSRU_API_ID, settings.VONAGE_FROM = "0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0", "Guestlist"
    settings.VONAGE_API_KEY, settings.VONAGE_API_SECRET = "abcd1234", "Z9x8Y7w6V5u4T3s2"
    with answering({"/sms/send": (500, {}, b"")}) as first, answering({"/sms/json": TAKEN}) as second:
        monkeypatch.setattr(SmsRu, "url", first.url)
        monkeypatch.setattr(Vonage, "url", second.url)
        carried_by(SmsRu(), Vonage())
        yield first, second


def test_a_provider_that_hangs_is_left_and_the_second_sends_within_five_seconds(providers, guest):
    first, second = providers
    first.seconds = 30
    began = time.monotonic()
    answer = guest(PHONE).ask()
    took = time.monotonic() - began
    assert (answer.status_code, answer.json()["delivery"]) == (200, "sent")
    assert took >= rules.FOLLOWED  # it was waited for, and no longer
    assert len(second.received) == 1
    states = list(Attempt.objects.order_by("id").values_list("gateway", "state"))
    assert states == [("smsru", "maybe"), ("vonage", "sent")]
    begun = Attempt.objects.get(gateway="vonage").began_at - Attempt.objects.get(gateway="smsru").began_at
    assert begun.total_seconds() < 5


def test_after_ten_failures_it_is_not_asked_any_more(providers, guest):
    first, second = providers
    for number in range(13):
        assert guest(f"+7900111{number:04}").ask().status_code == 200
    assert (len(first.received), len(second.received)) == (10, 13)


def test_one_that_is_away_costs_nobody_a_wait(providers, guest, monkeypatch, carried_by):
    monkeypatch.setattr(SmsRu, "url", "http://127.0.0.1:9")
    carried_by(SmsRu(), Vonage())
    assert guest(PHONE).ask().status_code == 200
    assert Attempt.objects.get(gateway="smsru").reason.startswith("provider unavailable")


def test_when_both_hang_there_is_an_answer_within_twelve_seconds(providers, guest, monkeypatch):
    """Here with a fifth of each figure."""
    monkeypatch.setattr(rules, "DEADLINE", rules.DEADLINE / 5)
    monkeypatch.setattr(rules, "FOLLOWED", rules.FOLLOWED / 5)
    monkeypatch.setattr(rules, "LEAST", rules.LEAST / 5)
    for provider in providers:
        provider.seconds = 30
    began = time.monotonic()
    answer = guest(PHONE).ask()
    assert (answer.status_code, answer.json()["code"]) == (503, "delivery_failed")
    assert time.monotonic() - began < 12 / 5 + 1.5  # and a busy machine
