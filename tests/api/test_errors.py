"""Refusals and faults: one form (RFC 9457), one name each, the caller's language, and nothing of our inside."""

import ast
import json
import logging
import re

import pytest
from django.db import InterfaceError, OperationalError
from django.db.backends.utils import CursorWrapper
from django.utils import translation

from guestlist.api import errors, sessions
from guestlist.api.urls import api
from guestlist.lib.refusals import WORDS, Refusal
from tests import servers
from tests.guests import Guest, is_problem

PHONE = "+79001112233"
SESSIONS = "/user/sessions/"
DOCUMENT = api.get_openapi_schema()
OPERATIONS = [(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods]
SIGNED = [found for found in OPERATIONS if "security" in DOCUMENT["paths"][found[1]][found[0]]]

CONTRACT = {
    "invalid_phone": 400,
    "invalid_request": 400,
    "phone_not_allowed": 403,
    "cross_site": 403,
    "csrf_failed": 403,
    "too_many_requests": 429,
    "delivery_failed": 503,
    "wrong_code": 400,
    "code_expired": 400,
    "person_blocked": 403,
    "not_signed_in": 401,
    "confirm_again": 409,
    "phone_taken": 409,
    "invalid_email": 400,
    "invalid_username": 400,
    "malformed_invite": 400,
    "own_invite": 400,
    "invite_loop": 400,
    "unknown_invite": 404,
    "already_activated": 409,
    "not_found": 404,
    "method_not_allowed": 405,
    "too_large": 413,
    "length_required": 411,
    "unsupported_media_type": 415,
    "unavailable": 503,
    "internal_error": 500,
}


def call(guest: Guest, method: str, path: str, **headers: str):
    if guest.token:
        headers.setdefault("Authorization", f"Bearer {guest.token}")
    properties = {"phone": PHONE, "code": "7209", "username": "Анна", "challenge": "none of ours"}
    body = "" if method == "get" else json.dumps(properties)
    path = path.replace("{session_id}", "A" * 22)
    return guest.client.generic(method.upper(), path, body, content_type="application/json", headers=headers)


@pytest.fixture
def refuse(monkeypatch):
    """Makes the list of sessions refuse, or fail, as told."""

    def instead(error: Exception) -> None:
        def fail(*_: object) -> None:
            raise error

        monkeypatch.setattr(sessions.sessions, "sessions_of", fail)

    return instead


# ---- refusals


def test_each_refusal_has_words_and_a_status():
    assert set(errors.STATUS) == set(WORDS)
    assert all(words[0].isupper() and words.endswith((".", "?")) for words in WORDS.values())


def test_statuses_are_those_of_the_contract():
    assert {code: status for code, status in errors.STATUS.items() if code in CONTRACT} == {
        code: status for code, status in CONTRACT.items() if code in errors.STATUS
    }


def test_every_name_that_is_raised_anywhere_has_words():
    """Refusal("…") with a literal, in every file; and none has words that is never raised."""
    raised: set[str] = set()
    for file in (servers.ROOT / "guestlist").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and file.name != "errors.py":
                raised |= {node.value} & set(WORDS) if file.name != "refusals.py" else set()
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refusal" and node.args:
                raised |= {found.value for found in ast.walk(node.args[0]) if isinstance(found, ast.Constant)}
    assert raised == set(WORDS)


@pytest.mark.parametrize("code", WORDS)
def test_a_refusal_becomes_a_problem(alice, refuse, code):
    refuse(Refusal(code, attempts_left=2, retry_after=7))
    alice.client.raise_request_exception = False
    answer = alice.get(SESSIONS)
    assert is_problem(answer, errors.STATUS[code], code)
    body = answer.json()
    body.pop("request_id", None)
    assert set(body) == {"type", "title", "status", "detail", "code", "attempts_left", "retry_after"}
    assert body["type"] == f"urn:guestlist:problem:{code}"
    assert body["detail"] == WORDS[code]
    assert (body["attempts_left"], answer.headers["Retry-After"]) == (2, "7")


def test_only_what_knows_how_long_to_wait_says_so(alice, refuse):
    refuse(Refusal("delivery_failed"))
    assert "Retry-After" not in alice.get(SESSIONS).headers


@pytest.mark.parametrize(("method", "path"), SIGNED)
def test_whoever_is_not_signed_in_is_told_how(guest, method, path):
    answer = call(guest(PHONE), method, path)
    assert is_problem(answer, 401, "not_signed_in")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_only_401_asks_for_a_bearer(alice):
    for answer in (alice.get("/nothing/"), alice.activate("?"), alice.get(SESSIONS)):
        assert "WWW-Authenticate" not in answer.headers


def test_findings_name_the_field_and_nothing_that_was_typed(guest):
    answer = guest(PHONE).post("/user/login/", {"phone": ["my-little-secret"], "device": 5})
    assert is_problem(answer, 400, "invalid_request")
    findings = answer.json()["errors"]
    assert sorted(finding["field"] for finding in findings) == ["device", "phone"]
    assert all(set(finding) == {"field", "detail"} and finding["detail"] for finding in findings)
    assert "my-little-secret" not in answer.content.decode()


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/problem+json", "", "image/png"])
def test_a_problem_is_a_problem_whatever_is_accepted(guest, accept):
    assert is_problem(guest(PHONE, Accept=accept).get("/user/user-profile/"), 401, "not_signed_in")


def test_a_refusal_stays_a_refusal_while_debugging(guest, alice, settings):
    """DEBUG is for pages with tracebacks of faults; a wrong number is no fault."""
    settings.DEBUG = True
    assert is_problem(guest("x").ask(), 400, "invalid_phone")
    assert is_problem(guest(PHONE).get("/user/user-profile/"), 401, "not_signed_in")
    assert is_problem(alice.activate("?"), 400, "malformed_invite")
    assert is_problem(alice.post("/user/login/", "{"), 400, "invalid_request")


# ---- languages


def is_russian(text: str) -> bool:
    return re.search("[а-яё]", text, re.IGNORECASE) is not None


@pytest.fixture
def russian() -> None:
    with translation.override("ru"):
        servers.need(is_russian(translation.gettext(WORDS["not_signed_in"])), "guestlist/locale/ru is not compiled")


@pytest.mark.parametrize("code", WORDS)
def test_the_sentence_is_in_the_callers_language_and_the_name_is_not(russian, guest, refuse, code):
    alice = guest(PHONE, **{"Accept-Language": "ru-RU,ru;q=0.9,en;q=0.8"}).sign_in()
    refuse(Refusal(code))
    alice.client.raise_request_exception = False
    answer = alice.get(SESSIONS)
    assert is_problem(answer, errors.STATUS[code], code)
    assert is_russian(answer.json()["detail"])
    assert not is_russian(answer.json()["code"] + answer.json()["type"])
    assert answer.headers["Content-Language"] == "ru"


@pytest.mark.parametrize("languages", ["", "en", "de", "zz;q=x", "*", "de,en;q=0.5", "\N{SNOWMAN}", "a" * 5000])
def test_whoever_speaks_neither_gets_english(guest, languages):
    answer = guest(PHONE, **{"Accept-Language": languages}).get("/user/user-profile/")
    assert answer.json()["detail"] == WORDS["not_signed_in"]
    assert answer.headers["Content-Language"] == "en"
    assert "Accept-Language" in answer.headers["Vary"]


def test_one_callers_language_is_not_the_next_ones(russian, guest):
    assert is_russian(guest(PHONE, **{"Accept-Language": "ru"}).get(SESSIONS).json()["detail"])
    assert guest(PHONE).get(SESSIONS).json()["detail"] == WORDS["not_signed_in"]


# ---- faults


@pytest.mark.parametrize(
    "fault",
    [
        ZeroDivisionError("my-little-secret"),
        KeyError("my-little-secret"),
        RecursionError("my-little-secret"),
        UnicodeEncodeError("utf-8", "my-little-secret", 0, 1, "my-little-secret"),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_a_fault_shows_nothing_of_our_inside_but_the_request_id(alice, refuse, caplog, fault):
    refuse(fault)
    alice.client.raise_request_exception = False
    with caplog.at_level(logging.ERROR, "django.request"):
        answer = alice.get(SESSIONS)
    assert is_problem(answer, 500, "internal_error")
    assert set(answer.json()) == {"type", "title", "status", "detail", "code", "request_id"}
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
    for inside in ("my-little-secret", "Traceback", "Error:", ".py", "guestlist/", type(fault).__name__):
        assert inside not in answer.content.decode()
    assert "my-little-secret" in caplog.text  # the log has it


def test_a_fault_has_the_same_headers_as_any_answer(alice, refuse):
    refuse(ZeroDivisionError())
    alice.client.raise_request_exception = False
    answer = alice.get(SESSIONS)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert answer.headers["Content-Language"] == "en"
    assert "Accept-Language" in answer.headers["Vary"]


def test_after_a_fault_the_next_request_is_answered(alice, refuse, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(sessions.sessions, "sessions_of", lambda who: 1 / 0)
        alice.client.raise_request_exception = False
        assert alice.get(SESSIONS).status_code == 500
    assert alice.get(SESSIONS).status_code == 200


def test_each_status_there_is_comes_as_a_problem_that_shows_nothing_of_our_inside(guest, bob, refuse, settings):
    """C73: one real answer of each."""
    alice, stranger = guest(PHONE).sign_in(), guest("+79008889900")
    alice.activate(bob.profile()["invite_code"])
    settings.LIMITS = "on"
    stranger.ask()
    found = [
        stranger.send("post", "/user/login/", "{"),
        stranger.get(SESSIONS),
        stranger.send("post", "/user/login/", {"phone": PHONE}, **{"Sec-Fetch-Site": "cross-site"}),
        stranger.get("/nothing/"),
        stranger.send("put", "/user/login/", {}),
        alice.activate("ZZZZZZ"),
        stranger.client.generic("POST", "/user/login/", headers={"Transfer-Encoding": "chunked"}),
        stranger.send("post", "/user/login/", b" " * 20_000),
        stranger.client.post("/user/login/", {"phone": PHONE}),
        stranger.ask(),
    ]
    alice.client.raise_request_exception = False
    for fault in (ZeroDivisionError("SELECT 1 FROM people_person"), OperationalError("SELECT 1 FROM people_person")):
        refuse(fault)
        found.append(alice.get(SESSIONS))
    assert [answer.status_code for answer in found] == [400, 401, 403, 404, 405, 409, 411, 413, 415, 429, 500, 503]
    assert {answer.status_code for answer in found} == set(errors.STATUS.values())
    for answer in found:
        assert is_problem(answer, answer.status_code, answer.json()["code"])
        text = answer.content.decode()
        shown = [inside for inside in ("Traceback", "SELECT", ".py", str(servers.ROOT), "django") if inside in text]
        assert shown == []


# ---- a database that is away


@pytest.mark.parametrize(
    "away",
    [
        OperationalError("could not connect to server at 10.0.0.7, password my-little-secret"),
        InterfaceError("connection already closed: my-little-secret"),
    ],
    ids=lambda away: type(away).__name__,
)
@pytest.mark.parametrize(("method", "path"), [found for found in OPERATIONS if found[1] != "/health/live/"])
def test_when_the_database_is_away_every_operation_says_so(guest, monkeypatch, method, path, away):
    who = guest(PHONE).sign_in()

    def fail(*_: object) -> None:
        raise away

    with monkeypatch.context() as patched:
        patched.setattr(CursorWrapper, "execute", fail)
        answer = call(who, method, path)
    assert is_problem(answer, 503, "unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.json()["retry_after"] == int(answer.headers["Retry-After"])
    assert "my-little-secret" not in answer.content.decode()


def test_when_the_database_is_away_the_process_still_lives(guest, monkeypatch):
    def fail(*_: object) -> None:
        raise OperationalError("away")

    with monkeypatch.context() as patched:
        patched.setattr(CursorWrapper, "execute", fail)
        assert guest(PHONE).get("/health/live/").json() == {"status": "ok"}
        assert guest(PHONE).get("/openapi.json").status_code == 200
        assert is_problem(guest(PHONE).get("/health/ready/"), 503, "unavailable")
