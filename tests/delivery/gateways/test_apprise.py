"""Apprise: what it is handed, and what becomes of its yes and no. A stand-in plays it: the extra is not needed here."""

import logging
import sys
import time
from types import ModuleType

import pytest
from django.core.exceptions import ImproperlyConfigured

from guestlist.delivery.gateways import Late, NotSent, Outgoing, Receipt, Unavailable
from guestlist.delivery.gateways.apprise import Apprise

PHONE, CODE, KEY = "+79001112233", "7209", "kEy0fApprise"
TEXT = f"Ваш код {CODE}\n\n@example.org #{CODE}"


class StandIn(ModuleType):
    """Apprise as far as it is used: `Apprise()`, `add(address)` and `notify(body=…)`, which answer yes or no."""

    def __init__(self) -> None:
        super().__init__("apprise")
        self.sent: list[tuple[str, str]] = []
        self.knows, self.says, self.seconds = True, True, 0.0
        self.Apprise = lambda: Service(self)


class Service:
    def __init__(self, apprise: StandIn) -> None:
        self.apprise, self.address = apprise, ""

    def add(self, address: str) -> bool:
        self.address = address
        return self.apprise.knows

    def notify(self, body: str) -> object:
        logging.getLogger("apprise").warning("Failed to send to %s", self.address)
        time.sleep(self.apprise.seconds)
        if isinstance(self.apprise.says, Exception):
            raise self.apprise.says
        self.apprise.sent.append((self.address, body))
        return self.apprise.says


@pytest.fixture
def apprise(settings, monkeypatch) -> StandIn:
    settings.APPRISE_URL = f"twilio://SID:{KEY}@15550006789/{{phone}}"
    stand_in = StandIn()
    monkeypatch.setitem(sys.modules, "apprise", stand_in)
    monkeypatch.setattr(logging.getLogger("apprise"), "disabled", False)
    return stand_in


def send(seconds: float = 5) -> Receipt:
    return Apprise().send(Outgoing(PHONE, TEXT, CODE), seconds)


def test_the_number_stands_in_the_address_and_the_text_is_handed_over(apprise):
    assert send() == Receipt()
    assert apprise.sent == [(f"twilio://SID:{KEY}@15550006789/79001112233", TEXT)]


@pytest.mark.parametrize("says", [False, None, RuntimeError(f"{PHONE} {TEXT} {KEY}")])
def test_a_no_and_a_failure_inside_are_not_sent_and_tell_nothing(apprise, says):
    apprise.says = says
    with pytest.raises(Unavailable) as refused:
        send()
    told = f"{refused.value} {refused.value!r} {refused.value.__cause__} {refused.value.reason}"
    assert not [secret for secret in (CODE, KEY, PHONE[1:], "код") if secret in told]


def test_it_is_left_when_the_time_is_over(apprise):
    apprise.seconds = 2
    began = time.monotonic()
    with pytest.raises(Late) as late:
        send(seconds=0.3)
    assert time.monotonic() - began < 1.5
    assert late.value.maybe_sent


def test_an_address_that_it_takes_for_no_number_is_not_sent(apprise):
    gateway = Apprise()
    apprise.knows = False
    with pytest.raises(NotSent):
        gateway.send(Outgoing(PHONE, TEXT), 5)
    assert apprise.sent == []


def test_what_it_would_log_holds_numbers_and_is_not_logged(apprise, caplog):
    logging.getLogger("apprise").warning("heard")
    send()
    assert [record.message for record in caplog.records if record.name == "apprise"] == ["heard"]


def test_without_the_extra_it_says_how_to_get_it(apprise, monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)  # an import of it fails
    with pytest.raises(ImproperlyConfigured, match="pip install apprise") as refused:
        Apprise()
    assert KEY not in str(refused.value)


@pytest.mark.parametrize("address", ["", f"twilio://SID:{KEY}@15550006789/79000000000"])
def test_without_a_place_for_the_number_it_does_not_start(apprise, settings, address):
    settings.APPRISE_URL = address
    with pytest.raises(ImproperlyConfigured, match="APPRISE_URL") as refused:
        Apprise()
    assert KEY not in str(refused.value)


def test_an_address_that_apprise_does_not_know_stops_the_start(apprise):
    apprise.knows = False
    with pytest.raises(ImproperlyConfigured, match="APPRISE_URL") as refused:
        Apprise()
    assert KEY not in str(refused.value)
