"""C72: every limit refuses in the same words, says how long to wait, and that is enough, each time.

Six times each here; that of asking too early, twenty times of twenty, is in test_sending.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from guestlist.invites import actions as invites
from guestlist.invites import policies as invite_policies
from guestlist.lib import clock
from guestlist.lib.refusals import WORDS
from guestlist.people import holders
from guestlist.people import policies as people_policies
from guestlist.signin import actions, policies, sending
from tests.guests import Guest, is_problem

START = datetime.fromisoformat("2026-01-31T12:00:00+00:00")
PHONE, AUDIENCE = "+79001112233", "https://reports.example.org"
POLICIES = {**policies.POLICIES, **invite_policies.POLICIES, **people_policies.POLICIES}
NEVER_REFUSES = {"PAUSE_WAIVED"}
# RFC 9651: a list of one string with integers beside it
FIELD = re.compile(r'"[ -!#-\[\]-~]*"(?:;[a-z*][a-z0-9_.*-]*=-?[0-9]{1,15})+')

# What uses one limit for the n-th time: a number, and the address that asks for it.
ASKS: dict[str, Callable[[int], tuple[str, str]]] = {
    "CODES_PAUSE": lambda n: (PHONE, address(n)),
    "CODES_PER_PHONE": lambda n: (PHONE, address(n)),
    "CODES_PER_PHONE_IN_ALL": lambda n: (PHONE, address(n)),
    "CODES_PER_PHONE_AND_ADDRESS": lambda n: (PHONE, "203.0.113.7"),
    "CODES_PER_ADDRESS": lambda n: (phone(n), "203.0.113.7"),
    "PHONES_PER_ADDRESS": lambda n: (phone(n), "203.0.113.7"),
    "CODES_PER_NETWORK": lambda n: (phone(n), f"203.0.113.{n}"),
    "CODES_PER_SITE": lambda n: (phone(n), f"2001:db8:1:{n:x}::1"),
    "CODES_PER_PREFIX": lambda n: (f"+7900111{n:04}", address(n)),
    "CODES_WHILE_SLOWED": lambda n: (phone(n), address(n)),
    "CODES_IN_ALL": lambda n: (phone(n), address(n)),
}


# What somebody who is signed in does; of all others, they try an unknown invite code.
ACTS: dict[str, Callable[[Guest], Any]] = {
    "TOKENS_PER_PERSON": lambda person: person.post("/user/token/", {"audience": AUDIENCE}),
    "EXPORTS_PER_PERSON": lambda person: person.get("/user/export/"),
}


def phone(number: int) -> str:
    return f"+7900{number:03}0000"


def address(number: int) -> str:
    return f"198.51.{number}.1"


@pytest.fixture
def act(guest, settings, monkeypatch, name) -> Callable[[int], Any]:
    """Uses this limit once more; it allows one use, and all others are far away."""
    settings.LIMITS, settings.JWT_AUDIENCES, settings.DRY_RUN = "on", [AUDIENCE], ["CONVERSION"]
    settings.SMS_DAILY_BUDGET = 1 if name == "CODES_IN_ALL" else 10**6
    settings.LIMIT_OVERRIDES = {f"LIMIT_{other}": "100000/s" for other in POLICIES.keys() - {"CODES_IN_ALL"}}
    for memory in (sending.in_force, invites._in_force, holders._in_force):
        memory.cache_clear()
    if name == "CODES_WHILE_SLOWED":
        monkeypatch.setattr(actions.pumping, "check", lambda *_: "RU")
        settings.DRY_RUN = []
    person = None
    if name not in ASKS:
        with clock.at(START):
            person = guest(PHONE).sign_in()
    if name != "CODES_IN_ALL":
        settings.LIMIT_OVERRIDES[f"LIMIT_{name}"] = f"1/{POLICIES[name].longest.total_seconds() // 60:.0f}m"
    for memory in (sending.in_force, invites._in_force, holders._in_force):
        memory.cache_clear()

    def act_once(number: int) -> Any:
        if person is None:
            wanted, ip = ASKS[name](number)
            stranger = guest(wanted)
            stranger.client.defaults["REMOTE_ADDR"] = ip
            return stranger.ask()
        return ACTS.get(name, lambda person: person.activate("ZZZZZZ"))(person)

    yield act_once
    for memory in (sending.in_force, invites._in_force, holders._in_force):
        memory.cache_clear()


def test_no_limit_is_left_out():
    assert {
        *ASKS,
        "TOKENS_PER_PERSON",
        *invite_policies.POLICIES,
        *people_policies.POLICIES,
    } == POLICIES.keys() - NEVER_REFUSES


@pytest.mark.parametrize("name", sorted(POLICIES.keys() - NEVER_REFUSES))
def test_waiting_as_long_as_any_limit_says_is_enough(act, name):
    at, good = START, (404,) if name.startswith("INVITE_") else (200, 201)
    for number in range(6):
        with clock.at(at):
            assert act(2 * number).status_code in good
        at += timedelta(seconds=7 * number % 60)
        with clock.at(at):
            answer = act(2 * number + 1)
        assert is_problem(answer, 429, "too_many_requests")
        assert re.fullmatch(r"[1-9][0-9]*", answer.headers["Retry-After"])
        wait = int(answer.headers["Retry-After"])
        assert wait % (10 if wait <= 900 else 60 if wait <= 3600 else 900) == 0
        assert answer.json() == {
            "type": "urn:guestlist:problem:too_many_requests",
            "title": "Too Many Requests",
            "status": 429,
            "detail": WORDS["too_many_requests"],
            "code": "too_many_requests",
            "retry_after": wait,
        }
        for field in ("RateLimit", "RateLimit-Policy"):
            assert FIELD.fullmatch(answer.headers.get(field, '"codes";r=0'))
        at += timedelta(seconds=wait)
