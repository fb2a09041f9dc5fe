"""C69: a live service answers alike for numbers that are known, that are not, and whose person is blocked."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from guestlist.lib import clock
from guestlist.lib.audit import Operator
from guestlist.people import actions as people
from guestlist.people.models import Person
from guestlist.signin import guard, policies, sending
from tests.guests import Guest, is_problem, wrong

START = datetime.fromisoformat("2026-01-31T12:00:00+00:00")
CLASSES = {"unknown": "+79001112233", "known": "+79002112233", "blocked": "+79003112233"}
NEW_EACH_TIME = re.compile(r'"challenge": ?"[^"]*"|expires=[^;]*|="?[\w.-]{20,}"?')

Ask = Callable[..., Any]


@pytest.fixture
def sent(live, db, monkeypatch):
    """The live service, where the second number has signed in a day ago, and the third, who is blocked since."""
    monkeypatch.setattr(guard, "_limit", None)
    sending.in_force.cache_clear()
    for name in ("known", "blocked"):
        guest = client(name, "198.51.100.1")
        with clock.at(START - timedelta(days=2)):
            guest.ask()
            assert guest.confirm(live.code_for(guest.phone)).status_code == 200
    people.block(Person.objects.get(phone=CLASSES["blocked"]), Operator("olga", "203.0.113.9"))
    yield live
    sending.in_force.cache_clear()


def client(name: str, ip: str) -> Guest:
    guest = Guest(CLASSES[name])
    guest.client.defaults["REMOTE_ADDR"] = ip
    return guest


def face(answer: Any) -> tuple[Any, ...]:
    """An answer byte by byte, without the request's id, tokens, and its own number."""
    headers = sorted((name, value) for name, value in answer.headers.items() if name != "X-Request-ID")
    cookies = sorted(NEW_EACH_TIME.sub("", morsel.OutputString()) for morsel in answer.cookies.values())
    body = NEW_EACH_TIME.sub("", answer.content.decode())
    return answer.status_code, headers, cookies, re.sub(r"\+7900[123]112233", "", body)


def everything(name: str, sent: Any) -> list[Any]:
    """All that can be had without the right code: asked, too early, wrong, spent, again, elsewhere, on the page."""
    ip = f"203.0.{list(CLASSES).index(name)}.7"  # what is left to an address stands in a header
    guest, other, answers = client(name, ip), client(name, ip), []
    with clock.at(START):
        answers += [guest.ask(), guest.ask(), other.ask(), other.ask(device="x" * 22), other.confirm("0000")]
        first = sent.code_for(guest.phone)
        answers += [guest.confirm(wrong(first)) for _ in range(3)]
        answers += [guest.confirm(first), other.confirm(first, challenge="y" * 22), guest.confirm("")]
    with clock.at(START + timedelta(seconds=60)):
        answers += [guest.ask(), guest.confirm(wrong(sent.code_for(guest.phone))), guest.ask()]
    with clock.at(START + timedelta(seconds=400)):
        answers += [guest.confirm(sent.code_for(guest.phone))]
        answers += [guest.ask(), guest.confirm(wrong(sent.code_for(guest.phone)))]
        page = {"phone": guest.phone, "code": "000000"}
        for path in ("/sign-in/", "/code/"):
            answers.append(guest.client.post(path, page, headers={"Accept": "text/html"}))
    return answers


def test_whatever_is_asked_or_guessed_known_unknown_and_blocked_numbers_are_answered_alike(sent):
    answers = {name: everything(name, sent) for name in CLASSES}
    statuses = [answer.status_code for answer in answers["known"]]
    assert statuses[:8] == [200, 429, 429, 429, 400, 400, 400, 400]
    assert {200, 400, 429} <= set(statuses)
    for known, unknown, blocked in zip(answers["known"], answers["unknown"], answers["blocked"], strict=True):
        assert face(known) == face(unknown) == face(blocked)


def test_only_the_right_code_shows_who_is_new_and_who_is_blocked(sent):
    told = {}
    for name in CLASSES:
        guest = client(name, "203.0.113.7")
        with clock.at(START):
            guest.ask()
            told[name] = guest.confirm(sent.code_for(guest.phone))
    assert told["unknown"].json()["new_user"] is True
    assert told["known"].json()["new_user"] is False
    assert is_problem(told["blocked"], 403, "person_blocked")


def test_when_a_range_of_numbers_is_used_up_a_known_number_in_it_is_answered_like_an_unknown_one(sent):
    for number in range(20):
        stranger = Guest(f"+7900211{number:04}")
        stranger.client.defaults["REMOTE_ADDR"] = f"198.51.{number}.1"
        with clock.at(START):
            assert stranger.ask().status_code == 200
    before, faces = len(sent.sent), []
    for index, number in enumerate((CLASSES["known"], "+79002119999")):
        guest = Guest(number)
        guest.client.defaults["REMOTE_ADDR"] = f"203.0.{index}.7"
        with clock.at(START):
            asked = guest.ask()
            guesses = [guest.confirm(typed) for typed in ("x", "y", "z", "u")]
        with clock.at(START + timedelta(seconds=61)):
            answers = [asked, *guesses, guest.ask()]
        faces.append([(*face(answer)[:3], face(answer)[3].replace(number, "")) for answer in answers])
    assert faces[0] == faces[1]
    assert len(sent.sent) - before == 2  # the known number's, twice: nothing is sent to the other


def test_an_ask_for_a_known_number_counts_as_much_as_any_other():
    """C70: what is left out can be measured."""
    used = {}
    for is_known in (True, False):
        asking = sending.asking(CLASSES["known"], "", "203.0.113.7", is_known)
        used[is_known] = policies.spends(asking, policies.POLICIES, 100)
    assert [spend.policy.name for spend in used[True]] == [spend.policy.name for spend in used[False]]
    prefix = next(spend for spend in used[True] if spend.policy.name == "CODES_PER_PREFIX")
    assert (prefix.subject, prefix.policy.windows[0].most) == (CLASSES["known"], policies.NEVER)
