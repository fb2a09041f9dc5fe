"""Other sites' pages can do nothing: not as somebody who is signed in, and not by signing somebody in."""

from typing import Any

import pytest
from django.test import Client

from guestlist.api.urls import api
from guestlist.delivery.models import Message
from guestlist.invites.models import Activation
from guestlist.people.models import Person
from guestlist.signin.models import Challenge, Session
from tests.guests import Guest, is_problem

PHONE = "+79001112233"
OURS = "http://testserver"
DOCUMENT = api.get_openapi_schema()
CHANGES = [
    (method, path)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if method != "get" and "security" in operation
]
BODIES: dict[str, dict[str, Any]] = {"username": {"username": "Mallory"}, "code": {"code": "ZZZZZZ"}}
FOREIGN = [
    "null",
    "https://evil.example",
    "http://testserver.evil.example",
    "http://eviltestserver",
    "http://testserver@evil.example",
    "http://testserver:8000",
    "https://testserver",
    "http://127.0.0.1",
    "http://127.0.0.1:8001",
    "http://testserver/",
    "http://TESTSERVER",
    "http://localhost",
    "file://",
    "chrome-extension://testserver",
    "",
]

each_change = pytest.mark.parametrize(("method", "path"), CHANGES)


class Browser(Guest):
    """A guest in a browser: recognised by cookies, checked as in production."""

    def __init__(self, phone: str, **headers: str) -> None:
        super().__init__(phone)
        self.client = Client(enforce_csrf_checks=True, headers={"Origin": OURS, **headers})

    @property
    def csrf(self) -> str:
        return self.client.cookies["csrftoken"].value


@pytest.fixture(autouse=True)
def _tokens_are_made(settings) -> None:
    settings.JWT_AUDIENCES = ["reports"]


@pytest.fixture
def alice(db) -> Browser:
    return Browser(PHONE).sign_in()


def body_for(path: str) -> dict[str, Any]:
    if path.endswith("user-profile/"):
        return BODIES["username"]
    if path.endswith("token/"):
        return {"audience": "reports"}
    return BODIES["code"] if "activate" in path else {}


def call(guest: Guest, method: str, path: str, **headers: str) -> Any:
    session_id = Session.objects.values_list("id", flat=True).first() or "A" * 22
    return guest.send(method, path.replace("{session_id}", session_id), body_for(path), **headers)


def state() -> tuple[list[Any], ...]:
    return tuple(list(model.objects.order_by("pk").values()) for model in (Person, Session, Activation))


# ---- as somebody who is signed in


@each_change
def test_without_the_right_token_nothing_is_changed(alice, method, path, subtests):
    """C31."""
    stranger = Browser("+79005556677").sign_in()
    before = state()
    tokens = {
        "none": {},
        "empty": {"X-CSRFToken": ""},
        "wrong": {"X-CSRFToken": "x" * 32},
        "wrong, long": {"X-CSRFToken": "x" * 64},
        "somebody else's": {"X-CSRFToken": stranger.csrf},
        "another letter": {"X-CSRFToken": ("a" if alice.csrf[0] != "a" else "b") + alice.csrf[1:]},
        "too long": {"X-CSRFToken": alice.csrf + "x"},
        "not Latin": {"X-CSRFToken": "Ж" * 32},
        "under another name": {"X-XSRF-TOKEN": alice.csrf},
    }
    for name, headers in tokens.items():
        with subtests.test(name):
            assert is_problem(call(alice, method, path, **headers), 403, "csrf_failed")
    assert state() == before


@each_change
def test_a_token_from_before_the_sign_in_is_worth_nothing(db, method, path):
    alice = Browser(PHONE)
    asked = alice.ask().json()
    old = alice.csrf
    alice.confirm(asked["code"])
    assert alice.csrf != old
    before = state()
    assert is_problem(call(alice, method, path, **{"X-CSRFToken": old}), 403, "csrf_failed")
    assert state() == before


@each_change
def test_with_the_right_token_it_is_done(alice, method, path):
    answer = call(alice, method, path, **{"X-CSRFToken": alice.csrf})
    assert answer.status_code == 200 or answer.json()["code"] == "unknown_invite"


@each_change
def test_a_token_is_read_from_the_header_only(alice, method, path):
    before = state()
    body = {**body_for(path), "csrfmiddlewaretoken": alice.csrf, "X-CSRFToken": alice.csrf}
    place = f"{path.replace('{session_id}', 'A' * 22)}?csrfmiddlewaretoken={alice.csrf}"
    assert is_problem(alice.send(method, place, body), 403, "csrf_failed")
    assert state() == before


@each_change
def test_another_sites_page_is_refused_even_with_the_right_token(alice, method, path, subtests):
    """C31: Origin null, foreign, the suffix trick."""
    before = state()
    for origin in FOREIGN:
        with subtests.test(origin):
            answer = call(alice, method, path, **{"X-CSRFToken": alice.csrf, "Origin": origin})
            assert is_problem(answer, 403, "csrf_failed")
    assert state() == before


@each_change
def test_a_browser_that_says_that_another_site_sends_this_is_believed(alice, method, path):
    """C31, with the right token, and with our own Origin beside it."""
    before = state()
    answer = call(alice, method, path, **{"X-CSRFToken": alice.csrf, "Sec-Fetch-Site": "cross-site"})
    assert is_problem(answer, 403, "csrf_failed")
    assert state() == before


@each_change
def test_a_cookie_that_is_no_session_is_nobody_before_it_is_a_forgery(db, method, path):
    stranger = Browser(PHONE)
    stranger.client.cookies["guestlist_session"] = "A" * 22 + "." + "B" * 43
    assert is_problem(call(stranger, method, path), 401, "not_signed_in")


@each_change
def test_a_get_or_a_head_changes_nothing(alice, method, path):
    before = state()
    for other in ("get", "head"):
        answer = alice.client.generic(other.upper(), f"{path.replace('{session_id}', 'A' * 22)}?username=Mallory")
        assert answer.status_code in (200, 405)
    assert state() == before


@each_change
def test_a_bearer_needs_no_token_not_even_beside_cookies(db, method, path):
    app = Guest(PHONE)
    app.client = Client(enforce_csrf_checks=True)
    app.sign_in()
    assert app.client.cookies["guestlist_session"].value
    answer = call(app, method, path)
    assert answer.status_code == 200 or answer.json()["code"] == "unknown_invite"


def test_a_bad_bearer_does_not_open_the_way_for_the_cookie(alice):
    """The presence of Authorization switches CSRF off; so it must switch the cookie off too."""
    before = state()
    for authorization in ("", "Bearer", "Bearer x", "Basic x"):
        for method, path in CHANGES:
            assert is_problem(call(alice, method, path, Authorization=authorization), 401, "not_signed_in")
    assert state() == before


def test_reading_needs_no_token(alice):
    for path in ("/user/user-profile/", "/user/sessions/", "/user/user-profile/activeusers/"):
        assert alice.get(path).status_code == 200
        assert alice.client.head(path).status_code == 200


def test_scripts_of_ours_can_read_the_token_and_others_never_get_it_sent(alice):
    cookie = alice.client.cookies["csrftoken"]
    assert (cookie["httponly"], cookie["samesite"]) == ("", "Lax")


# ---- by signing somebody in: login CSRF, which needs no cookie


@pytest.mark.parametrize("path", ["/user/login/", "/user/confirm/"])
@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, *({"Origin": origin} for origin in FOREIGN if origin != "http://127.0.0.1")],
)
def test_another_sites_page_cannot_sign_anybody_in(guest, path, headers):
    """C32: it works without any cookie, so it is refused without any."""
    alice = guest(PHONE)
    asked = alice.ask().json()
    messages = Message.objects.count()
    stranger = guest(PHONE, **headers)
    answer = stranger.send("post", path, {"phone": PHONE, "code": asked["code"], "challenge": asked["challenge"]})
    assert is_problem(answer, 403, "cross_site")
    assert not answer.cookies
    assert Challenge.objects.get().attempts == 0
    assert (Message.objects.count(), Session.objects.count(), Person.objects.count()) == (messages, 0, 0)
    assert alice.confirm(asked["code"]).status_code == 200


def test_both_signs_of_another_site_are_looked_at(guest):
    mixed = {"Origin": OURS, "Sec-Fetch-Site": "cross-site"}
    assert is_problem(guest(PHONE, **mixed).ask(), 403, "cross_site")
    mixed = {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}
    assert is_problem(guest(PHONE, **mixed).ask(), 403, "cross_site")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": OURS},
        {"Origin": "http://127.0.0.1:8000"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": OURS, "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_our_own_pages_and_apps_sign_in(guest, settings, headers):
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    alice = guest(PHONE, **headers)
    assert alice.confirm(alice.ask().json()["code"]).status_code == 200


def test_a_first_visit_needs_no_token_to_sign_in(db):
    assert Browser(PHONE).sign_in().profile()["phone"] == PHONE


def test_a_session_that_lies_around_does_not_hinder_a_sign_in(alice):
    assert alice.confirm(alice.ask().json()["code"]).status_code == 200
    assert Session.objects.count() == 1
