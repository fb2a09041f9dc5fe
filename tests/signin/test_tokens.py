"""POST /user/token/ and /.well-known/jwks.json: tokens for other services, and the keys to verify them with."""

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.test import Client

from guestlist.lib import clock, keys
from guestlist.lib.models import AuditLine
from guestlist.people.models import Person
from guestlist.signin import rules
from guestlist.signin.models import Session
from tests.guests import Guest, is_problem

TOKEN, JWKS = "/user/token/", "/.well-known/jwks.json"
REPORTS, CHAT = "https://reports.example.org", "chat"
BROWSER = {"Origin": "http://testserver"}


@pytest.fixture(autouse=True)
def _audiences(settings) -> None:
    settings.JWT_AUDIENCES = [REPORTS, CHAT]


def mint(guest: Guest, audience: str = REPORTS) -> str:
    answer = guest.post(TOKEN, {"audience": audience})
    assert answer.status_code == 200, answer.content
    return answer.json()["access_token"]


def unpacked(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def header(token: str) -> dict[str, Any]:
    return json.loads(unpacked(token.split(".")[0]))


def claims(token: str) -> dict[str, Any]:
    return json.loads(unpacked(token.split(".")[1]))


def published(guest: Guest) -> list[dict[str, str]]:
    return guest.client.get(JWKS).json()["keys"]


# ---- what is minted


def test_a_token_says_what_the_contract_says(alice, settings):
    with clock.at(datetime(2026, 1, 31, 12, 0, 0, 999_999, tzinfo=UTC)):
        alice.sign_in()
        answer = alice.post(TOKEN, {"audience": REPORTS})
    body = answer.json()
    assert (answer.status_code, {**body, "access_token": ""}) == (
        200,
        {"access_token": "", "token_type": "Bearer", "expires_in": 600},
    )
    assert answer.headers["Cache-Control"] == "no-store"
    found = claims(body["access_token"])
    assert set(found) == {"iss", "aud", "sub", "sid", "iat", "exp", "jti"}
    assert (found["iss"], found["aud"]) == (settings.PUBLIC_URL, REPORTS)
    assert found["iat"] == datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()
    assert found["exp"] - found["iat"] == 600
    assert re.fullmatch(r"[\w-]{22}", found["jti"])
    assert header(body["access_token"]) == {"alg": "EdDSA", "typ": "at+jwt", "kid": published(alice)[0]["kid"]}


def test_the_subject_is_a_random_id_of_the_person_and_the_same_for_good(alice, bob, guest):
    found = claims(mint(alice))
    assert re.fullmatch(r"[\w-]{22}", found["sub"])
    assert found["sub"] == Person.objects.get(phone=alice.phone).public_id
    again = guest(alice.phone).sign_in()
    assert {claims(mint(one, who))["sub"] for one in (alice, again) for who in (REPORTS, CHAT)} == {found["sub"]}
    assert claims(mint(bob))["sub"] != found["sub"]


def test_a_token_tells_neither_number_nor_id_nor_session(alice):
    alice.send("patch", "/user/user-profile/", {"username": "Alice", "email": "alice@example.org"})
    text = json.dumps(claims(mint(alice)))
    id_, secret = alice.token.split(".")
    for told in (
        alice.phone,
        alice.phone[1:],
        "Alice",
        "alice@example.org",
        alice.profile()["invite_code"],
        id_,
        secret,
    ):
        assert told not in text
    assert claims(mint(alice))["sub"] != str(alice.profile()["id"])


def test_the_session_is_told_apart_and_not_named(alice, guest):
    again = guest(alice.phone).sign_in()
    sids = [claims(mint(one))["sid"] for one in (alice, alice, again)]
    assert sids[0] == sids[1] != sids[2]
    ids = Session.objects.values_list("pk", flat=True)
    assert not [sid for sid in sids if any(sid[:6] in id_ or id_[:6] in sid for id_ in ids)]


def test_no_two_tokens_are_the_same(alice):
    tokens = [mint(alice) for _ in range(5)]
    assert len({claims(token)["jti"] for token in tokens}) == 5


def test_who_was_registered_by_the_version_before_is_given_an_id(alice):
    Person.objects.update(public_id=None)
    sub = claims(mint(alice))["sub"]
    assert re.fullmatch(r"[\w-]{22}", sub)
    assert claims(mint(alice))["sub"] == Person.objects.get().public_id == sub


def test_many_people_without_an_id_may_be(guest):
    for number in range(3):
        guest(f"+7900111223{number}").sign_in()
    assert Person.objects.update(public_id=None) == 3


# ---- who may have one


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"audience": ""},
        {"audience": "https://reports.example.org/"},
        {"audience": "HTTPS://REPORTS.EXAMPLE.ORG"},
        {"audience": f"{REPORTS},{CHAT}"},
        {"audience": f" {CHAT}"},
        {"audience": "cha"},
        {"audience": "http://127.0.0.1:8000"},
        {"audience": [CHAT]},
        {"audience": None},
        {"audience": {"0": CHAT}},
        {"audience": True},
        {"audience": "x" * 201},
        {"audience": "\x00"},
        {"aud": CHAT},
    ],
)
def test_an_audience_that_is_not_in_the_list_is_refused_by_field(alice, body):
    answer = alice.post(TOKEN, body)
    assert is_problem(answer, 400, "invalid_request")
    assert [found["field"] for found in answer.json()["errors"]] == ["audience"]
    assert REPORTS not in answer.content.decode()


def test_without_audiences_there_are_no_tokens(alice, settings):
    settings.JWT_AUDIENCES = []
    for audience in ("", REPORTS, "*"):
        assert is_problem(alice.post(TOKEN, {"audience": audience}), 400, "invalid_request")


def test_nobody_else_gets_one(alice, guest):
    assert is_problem(guest("+79005556677").post(TOKEN, {"audience": REPORTS}), 401, "not_signed_in")
    alice.post("/user/logout/", {})
    assert is_problem(alice.post(TOKEN, {"audience": REPORTS}), 401, "not_signed_in")


def test_a_blocked_person_gets_none(alice):
    Person.objects.update(blocked_at=clock.now())
    assert is_problem(alice.post(TOKEN, {"audience": REPORTS}), 401, "not_signed_in")


def test_by_cookie_it_needs_the_csrf_token(guest):
    page = guest("+79001112233")
    page.client = Client(enforce_csrf_checks=True, headers=BROWSER)
    page.sign_in()
    assert page.token is None
    assert is_problem(page.post(TOKEN, {"audience": REPORTS}), 403, "csrf_failed")
    csrf = page.client.cookies["csrftoken"].value
    answer = page.send("post", TOKEN, {"audience": REPORTS}, **{"X-CSRFToken": csrf})
    assert answer.status_code == 200


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_only_by_post(alice, method):
    assert is_problem(alice.send(method, TOKEN), 405, "method_not_allowed")


def test_one_person_gets_120_an_hour(live, guest):
    alice, start = guest("+79001112233"), clock.now()
    with clock.at(start):
        alice.ask()
        alice.token = alice.confirm(live.code_for(alice.phone)).json()["token"]
        for _ in range(120):
            mint(alice)
        refused = alice.post(TOKEN, {"audience": CHAT})
    assert is_problem(refused, 429, "too_many_requests")
    wait = int(refused.headers["Retry-After"])
    with clock.at(start + timedelta(seconds=wait)):
        mint(alice)
    assert AuditLine.objects.filter(event="token.minted").count() == 121
    assert AuditLine.objects.get(event="limit.refused").facts.startswith("reason=TOKENS_PER_PERSON")


def test_each_is_a_line_of_the_audit_trail_without_the_token(alice, caplog):
    with caplog.at_level("INFO"):
        token = mint(alice)
    line = AuditLine.objects.get(event="token.minted")
    assert line.person_id == alice.profile()["id"]
    assert f"session={alice.token[:6]} audience={REPORTS} jti={claims(token)['jti']}" in line.facts
    assert not [part for part in token.split(".") if part in caplog.text + line.facts]


# ---- the keys


def test_the_signature_is_one_of_ed25519_by_the_published_key(alice):
    token = mint(alice)
    (key,) = published(alice)
    signed, _, signature = token.rpartition(".")
    Ed25519PublicKey.from_public_bytes(unpacked(key["x"])).verify(unpacked(signature), signed.encode())


def test_the_key_set_is_public_for_five_minutes_and_holds_no_private_half(client, settings):
    answer = client.get(JWKS)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, max-age=300")
    assert answer.headers["Content-Type"] == "application/json"
    (key,) = answer.json()["keys"]
    assert set(key) == {"kty", "crv", "x", "kid", "alg", "use"}
    assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("OKP", "Ed25519", "EdDSA", "sig")
    assert client.head(JWKS).status_code == 200
    assert is_problem(client.post(JWKS), 405, "method_not_allowed")


def test_the_keys_name_is_the_beginning_of_its_thumbprint(client):
    """RFC 7638: SHA-256 of the required members in alphabetical order."""
    (key,) = client.get(JWKS).json()["keys"]
    members = json.dumps({name: key[name] for name in ("crv", "kty", "x")}, separators=(",", ":"))
    thumbprint = base64.urlsafe_b64encode(bytes.fromhex(keys.digest(members))).decode()
    assert key["kid"] == thumbprint[:16]


def test_the_newest_key_signs_and_older_ones_stay_until_they_are_dropped(alice, settings):
    old = mint(alice)
    before = dict(settings.JWT_KEYS)
    settings.JWT_KEYS = {2: keys.subkey(b"new", "tokens"), **before}
    new = mint(alice)
    assert [key["kid"] for key in published(alice)] == [header(new)["kid"], header(old)["kid"]]
    settings.JWT_KEYS = {2: settings.JWT_KEYS[2]}
    assert [key["kid"] for key in published(alice)] == [header(new)["kid"]]


def test_without_a_key_the_set_is_empty(client, settings):
    settings.JWT_KEYS = {}
    assert client.get(JWKS).json() == {"keys": []}


# ---- the rule


@pytest.mark.parametrize("fraction", [0, 1, 999_999])
def test_a_token_never_lives_longer_than_600_whole_seconds(fraction):
    now = datetime(2026, 1, 31, 12, 0, 0, fraction, tzinfo=UTC)
    found = rules.claims("i", "a", "s", "session", "t", now)
    assert (found["iat"], found["exp"]) == (int(now.timestamp()), int(now.timestamp()) + 600)
    assert found["exp"] <= now.timestamp() + 600
