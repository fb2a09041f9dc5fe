"""Whatever arrives at whichever operation: a problem with the right name, in the contract's order, never a 5xx."""

import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from guestlist.api.door import LARGEST_BODY
from guestlist.api.urls import api
from guestlist.delivery.models import Message
from guestlist.people.models import Person
from guestlist.signin.models import Challenge, Session
from tests.guests import Guest, is_problem

DOCUMENT = api.get_openapi_schema()
OPERATIONS = [(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods]
PATHS = list(DOCUMENT["paths"])
METHODS = ["get", "head", "post", "put", "patch", "delete", "options", "trace", "connect", "brew"]
UNSAFE = [found for found in OPERATIONS if found[0] not in ("get", "head")]
PHONE = "+79001112233"


def operation(method: str, path: str) -> dict[str, Any]:
    return DOCUMENT["paths"][path][method]


def is_signed(method: str, path: str) -> bool:
    return "security" in operation(method, path)


def body_schema(method: str, path: str) -> dict[str, Any]:
    reference = operation(method, path)["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    return DOCUMENT["components"]["schemas"][reference.rpartition("/")[2]]


def good_body(method: str, path: str) -> dict[str, Any]:
    """A body that fits: of each required field its example; of a body without such, of each field."""
    schema = body_schema(method, path)
    names = schema.get("required", schema["properties"])
    return {name: schema["properties"][name].get("examples", ["full"])[0] for name in names}


WITH_BODY = [found for found in OPERATIONS if "requestBody" in operation(*found)]
FIELDS = [(*found, name) for found in WITH_BODY for name in body_schema(*found)["properties"]]
SIGNED = [found for found in OPERATIONS if is_signed(*found)]
SIGNED_UNSAFE = [found for found in UNSAFE if is_signed(*found)]

each_operation = pytest.mark.parametrize(("method", "path"), OPERATIONS)
each_unsafe = pytest.mark.parametrize(("method", "path"), UNSAFE)
each_with_body = pytest.mark.parametrize(("method", "path"), WITH_BODY)


@pytest.fixture
def caller(guest, method, path) -> Guest:
    """Somebody who may call the operation."""
    return guest(PHONE).sign_in() if is_signed(method, path) else guest(PHONE)


def send(
    guest: Guest, method: str, path: str, body: bytes, media_type: str = "application/json", **headers: str
) -> Any:
    if guest.token:
        headers.setdefault("Authorization", f"Bearer {guest.token}")
    return guest.client.generic(method.upper(), at(path), body, content_type=media_type, headers=headers)


def at(path: str) -> str:
    return path.replace("{session_id}", "A" * 22)


def is_declared(answer: Any, method: str, path: str) -> bool:
    """Whether openapi.json says that this operation may refuse like this."""
    declared = operation(method, path)["responses"].get(str(answer.status_code), {"description": "nothing"})
    assert f"`{answer.json()['code']}`" in declared["description"], (method, path, answer.json())
    return True


def traces() -> tuple[list[Any], ...]:
    """What there is of people, challenges, messages and sessions."""
    return (
        list(Person.objects.values()),
        list(Challenge.objects.values("id", "attempts", "used_at")),
        list(Message.objects.values("id")),
        list(Session.objects.values("id")),
    )


# ---- bodies


WRONG_TYPES: list[Any] = [
    None,
    0,
    1,
    -1.5,
    79001112233,
    True,
    False,
    [],
    [PHONE],
    [PHONE, "+79005556677"],
    [[]],
    {},
    {"phone": PHONE},
    {"$ne": ""},
    [{"phone": PHONE}],
]


@pytest.mark.parametrize(("method", "path", "field"), FIELDS)
def test_a_field_of_another_type_is_refused_by_its_name(caller, method, path, field):
    """C25."""
    before = traces()
    nullable = {"type": "null"} in body_schema(method, path)["properties"][field].get("anyOf", [])
    for value in WRONG_TYPES[1:] if nullable else WRONG_TYPES:
        answer = send(caller, method, path, json.dumps({**good_body(method, path), field: value}).encode())
        assert is_problem(answer, 400, "invalid_request"), value
        assert [finding["field"].partition(".")[0] for finding in answer.json()["errors"]] == [field]
        assert is_declared(answer, method, path)
    assert traces() == before


@each_with_body
def test_a_required_field_that_is_missing_is_named(caller, method, path):
    for name in body_schema(method, path).get("required", []):
        rest = {other: value for other, value in good_body(method, path).items() if other != name}
        answer = send(caller, method, path, json.dumps(rest).encode())
        assert is_problem(answer, 400, "invalid_request")
        assert [finding["field"] for finding in answer.json()["errors"]] == [name]


@each_with_body
def test_a_field_that_is_much_too_long_is_refused(caller, method, path):
    for name in good_body(method, path):
        answer = send(caller, method, path, json.dumps({**good_body(method, path), name: "7" * 10_000}).encode())
        assert answer.status_code == 400
        assert is_declared(answer, method, path)


RAW_BODIES = {
    "empty": b"",
    "white space": b" \n ",
    "list": b"[]",
    "text": b'"phone"',
    "number": b"1",
    "null": b"null",
    "true": b"true",
    "half": b"{",
    "two": b"{}{}",
    "a batch": b'[{"phone": "+79001112233"}, {"phone": "+79005556677"}]',
    "a name twice": b'{"phone": "+79001112233", "phone": "+79005556677"}',
    "a name twice, deeper": b'{"x": {"a": 1, "a": 1}}',
    "a name twice, by an escape": b'{"code": "1", "c\\u006fde": "2"}',
    "NaN": b'{"x": NaN}',
    "Infinity": b'{"x": [Infinity]}',
    "-Infinity": b'{"x": -Infinity}',
    "a number of 5000 digits": b'{"x": ' + b"1" * 5000 + b"}",
    "a lone surrogate": b'{"x": "\\ud800"}',
    "surrogates the wrong way round": b'{"x": "\\udc00\\ud800"}',
    "a lone surrogate in a name": b'{"\\udfff": 1}',
    "a raw NUL": b'{"x": "\x00"}',
    "a raw line break": b'{"x": "\n"}',
    "NUL after the end": b"{}\x00",
    "deep lists": b'{"x": ' + b"[" * 8_000 + b"]" * 8_000 + b"}",
    "deep lists alone": b"[" * 16_000,
    "deep objects": b'{"x":' * 2_600 + b"1" + b"}" * 2_600,
    "no UTF-8": b'{"x": "\xff"}',
    "overlong UTF-8": b'{"x": "\xc0\x80"}',
    "a surrogate in UTF-8": b'{"x": "\xed\xa0\x80"}',
    "half a letter": b'{"x": "\xd0',
    "UTF-16": '{"phone": "+79001112233"}'.encode("utf-16"),
    "UTF-16 without a mark": '{"phone": "+79001112233"}'.encode("utf-16-le"),
    "UTF-32": '{"phone": "+79001112233"}'.encode("utf-32"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
    "a comma too many": b'{"x": 1,}',
    "single quotes": b"{'x': 1}",
    "a comment": b'{"x": 1} // x',
    "a form": b"phone=%2B79001112233",
    "XML": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><x>&y;</x>',
}


@each_with_body
def test_what_is_no_json_object_is_refused(caller, method, path, subtests):
    before = traces()
    may_be_left_out = not operation(method, path)["requestBody"]["required"]
    for name, raw in RAW_BODIES.items():
        if not raw and may_be_left_out:
            continue
        with subtests.test(name):
            answer = send(caller, method, path, raw)
            assert is_problem(answer, 400, "invalid_request")
            assert is_declared(answer, method, path)
    assert traces() == before


@each_with_body
def test_odd_letters_in_any_field_are_an_answer_and_no_fault(caller, method, path, subtests):
    for name in body_schema(method, path)["properties"]:
        for text in ("\x00", "a\x00b", "\x1b[0m", "\r\n", "\u2028", "\uffff", "1e400", "\N{SNOWMAN}" * 32):
            with subtests.test(name, text=text):
                answer = send(caller, method, path, json.dumps({**good_body(method, path), name: text}).encode())
                assert answer.status_code < 500
                assert answer.status_code < 300 or is_declared(answer, method, path)


@pytest.mark.parametrize("extra", [b"1e400", b"-1e400", b"1E-400", b'"\\u0000"', b"[" * 500 + b"]" * 500])
def test_an_odd_value_of_an_unknown_field_is_ignored(guest, extra):
    answer = send(guest(PHONE), "post", "/user/login/", b'{"phone": "+79001112233", "x": ' + extra + b"}")
    assert answer.status_code == 201


def test_a_batch_is_no_attempt_and_no_message_to_a_second_number(guest):
    """C25."""
    alice = guest(PHONE)
    code = alice.ask().json()["code"]
    guesses = [{"phone": PHONE, "code": f"{guess:04}"} for guess in range(300)]
    assert is_problem(alice.post("/user/confirm/", guesses), 400, "invalid_request")
    assert is_problem(alice.post("/user/login/", {"phone": [PHONE, "+79005556677"]}), 400, "invalid_request")
    assert Challenge.objects.get().attempts == 0
    assert set(Message.objects.values_list("phone", flat=True)) == {PHONE}
    assert alice.confirm(code).status_code == 200


# ---- media types


MEDIA_TYPES = [
    ("text/plain", {}),
    ("application/x-www-form-urlencoded", {}),
    ("multipart/form-data; boundary=x", {}),
    ("application/xml", {}),
    ("application/problem+json", {}),
    ("application/jsonx", {}),
    ("text/json", {}),
    ("application/octet-stream", {}),
    ("", {}),
    ("application", {}),
    (", application/json", {}),
    ("application/json; charset=utf-16", {}),
    ("application/json; charset=iso-8859-1", {}),
    ("application/json; charset=nonsense", {}),
    ("application/json; charset=", {}),
    ("application/json", {"Content-Encoding": "gzip"}),
    ("application/json", {"Content-Encoding": "deflate"}),
    ("application/json", {"Content-Encoding": "br"}),
    ("application/json", {"Content-Encoding": "identity, gzip"}),
]


@each_unsafe
def test_a_body_that_is_not_declared_as_json_is_refused(caller, method, path, subtests):
    before = traces()
    for media_type, headers in MEDIA_TYPES:
        with subtests.test(media_type, **headers):
            answer = send(caller, method, path, b"{}", media_type, **headers)
            assert is_problem(answer, 415, "unsupported_media_type")
    assert traces() == before


@pytest.mark.parametrize(
    "media_type",
    ["application/json", "Application/JSON", "application/json;charset=UTF-8", 'application/json; charset="utf-8"'],
)
def test_json_may_be_declared_in_its_usual_ways(guest, media_type):
    assert send(guest(PHONE), "post", "/user/login/", b'{"phone": "+79001112233"}', media_type).status_code == 201


@pytest.mark.parametrize(("method", "path"), SIGNED_UNSAFE)
@pytest.mark.parametrize("kind", ["multipart", "urlencoded"])
def test_a_form_beside_a_session_cookie_is_never_read(guest, method, path, kind):
    """C31: a form is what another site's page can send without asking."""
    alice = guest(PHONE).sign_in()
    token = alice.client.cookies["csrftoken"].value
    before = traces()
    alice.client = _with_cookies(Client(enforce_csrf_checks=True), alice)
    alice.token = ""
    if kind == "multipart":
        part = f'--x\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n{token}\r\n--x--\r\n'
        answer = send(alice, method, path, part.encode(), "multipart/form-data; boundary=x")
    else:
        form = f"csrfmiddlewaretoken={token}&username=Mallory".encode()
        answer = send(alice, method, path, form, "application/x-www-form-urlencoded")
    assert is_problem(answer, 415, "unsupported_media_type")
    assert traces() == before


def _with_cookies(client: Client, guest: Guest) -> Client:
    client.cookies = guest.client.cookies
    return client


# ---- lengths


@each_operation
def test_a_body_over_16_kib_is_refused(caller, method, path):
    answer = send(caller, method, path, b" " * (LARGEST_BODY + 1))
    assert is_problem(answer, 413, "too_large")


@each_with_body
def test_a_body_of_exactly_16_kib_is_read(caller, method, path):
    body = json.dumps(good_body(method, path)).encode()
    answer = send(caller, method, path, body + b" " * (LARGEST_BODY - len(body)))
    assert answer.status_code < 300 or answer.json()["code"] != "too_large"
    assert answer.status_code in (200, 201, 400, 404)


@each_operation
def test_a_body_without_a_length_is_refused(caller, method, path):
    for coding in ("chunked", "Chunked", "gzip, chunked"):
        headers = {"Transfer-Encoding": coding, "Content-Type": "application/json"}
        answer = caller.client.generic(method.upper(), at(path), headers=headers)
        assert is_problem(answer, 411, "length_required")


@pytest.mark.parametrize(
    "length", ["-1", "+5", "x", "5 5", "5,5", "0x10", "1e3", "5.0", "٥", "99999999999999999999999"]
)
def test_a_length_that_is_no_number_or_far_too_large_is_refused(guest, length):
    answer = guest(PHONE).client.generic("POST", "/user/login/", b"{}", "application/json", CONTENT_LENGTH=length)
    assert answer.status_code in (400, 413)
    assert is_problem(answer, answer.status_code, "invalid_request" if answer.status_code == 400 else "too_large")


def test_a_length_of_five_thousand_digits_is_refused(guest):
    """Python refuses to make a number of more than 4300 digits."""
    answer = guest(PHONE).client.generic("POST", "/user/login/", b"{}", "application/json", CONTENT_LENGTH="9" * 5000)
    assert answer.status_code in (400, 413)


# ---- methods and paths


@pytest.mark.parametrize("path", PATHS)
def test_other_methods_are_refused_and_the_right_ones_named(guest, path):
    allowed = {method.upper() for method in DOCUMENT["paths"][path]}
    allowed |= {"HEAD"} if "GET" in allowed else set()
    for spelled in (at(path), at(path).rstrip("/")):
        for method in METHODS:
            if method.upper() in allowed:
                continue
            answer = guest(PHONE).client.generic(method.upper(), spelled)
            assert answer.headers["Allow"] == ", ".join(sorted(allowed))
            assert answer.status_code == 405
            assert method == "head" or is_problem(answer, 405, "method_not_allowed")


@pytest.mark.parametrize("path", [path for path in PATHS if "get" in DOCUMENT["paths"][path]])
def test_head_answers_like_get(guest, path):
    """The server leaves the body out; test_a_real_server_leaves_the_body_out_of_head."""
    alice = guest(PHONE).sign_in()
    shown, head = alice.get(path), alice.send("head", path)
    assert head.status_code == shown.status_code == 200
    grows = path == "/user/export/"  # by the line of the trail that says that it was asked for
    for name in ("Content-Type", "Cache-Control", *([] if grows else ["Content-Length"])):
        assert head.headers[name] == shown.headers[name]


UNKNOWN_PATHS = [
    "/user",
    "/user/",
    "/user/nothing/",
    "/user/login/x/",
    "/user/login//",
    "//user/login/",
    "/user//login/",
    "/USER/LOGIN/",
    "/user/login.json",
    "/user/login/%00",
    "/user/login/%2e%2e/",
    "/user/user-profile/../login/",
    "/user/user-profile/1/",
    "/user/sessions/a/b/",
    "/user-profile/",
    "/api/",
    "/openapi.json/",
    "/openapi.yaml",
    "/.env",
    "/.git/config",
    "/%00",
    "/%FF%FE",
    "/%ED%A0%80",
    "/%D0%B6",
    "/" + "a" * 5000,
    "/static/../settings.py",
    "/health/",
]


@pytest.mark.parametrize("path", UNKNOWN_PATHS)
def test_nothing_is_at_an_unknown_path(guest, path):
    client = guest(PHONE).client
    for method in ("GET", "POST", "DELETE", "OPTIONS", "BREW"):
        assert is_problem(client.generic(method, path, b"x" if method == "POST" else b""), 404, "not_found")


# ---- the order of the checks


def test_404_comes_before_all_others(guest):
    client = guest(PHONE).client
    too_large = client.generic("BREW", "/user/nothing/", b"x" * (LARGEST_BODY + 1), "text/plain")
    assert is_problem(too_large, 404, "not_found")
    chunked = client.generic("POST", "/user/nothing/", headers={"Transfer-Encoding": "chunked"})
    assert is_problem(chunked, 404, "not_found")


@pytest.mark.parametrize("path", PATHS)
def test_405_comes_before_length_and_media_type(guest, path):
    answer = guest(PHONE).client.generic("PUT", at(path), b"x" * (LARGEST_BODY + 1), "text/plain")
    assert is_problem(answer, 405, "method_not_allowed")


@each_unsafe
def test_length_comes_before_media_type_and_media_type_before_sign_in(guest, method, path):
    stranger = guest(PHONE)
    assert is_problem(send(stranger, method, path, b"x" * (LARGEST_BODY + 1), "text/plain"), 413, "too_large")
    chunked = stranger.client.generic(method.upper(), at(path), headers={"Transfer-Encoding": "chunked"})
    assert is_problem(chunked, 411, "length_required")
    assert is_problem(send(stranger, method, path, b"x", "text/plain"), 415, "unsupported_media_type")


@pytest.mark.parametrize(("method", "path"), SIGNED)
def test_sign_in_comes_before_csrf_and_body(guest, method, path):
    stranger = guest(PHONE)
    stranger.client = Client(enforce_csrf_checks=True)
    for body in (b"", b"[") if "requestBody" in operation(method, path) else (b"",):
        answer = send(stranger, method, path, body)
        assert is_problem(answer, 401, "not_signed_in")
        assert is_declared(answer, method, path)


@pytest.mark.parametrize(("method", "path"), SIGNED_UNSAFE)
def test_csrf_comes_before_the_body(guest, method, path):
    alice = guest(PHONE).sign_in()
    alice.client, alice.token = _with_cookies(Client(enforce_csrf_checks=True), alice), ""
    answer = send(alice, method, path, b"[")
    assert is_problem(answer, 403, "csrf_failed")
    assert is_declared(answer, method, path)


@pytest.mark.parametrize("path", ["/user/login/", "/user/confirm/"])
def test_another_site_is_refused_only_when_the_rest_fits(guest, path):
    stranger = guest(PHONE, Origin="https://evil.example")
    assert is_problem(send(stranger, "post", path, b"{}", "text/plain"), 415, "unsupported_media_type")
    assert is_problem(send(stranger, "post", path, json.dumps(good_body("post", path)).encode()), 403, "cross_site")


# ---- query strings


@pytest.mark.parametrize("query", ["phone=x", "phone=%2B7900", "phone=" + "7" * 151, "phone=%00", "phone=%ED%A0%80"])
def test_a_bad_number_to_look_for_in_the_inbox_is_refused(guest, query):
    answer = guest(PHONE).client.get(f"/sandbox/inbox/?{query}")
    assert answer.status_code == 400
    assert is_declared(answer, "get", "/sandbox/inbox/")


@pytest.mark.parametrize("query", ["%00", "&&&&", "=", "a=" + "x" * 5000, "%FF%FE=%FF", "limit[]=1", "phone[]=x"])
def test_a_query_that_nobody_asked_for_is_ignored(guest, query):
    alice = guest(PHONE).sign_in()
    for method, path in OPERATIONS:
        if method == "get":
            assert alice.get(f"{at(path)}?{query}").status_code == 200


# ---- on the wire, where a server stands in front


def wire(url: str, *lines: str, body: bytes = b"") -> tuple[int, bytes]:
    """The status and the rest of the answer to raw bytes."""
    where = urlsplit(url)
    request = "\r\n".join([*lines, f"Host: {where.netloc}", "Connection: close", "", ""]).encode("latin-1")
    with socket.create_connection((where.hostname, where.port), timeout=10) as connection:
        connection.sendall(request + body)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, rest = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), rest


def test_a_real_server_answers_too_much_and_too_little_alike(live_url):
    """C76: what never becomes a request of Django's is refused by the server; the rest by the door."""
    json_ = "Content-Type: application/json"
    login = "POST /user/login/ HTTP/1.1"
    statuses = {
        "chunked": wire(live_url, login, json_, "Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\n\r\n")[0],
        "large": wire(live_url, login, json_, "Content-Length: 20000", body=b" " * 20_000)[0],
        "no body": wire(live_url, login, json_, "Content-Length: 0")[0],
        "plain": wire(live_url, login, "Content-Type: text/plain", "Content-Length: 2", body=b"{}")[0],
        "good": wire(live_url, login, json_, "Content-Length: 24", body=b'{"phone":"+79001112233"}')[0],
        "deep": wire(live_url, login, json_, "Content-Length: 16000", body=b"[" * 16_000)[0],
        "odd method": wire(live_url, "BREW /user/login/ HTTP/1.1")[0],
        "odd path": wire(live_url, "GET /%00 HTTP/1.1")[0],
        "latin-1 header": wire(live_url, "GET /user/user-profile/ HTTP/1.1", "Authorization: Bearer \xff\xfe")[0],
    }
    assert statuses == {
        "chunked": 411,
        "large": 413,
        "no body": 400,
        "plain": 415,
        "good": 201,
        "deep": 400,
        "odd method": 405,
        "odd path": 404,
        "latin-1 header": 401,
    }


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Length: -1"],
        ["Content-Length: x"],
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: " + "9" * 5000],
        ["Content-Length: 2", "Transfer-Encoding: chunked"],
        ["X: " + "x" * 100_000],
    ],
)
def test_a_real_server_refuses_malformed_lengths_and_headers(live_url, headers):
    status, _ = wire(live_url, "POST /user/login/ HTTP/1.1", "Content-Type: application/json", *headers, body=b"{}")
    assert 400 <= status < 500


def test_a_real_server_leaves_the_body_out_of_head(live_url):
    answers = {method: wire(live_url, f"{method} /health/live/ HTTP/1.1") for method in ("GET", "HEAD")}
    assert answers == {"GET": (200, b'{"status": "ok"}'), "HEAD": (200, b"")}
