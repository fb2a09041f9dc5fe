"""CORS_ORIGINS: pages of other origins use the API by bearer token. For all others all is as before."""

import http.client
import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from guestlist.api.urls import api
from guestlist.lib import clock
from guestlist.signin.models import Session
from tests import servers
from tests.guests import Guest, is_problem

PHONE = "+79001112233"
APP, SECOND = "https://app.example.org", "http://localhost:3000"
OURS = "https://guests.example.org"
OPERATIONS = [(method, path) for path, methods in api.get_openapi_schema()["paths"].items() for method in methods]
EXPOSED = "Retry-After, RateLimit, RateLimit-Policy, X-Request-ID"
ALMOST = [
    "https://app.example.org.evil.test",
    "https://evil.test/https://app.example.org",
    "https://evil-app.example.org",
    "https://evilapp.example.org",
    "https://app.example.orgevil.test",
    "https://app.example.org@evil.test",
    "https://sub.app.example.org",
    "https://example.org",
    "http://app.example.org",
    "https://app.example.org:443",
    "https://app.example.org:8443",
    "http://localhost",
    "http://localhost:30000",
    "https://localhost:3000",
    "http://127.0.0.1:3000",
    "https://APP.example.org",
    "HTTPS://app.example.org",
    "https://app.example.org/",
    "https://app.example.org/path",
    "https://app.example.org.",
    " https://app.example.org.evil.test",
    f"{APP},{SECOND}",
    f"{APP}, https://evil.test",
    f"https://evil.test, {APP}",
    f"{APP} {SECOND}",
    f"['{APP}', '{SECOND}']",
    "null",
    "*",
    "https://*.example.org",
    "app.example.org",
    "file://",
    "",
]


@pytest.fixture(autouse=True)
def _listed(settings) -> None:
    settings.CORS_ORIGINS = [APP, SECOND]


@pytest.fixture
def page(guest) -> Guest:
    """Alice, in a page of the listed origin, as a browser sends it."""
    return guest(PHONE, Origin=APP, **{"Sec-Fetch-Site": "cross-site"})


def sign_in(guest: Guest, **body: str) -> dict[str, Any]:
    """The answer of a confirmation, with nothing kept between the two requests but what the first one answered."""
    asked = guest.ask(**body).json()
    return guest.confirm(asked["code"], challenge=asked["challenge"], **body).json()


def cors(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("Access-Control-")}


def varies(answer: Any) -> list[str]:
    return [name.strip() for name in answer.headers.get("Vary", "").split(",")]


def is_readable(answer: Any, origin: str = APP) -> bool:
    """Whether a page of that origin may read the answer, and nothing more than that."""
    assert cors(answer) == {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": EXPOSED}
    assert varies(answer).count("Origin") == 1
    assert not answer.cookies
    return True


def preflight(client: Client, path: str, method: str, origin: str = APP, **headers: str) -> Any:
    asking = {"Origin": origin, "Access-Control-Request-Method": method, **headers}
    return client.options(path.replace("{session_id}", "A" * 22), headers=asking)


# ---- a page of a listed origin


def test_it_signs_in_with_a_token_like_an_app(page, live):
    """With limits, so that the code needs the challenge, which no cookie brings."""
    asked = page.ask()
    assert is_readable(asked)
    challenge = asked.json()["challenge"]
    answer = page.confirm(live.code_for(PHONE), challenge=challenge)
    assert is_readable(answer)
    assert answer.json()["token"]
    assert answer.json()["device"]
    assert not page.client.cookies
    assert Session.objects.get().kind == "token"
    page.token = answer.json()["token"]
    profile = page.get("/user/user-profile/")
    assert is_readable(profile)
    assert profile.json()["phone"] == PHONE
    assert is_readable(page.post("/user/logout/", {}))
    assert is_problem(page.get("/user/user-profile/"), 401, "not_signed_in")


def test_its_device_is_known_again_by_the_body_and_by_no_cookie(page, settings):
    settings.LIMITS = "on"
    device = sign_in(page)["device"]
    with clock.at(clock.now() + timedelta(hours=1)):
        assert sign_in(page, device=device)["device"] == device
    with clock.at(clock.now() + timedelta(hours=2)):
        assert sign_in(page)["device"] != device


def test_each_listed_origin_is_answered_with_its_own_name(guest):
    for origin in (APP, SECOND):
        assert is_readable(guest(PHONE, Origin=origin).get("/health/live/"), origin)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin", None])
def test_what_the_browser_says_of_the_site_does_not_matter(guest, site):
    headers = {"Sec-Fetch-Site": site} if site else {}
    assert guest(PHONE, Origin=APP, **headers).sign_in().token


def test_it_neither_gets_nor_needs_cookies_even_when_it_sends_them(guest):
    """A page on another port of our own host is same-site: its browser has our cookies and may send them."""
    alice = guest(PHONE, **{"Sec-Fetch-Site": "same-origin"}).sign_in()
    assert not alice.token
    assert alice.profile()["phone"] == PHONE
    page = guest(PHONE, Origin=APP)
    page.client.cookies = alice.client.cookies
    before = {name: cookie.value for name, cookie in page.client.cookies.items()}
    assert is_problem(page.get("/user/user-profile/"), 401, "not_signed_in")
    assert is_problem(
        page.send("post", "/user/logout/", {}, **{"X-CSRFToken": before["csrftoken"]}), 401, "not_signed_in"
    )
    asked = page.ask().json()
    answer = page.confirm(asked["code"], challenge=asked["challenge"])
    assert answer.json()["token"]
    assert answer.json()["device"] != before["guestlist_device"]
    assert {name: cookie.value for name, cookie in page.client.cookies.items()} == before
    assert Session.objects.count() == 2  # nor did it end the one whose cookie it sent


def test_a_challenge_in_a_cookie_is_not_read_for_it(guest, live):
    alice = guest(PHONE, **{"Sec-Fetch-Site": "same-origin"})
    alice.ask()
    page = guest(PHONE, Origin=APP)
    page.client.cookies = alice.client.cookies
    assert is_problem(page.confirm(live.code_for(PHONE)), 400, "code_expired")
    assert alice.confirm(live.code_for(PHONE)).status_code == 200


def test_the_sandboxs_inbox_does_not_know_it_by_cookie(guest, settings):
    settings.IS_OPEN = True
    alice = guest(PHONE)
    alice.ask()
    assert len(alice.get("/sandbox/inbox/").json()["messages"]) == 1
    answer = alice.client.get("/sandbox/inbox/", headers={"Origin": APP})
    assert answer.json() == {"messages": []}


def test_its_session_is_replaced_by_its_token_only(page):
    page.sign_in()
    page.sign_in()
    assert Session.objects.count() == 1


def test_credentials_are_never_allowed(page, subtests):
    page.sign_in()
    for method, path in OPERATIONS:
        path = path.replace("{session_id}", "A" * 22)
        for answer in (
            page.send(method, path, None if method == "get" else {}),
            preflight(page.client, path, method.upper()),
        ):
            with subtests.test(f"{method} {path} {answer.status_code}"):
                assert answer.headers["Access-Control-Allow-Origin"] == APP
                assert "Access-Control-Allow-Credentials" not in answer.headers


# ---- refusals can be read too


def test_every_refusal_of_the_api_can_be_read(page, live, monkeypatch, subtests):
    refused = {
        400: page.send("post", "/user/login/", {"phone": "1"}),
        401: page.get("/user/user-profile/"),
        405: page.send("put", "/user/login/"),
        413: page.client.post("/user/login/", b"x" * 20_000, content_type="application/json"),
        415: page.client.post("/user/login/", {"phone": PHONE}),
        404: page.send("get", "/sandbox/inbox/"),  # there is none: the service is live
        429: [page.ask(), page.ask()][-1],
    }
    page.client.raise_request_exception = False
    monkeypatch.setattr("guestlist.api.signin.phones.parse", lambda *_: 1 / 0)
    refused[500] = page.ask()
    for status, answer in refused.items():
        with subtests.test(status):
            assert answer.status_code == status
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert is_readable(answer)
    assert refused[429].headers["Retry-After"]
    assert refused[429].headers["RateLimit"]


# ---- preflight


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@pytest.mark.parametrize("slash", ["/", ""])
def test_a_browser_may_ask_first(client, method, path, slash):
    answer = preflight(client, path.rstrip("/") + slash, method.upper(), **{"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert not {"Content-Type", "Content-Length"} & set(answer.headers)
    told = cors(answer)
    taken = client.put(path.replace("{session_id}", "A" * 22)).headers["Allow"]
    assert told.pop("Access-Control-Allow-Methods") == taken
    assert method.upper() in taken.split(", ")
    assert told == {
        "Access-Control-Allow-Origin": APP,
        "Access-Control-Allow-Headers": "Authorization, Content-Type, Accept-Language",
        "Access-Control-Max-Age": "600",
        "Access-Control-Expose-Headers": EXPOSED,
    }
    assert "Origin" in varies(answer)


def test_what_is_no_preflight_is_refused_as_ever(client):
    answer = client.options("/user/login/", headers={"Origin": APP})
    assert is_problem(answer, 405, "method_not_allowed")
    answer = client.options("/user/login/", headers={"Access-Control-Request-Method": "POST"})
    assert is_problem(answer, 405, "method_not_allowed")
    assert not cors(answer)


# ---- everybody else


@pytest.mark.parametrize("origin", ALMOST)
def test_an_origin_that_is_only_like_a_listed_one_is_not(guest, origin):
    stranger = guest(PHONE, Origin=origin)
    answer = stranger.ask()
    assert is_problem(answer, 403, "cross_site")
    asking = preflight(stranger.client, "/user/login/", "POST", origin)
    assert is_problem(asking, 405, "method_not_allowed")
    for found in (answer, asking, stranger.get("/health/live/")):
        assert not cors(found)
        assert "Origin" in varies(found)  # or a cache would keep this answer for the listed ones


def test_who_sends_no_origin_gets_the_same_but_for_vary(guest, settings):
    apart = guest(PHONE).get("/health/live/")
    settings.CORS_ORIGINS = []
    before = guest(PHONE).get("/health/live/")
    assert (apart.status_code, apart.content) == (before.status_code, before.content)
    assert varies(apart) == [name for name in [*varies(before), "Origin"] if name]
    fixed = {"X-Request-ID", "Vary"}
    assert {name: value for name, value in apart.headers.items() if name not in fixed} == {
        name: value for name, value in before.headers.items() if name not in fixed
    }


def test_our_own_origin_stays_a_browser_with_cookies(guest, settings):
    settings.PUBLIC_URL = OURS
    alice = guest(PHONE, Origin=OURS, **{"Sec-Fetch-Site": "same-origin"})
    answer = alice.confirm(alice.ask().json()["code"])
    assert answer.json()["token"] is None
    assert alice.client.cookies["guestlist_session"].value
    assert not cors(answer)


@pytest.mark.parametrize("path", ["/", "/admin/", "/admin/login/", "/docs/", "/redoc/", "/nothing/", "/user/nothing/"])
def test_only_the_api_is_open(client, db, path):
    for answer in (client.get(path, headers={"Origin": APP}), preflight(client, path, "GET")):
        assert not cors(answer)
        assert "Origin" not in varies(answer)
    assert preflight(client, path, "GET").status_code != 204


def test_a_listed_origin_cannot_use_our_pages(db):
    page = Client(headers={"Origin": APP})  # without Django's own check: the page's own stands before it
    for path in ("/sign-in/", "/code/"):
        answer = page.post(path, {"phone": PHONE})
        assert answer.status_code in (302, 403)
        assert not cors(answer)
    assert page.post("/sign-in/", {"phone": PHONE}).status_code == 403


def test_our_pages_know_their_cookies_whatever_the_origin(guest, settings):
    """The other side of the inbox: the page, which no other origin can read."""
    settings.IS_OPEN = True
    alice = guest(PHONE)
    code = alice.ask().json()["code"]
    answer = alice.client.get("/sandbox/inbox/", headers={"Origin": APP, "Accept": "text/html"})
    assert code in answer.content.decode()
    assert not cors(answer)


def test_with_none_listed_nothing_is_open(guest, settings):
    settings.CORS_ORIGINS = []
    stranger = guest(PHONE, Origin=APP)
    answers = stranger.ask(), preflight(stranger.client, "/user/login/", "POST"), stranger.get("/health/live/")
    assert [answer.status_code for answer in answers] == [403, 405, 200]
    for answer in answers:
        assert not cors(answer)
        assert "Origin" not in varies(answer)


# ---- over a real wire


def test_two_origin_headers_are_no_listed_origin(tmp_path):
    with servers.running(f"sqlite:///{tmp_path / 'guestlist.sqlite3'}", SANDBOX_DELAY="0", CORS_ORIGINS=APP) as url:
        for origins in ([APP, "https://evil.test"], ["https://evil.test", APP], [APP, APP]):
            status, headers, body = raw(url, origins)
            assert (status, json.loads(body)["code"]) == (403, "cross_site"), origins
            assert not [name for name in headers if name.lower().startswith("access-control-")]
        status, headers, _ = raw(url, [APP])
        assert (status, headers["Access-Control-Allow-Origin"]) == (201, APP)
        assert "Set-Cookie" not in headers


def raw(url: str, origins: list[str]) -> tuple[int, Any, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    body = json.dumps({"phone": PHONE}).encode()
    connection.putrequest("POST", "/user/login/")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(len(body)))
    for origin in origins:
        connection.putheader("Origin", origin)
    connection.endheaders(body)
    answer = connection.getresponse()
    found = answer.status, answer.headers, answer.read()
    connection.close()
    return found
