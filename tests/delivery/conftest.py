"""Gateways for tests: each does as it is told, and remembers what it was given."""

from collections.abc import Callable

import pytest

from guestlist.delivery.gateways import NotSent, Outgoing, Receipt


class Scripted:
    """Takes every message, until it is told what to raise."""

    def __init__(self, name: str, *channels: str) -> None:
        self.name, self.channels = name, channels or ("sms",)
        self.given: list[Outgoing] = []
        self.seconds: list[float] = []
        self.fails: NotSent | None = None
        self.receipt = Receipt()
        self.before: Callable[[], None] = lambda: None

    def send(self, message: Outgoing, seconds: float) -> Receipt:
        self.given.append(message)
        self.seconds.append(seconds)
        self.before()
        if self.fails:
            raise self.fails
        return self.receipt

    answer = "ok"

    def reports(self, call):
        raise ValueError


@pytest.fixture
def two(carried_by, settings) -> tuple[Scripted, Scripted]:
    """A live service with two gateways."""
    settings.IS_SANDBOX, settings.LIMITS = False, "relaxed"
    pair = Scripted("smsru"), Scripted("twilio", "sms", "voice")
    carried_by(*pair)
    return pair
