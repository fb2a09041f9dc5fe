"""A spent range of numbers, live: who is known in it still gets codes, and nobody can tell who that is."""

from datetime import UTC, datetime, timedelta

import pytest

from guestlist.delivery import dispatch
from guestlist.delivery.gateways import NoMoney
from guestlist.delivery.models import Attempt, Message
from guestlist.lib import audit, clock
from guestlist.lib.models import AuditLine
from guestlist.signin import policies, sending
from guestlist.signin.models import Challenge
from tests.guests import is_problem, wrong

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
ALICE, STRANGER = "+79001110099", "+79001110098"
NEW_EACH_TIME = ("challenge", "phone")


@pytest.fixture(autouse=True)
def _only_the_range_is_limited(settings, monkeypatch):
    monkeypatch.setattr(audit, "_floods", {})
    names = policies.POLICIES.keys() - {"CODES_PER_PREFIX", "CODES_IN_ALL"}
    settings.LIMIT_OVERRIDES = {f"LIMIT_{name}": "100000/s" for name in names}
    sending.in_force.cache_clear()
    with clock.at(START):
        yield
    sending.in_force.cache_clear()


@pytest.fixture
def quick(monkeypatch) -> None:
    """Where nothing was sent before, a message that is withheld takes no time either."""
    monkeypatch.setattr(dispatch, "SHORTEST", 0.0)


@pytest.fixture
def alice(guest, live):
    known = guest(ALICE)
    known.ask()
    assert known.confirm(live.code_for(ALICE)).status_code == 200
    return known


@pytest.fixture
def spent(guest, alice, quick) -> None:
    """Twenty codes to strangers of Alice's range in this hour, one of which was hers before anybody knew her."""
    for number in range(19):
        assert guest(f"+7900111{number:04}").ask().status_code == 200


def face(answer) -> tuple:
    body = {name: value for name, value in answer.json().items() if name not in NEW_EACH_TIME}
    headers = {name: value for name, value in answer.headers.items() if name != "X-Request-ID"}
    return answer.status_code, sorted(body.items()), sorted(headers), sorted(answer.cookies)


@pytest.mark.usefixtures("spent")
def test_known_and_unknown_numbers_of_a_spent_range_are_answered_alike_and_only_the_known_one_gets_its_code(
    guest, live
):
    sent = len(live.sent)
    unknown = guest(STRANGER).ask()
    assert len(live.sent) == sent
    known = guest(ALICE).ask()
    assert len(live.sent) == sent + 1
    assert known.status_code == 200
    assert face(known) == face(unknown)
    assert guest(ALICE).confirm(live.code_for(ALICE), challenge=known.json()["challenge"]).status_code == 200


@pytest.mark.usefixtures("spent")
def test_a_wrong_guess_at_a_code_that_was_never_sent_is_a_wrong_guess(guest):
    stranger = guest(STRANGER)
    stranger.ask()
    assert is_problem(stranger.confirm(wrong("0000")), 400, "wrong_code")


@pytest.mark.usefixtures("spent")
def test_operators_see_what_was_withheld(guest):
    guest(STRANGER).ask()
    message = Message.objects.latest("id")
    assert (message.phone, message.state, message.reason) == (STRANGER, "withheld", "CODES_PER_PREFIX")
    line = AuditLine.objects.filter(event="limit.refused").latest("id")
    assert "reason=CODES_PER_PREFIX" in line.facts
    assert "withheld=yes" in line.facts


@pytest.mark.usefixtures("spent")
def test_a_code_that_was_never_sent_is_not_held_against_its_country(guest):
    guest(STRANGER).ask()
    assert Challenge.objects.get(phone=STRANGER).region == ""
    assert Challenge.objects.filter(phone="+79001110000", region="RU").exists()


@pytest.mark.usefixtures("spent")
def test_in_a_dry_run_it_is_sent(guest, live, settings):
    settings.DRY_RUN = ["CODES_PER_PREFIX"]
    guest(STRANGER).ask()
    assert live.sent[-1].phone == STRANGER


def test_in_the_sandbox_it_is_refused(guest, settings):
    settings.LIMITS = "on"
    for number in range(20):
        guest(f"+7900111{number:04}").ask()
    assert is_problem(guest(STRANGER).ask(), 429, "too_many_requests")


@pytest.mark.usefixtures("spent")
def test_when_the_gateway_fails_it_fails_for_unknown_numbers_too(guest, monkeypatch, live):
    def fails(*_):
        raise NoMoney()

    monkeypatch.setattr(live, "send", fails)
    Message.objects.update(state="failed", sent_at=None, ended_at=START)  # so went the last ones
    known, unknown = guest(ALICE).ask(), guest(STRANGER).ask()
    assert is_problem(unknown, 503, "delivery_failed")
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())
    assert Message.objects.get(phone=STRANGER).state == "withheld"


@pytest.mark.usefixtures("spent")
def test_what_is_not_sent_costs_nothing_of_the_days_budget(guest):
    before = sending.budget_used(START)
    guest(STRANGER).ask()
    assert sending.budget_used(START) == before
    guest(ALICE).ask()
    assert sending.budget_used(START) == before + 1


@pytest.mark.usefixtures("spent")
def test_it_takes_as_long_as_a_message_that_was_sent(guest, monkeypatch):
    slept = []
    monkeypatch.setattr(dispatch.time, "sleep", slept.append)
    Attempt.objects.update(began_at=START, ended_at=START + timedelta(seconds=3))
    guest(STRANGER).ask()
    assert slept == [3.0]
