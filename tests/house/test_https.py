"""C86: under https every cookie and every header is as it must be, whatever the address and whatever the answer.

Names of cookies are settled at the start, so this asks a real server, as the proxy in front of it would.
"""

import http.client
import json
import re
from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

import pytest

from guestlist.api.urls import api
from guestlist.web.urls import PAGES
from tests import servers

HOST = "guests.example.org"
PHONE = "+79001112233"
PUBLIC = ("/static/", "/openapi.json", "/docs", "/redoc", "/.well-known/", "/i/7K2M9Q/qr.")
OPERATOR = {"OPERATOR_NAME": "olga", "OPERATOR_PASSWORD": "long enough 42"}
FIRST_SIX = {f"__Host-guestlist_{name}" for name in ("session", "challenge", "device", "phone", "invite", "operator")}
OTHERS = {"csrftoken", "django_language", "messages"}
YEAR = 365 * 24 * 60 * 60


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    cookies: SimpleCookie
    body: bytes


class Browser:
    """Keeps cookies and calls through a proxy that speaks https to it."""

    def __init__(self, url: str) -> None:
        self.url, self.jar, self.seen = url, dict[str, str](), list[tuple[str, Answer]]()

    def call(self, method: str, path: str, body: str = "", kind: str = "", **more: str) -> Answer:
        where = urlsplit(self.url)
        connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=30)
        headers = {"Host": HOST, "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7", **more}
        headers |= {"Content-Type": kind} if kind else {}
        headers |= {"Cookie": "; ".join(f"{name}={value}" for name, value in self.jar.items())} if self.jar else {}
        connection.request(method, path, body or None, headers)
        came = connection.getresponse()
        cookies = SimpleCookie()
        for line in came.headers.get_all("Set-Cookie") or []:
            cookies.load(line)
        self.jar |= {name: morsel.value for name, morsel in cookies.items()}
        answer = Answer(came.status, came.headers, cookies, came.read())
        connection.close()
        self.seen.append((f"{method} {path}", answer))
        return answer

    def api(self, method: str, path: str, body: str = "{}") -> Answer:
        more = {"Origin": f"https://{HOST}", "X-CSRFToken": self.jar.get("csrftoken", "")}
        return self.call(method, path, body, "application/json", **more)

    def form(self, path: str, **fields: str) -> Answer:
        page = self.call("GET", "/admin/login/" if "admin" in path else "/", Accept="text/html").body.decode()
        token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[0]
        body = urlencode({"csrfmiddlewaretoken": token, **fields})
        kind = "application/x-www-form-urlencoded"
        return self.call("POST", path, body, kind, Accept="text/html", Origin=f"https://{HOST}")


@pytest.fixture(scope="module")
def seen(tmp_path_factory) -> Iterator[list[tuple[str, Answer]]]:
    """Every answer of a walk: each operation and page with and without somebody, refusals, the admin, static files."""
    folder = tmp_path_factory.mktemp("https")
    settings = {"PUBLIC_URL": f"https://{HOST}", "SANDBOX": "yes", "TRUSTED_PROXIES": "1", "SANDBOX_DELAY": "0"}
    settings |= {"JWT_AUDIENCES": "reports", "CORS_ORIGINS": "https://app.example.com", **OPERATOR}
    with servers.running(f"sqlite:///{folder / 'guestlist.sqlite3'}", **settings) as url:
        yield walk(url)


def walk(url: str) -> list[tuple[str, Answer]]:
    stranger, page, app, operator = (Browser(url) for _ in range(4))
    everywhere(stranger)
    page.form("/sign-in/", phone=PHONE)
    page.call("GET", "/code/", Accept="text/html")
    page.form("/code/", phone=PHONE, code="x")
    page.form("/language/", language="ru", next="/")
    asked = app.api("POST", "/user/login/", f'{{"phone": "{PHONE}"}}')
    app.api("POST", "/user/confirm/", json.dumps({"phone": PHONE, "code": json.loads(asked.body)["code"]}))
    assert app.api("PATCH", "/user/user-profile/", '{"username": "Anna"}').status == 200
    assert app.api("POST", "/user/token/", '{"audience": "reports"}').status == 200
    everywhere(app)
    operator.form("/admin/login/?next=/admin/", username="olga", password="wrong")
    assert operator.form("/admin/login/?next=/admin/", username="olga", password="long enough 42").status == 302
    for path in ("/admin/", "/admin/people/person/", "/admin/password_change/", "/admin/nothing/"):
        operator.call("GET", path, Accept="text/html")
    return stranger.seen + page.seen + app.seen + operator.seen


def everywhere(who: Browser) -> None:
    """Each address there is; the operations that end a session last."""
    operations = [(method, path) for path, ways in api.get_openapi_schema()["paths"].items() for method in ways]
    last = ("delete /user/user-profile/", "post /user/logout/")
    for method, path in sorted(operations, key=lambda found: " ".join(found) in last):
        who.api(method.upper(), path.replace("{session_id}", "A" * 22), "" if method == "get" else "{}")
    for path in (
        "/",
        *(f"/{page}/".replace("<typed>", "7K2M9Q") for page in PAGES),
        "/sandbox/inbox/",
        "/nothing/",
        "/favicon.ico",
        "/admin",
    ):
        who.call("GET", path, Accept="text/html")
        who.call("POST", path, "x=1", "application/x-www-form-urlencoded", Accept="text/html")
    for path in ("/i/7K2M9Q", "/i/7K2M9Q/", "/i/7K2M9Q/qr.svg", "/i/7K2M9Q/qr.png", "/i/7K2M9/qr.svg", "/i/7K2M9"):
        who.call("GET", path, Accept="text/html")
    for path in ("/openapi.json", "/.well-known/jwks.json", "/static/web/favicon.svg", "/metrics", "/%00", "/static/x"):
        who.call("GET", path)
        who.call("GET", f"{path}/no/such", Accept="text/html")
    who.call("GET", "/", Host="evil.example")
    who.call("POST", "/user/login/", "x" * 20_000, "application/json")
    who.call("POST", "/user/login/", "x", "text/plain")
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    for origin in ("https://app.example.com", "https://evil.example", "null"):
        who.call("OPTIONS", "/user/login/", Origin=origin, **asks)
        who.call("POST", "/user/login/", f'{{"phone": "{PHONE}"}}', "application/json", Origin=origin)
        who.call("GET", "/user/user-profile/", Origin=origin)


def test_the_walk_saw_every_cookie_and_every_kind_of_answer(seen):
    assert {name for _, answer in seen for name in answer.cookies} >= {*FIRST_SIX, "csrftoken", "django_language"}
    assert {answer.status for _, answer in seen} >= {200, 201, 302, 400, 401, 403, 404, 405, 413, 415}
    assert len(seen) > 120


def test_every_cookie_is_secure_bound_to_the_host_and_closed_to_scripts(seen):
    for asked, answer in seen:
        for name, cookie in answer.cookies.items():
            assert name in FIRST_SIX | OTHERS, asked
            assert cookie["secure"] is True, (asked, name)
            assert cookie["samesite"] == "Lax", (asked, name)
            assert (cookie["path"], cookie["domain"]) == ("/", ""), (asked, name)
            assert bool(cookie["httponly"]) is (name != "csrftoken"), (asked, name)
            assert len(cookie.OutputString()) < 4096, (asked, name)


def test_every_answer_keeps_browsers_on_https_and_out_of_frames_and_guesses_no_types(seen):
    for asked, answer in seen:
        (lasts,) = re.findall(r"max-age=(\d+)", answer.headers["Strict-Transport-Security"])
        assert int(lasts) >= YEAR, asked
        assert answer.headers["X-Content-Type-Options"] == "nosniff", asked
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"], asked
        assert answer.headers["Referrer-Policy"] == "same-origin", asked


def test_nothing_but_what_is_everybodys_is_kept_by_a_cache(seen):
    for asked, answer in seen:
        if not asked.partition(" ")[2].startswith(PUBLIC):
            assert answer.headers["Cache-Control"] == "no-store", asked
        assert not answer.cookies or answer.headers["Cache-Control"] == "no-store", asked


def test_an_origin_is_named_when_it_is_listed_and_credentials_never(seen):
    named = {answer.headers["Access-Control-Allow-Origin"] for _, answer in seen}
    assert named == {None, "https://app.example.com"}
    assert not [asked for asked, answer in seen if "Access-Control-Allow-Credentials" in answer.headers]
