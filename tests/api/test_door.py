"""The door: what every answer carries, and that both spellings of an address answer alike."""

import re
from typing import Any

import pytest

from guestlist.api.urls import api
from tests.guests import Guest, is_problem

PHONE = "+79001112233"
DOCUMENT = api.get_openapi_schema()
OPERATIONS = [(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods]
READS = [path for method, path in OPERATIONS if method == "get"]
each_operation = pytest.mark.parametrize(("method", "path"), OPERATIONS)


def call(guest: Guest, method: str, path: str, **headers: str) -> Any:
    headers.setdefault("Authorization", f"Bearer {guest.token}")
    body = "" if method == "get" else "{}"
    path = path.replace("{session_id}", "A" * 22)
    return guest.client.generic(method.upper(), path, body, content_type="application/json", headers=headers)


def answers(guest: Guest) -> dict[str, Any]:
    """One answer of each kind: good, refused, unknown, of the wrong method, broken off at the door."""
    return {
        **{f"{method} {path}": call(guest, method, path) for method, path in OPERATIONS if path != "/user/logout/"},
        "nobody": guest.client.get("/user/user-profile/"),
        "404": guest.client.get("/nothing/"),
        "405": guest.client.put("/user/login/"),
        "413": guest.client.post("/user/login/", b"x" * 20_000, content_type="application/json"),
        "415": guest.client.post("/user/login/", {"phone": PHONE}),
        "asked": guest.ask(),
        "document": guest.client.get("/openapi.json"),
    }


def test_every_answer_has_the_headers_that_protect_it(alice, subtests):
    for name, answer in answers(alice).items():
        with subtests.test(name):
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "same-origin"
            assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert "Strict-Transport-Security" not in answer.headers
            assert not [header for header in answer.headers if header.lower().startswith("access-control-")]


def test_nothing_of_anybodys_own_is_kept_by_a_cache(alice, subtests):
    for name, answer in answers(alice).items():
        with subtests.test(name):
            assert answer.headers["Cache-Control"] == ("public, max-age=300" if name == "document" else "no-store")


def test_every_answer_says_its_length(alice, subtests):
    for name, answer in answers(alice).items():
        with subtests.test(name):
            assert answer.headers["Content-Length"] == str(len(answer.content))


def test_every_answer_has_a_request_id_of_its_own(alice):
    found = [answer.headers["X-Request-ID"] for answer in answers(alice).values()]
    assert all(re.fullmatch("[0-9a-f]{16}", id_) for id_ in found)
    assert len(set(found)) == len(found)


def test_a_request_id_is_never_taken_from_outside(guest):
    answer = guest(PHONE, **{"X-Request-ID": "forged"}).get("/health/live/")
    assert answer.headers["X-Request-ID"] != "forged"


def test_every_answer_is_json_or_a_problem(alice, subtests):
    for name, answer in answers(alice).items():
        with subtests.test(name):
            expected = "application/json" if answer.status_code < 400 else "application/problem+json"
            assert answer.headers["Content-Type"].partition(";")[0] == expected
            answer.json()


def test_under_https_browsers_are_told_to_stay_there(alice, settings, subtests):
    """C86."""
    settings.HTTPS = True
    for name, answer in answers(alice).items():
        with subtests.test(name):
            lasts = re.match(r"max-age=(\d+)", answer.headers["Strict-Transport-Security"])
            assert int(lasts[1]) >= 365 * 24 * 60 * 60


def test_no_other_site_is_let_in(guest, subtests):
    """No CORS, and so no preflight either."""
    for method, path in OPERATIONS:
        stranger = guest(PHONE, Origin="https://evil.example")
        with subtests.test(f"{method} {path}"):
            asking = {
                "Access-Control-Request-Method": method.upper(),
                "Access-Control-Request-Headers": "authorization",
            }
            preflight = stranger.send("options", path.replace("{session_id}", "A" * 22), **asking)
            assert is_problem(preflight, 405, "method_not_allowed")
            for answer in (preflight, call(stranger, method, path)):
                assert not [header for header in answer.headers if header.lower().startswith("access-control-")]


def test_reading_sets_no_cookie(alice):
    for path in READS:
        assert not call(alice, "get", path).cookies


@pytest.mark.parametrize("path", READS)
def test_without_its_last_slash_an_address_reads_the_same(alice, path):
    with_slash, without = call(alice, "get", path), call(alice, "get", path.rstrip("/"))
    if path == "/user/export/":  # which tells of itself: when, and that it was asked for
        with_slash, without = ({**found.json(), "exported_at": "", "trail": []} for found in (with_slash, without))
        assert with_slash == without
        return
    assert (with_slash.status_code, with_slash.content) == (without.status_code, without.content)
    assert with_slash.status_code == 200


@each_operation
def test_without_its_last_slash_an_address_refuses_the_same(guest, method, path):
    """No redirect: a POST would lose its body."""
    stranger = guest(PHONE)
    with_slash, without = call(stranger, method, path), call(stranger, method, path.rstrip("/"))
    assert (with_slash.status_code, with_slash.content) == (without.status_code, without.content)
    assert "Location" not in without.headers


def test_without_its_last_slash_an_address_acts_the_same(guest):
    alice = guest(PHONE)
    asked = alice.send("post", "/user/login", {"phone": PHONE})
    assert asked.status_code == 201
    answer = alice.send("post", "/user/confirm", {"phone": PHONE, "code": asked.json()["code"]})
    alice.token = answer.json()["token"]
    assert alice.send("patch", "/user/user-profile", {"username": "Анна"}).json()["username"] == "Анна"
    session = alice.get("/user/sessions").json()[0]["id"]
    assert alice.send("delete", "/user/sessions").json() == {"ended": 0}
    assert alice.send("delete", f"/user/sessions/{session}").json() == {"ended": 1}
    assert is_problem(alice.get("/user/user-profile"), 401, "not_signed_in")
    alice.sign_in()
    assert alice.post("/user/logout", {}).json() == {"logout": True}


@pytest.mark.parametrize(
    "host", ["evil.example", "testserver.evil.example", "127.0.0.1.evil.example", "", "a b", "::1"]
)
def test_a_forged_host_changes_no_link_and_no_message(guest, host):
    """C87: the host in a message is the configured one, always."""
    alice = guest(PHONE, Host=host, **{"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"})
    answer = alice.ask()
    assert answer.status_code == 201 or is_problem(answer, 400, "invalid_host")
    texts = [message["text"] for message in guest(PHONE).get("/sandbox/inbox/").json()["messages"]]
    assert all("@127.0.0.1 #" in text and "evil" not in text for text in texts)
