"""C34: forged tokens, against our own API and against the verifier that docs/tokens.md prints."""

import base64
import hashlib
import hmac
import io
import json
import re
import socket
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings as ours
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from guestlist.lib import clock, keys
from tests import servers
from tests.guests import Guest, is_problem

ISSUER, AUDIENCE = "https://guests.example.org", "https://reports.example.org"
EVIL = "https://evil.example/keys"
TODAY = datetime(2026, 1, 31, 12, tzinfo=UTC)
NOW = int(TODAY.timestamp())
GOOD = {"iss": ISSUER, "aud": AUDIENCE, "sub": "A" * 22, "sid": "b", "iat": NOW, "exp": NOW + 600, "jti": "c"}


def packed(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def private(seed: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed)


def our_seed() -> bytes:
    return next(iter(ours.JWT_KEYS.values()))


def our_jwk() -> dict[str, str]:
    return Client().get("/.well-known/jwks.json").json()["keys"][0]


def token(header: Any, claims: Any, sign: Callable[[bytes], bytes]) -> str:
    """Any token at all, put together by hand."""
    halves = ".".join(
        packed(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (header, claims)
    )
    return f"{halves}.{packed(sign(halves.encode()))}"


def by_us(header: dict[str, Any] | None = None, claims: dict[str, Any] | None = None, *, without: str = "") -> str:
    """Signed with our own key, so that nothing but what it says can give it away."""
    whole = {"alg": "EdDSA", "typ": "at+jwt", "kid": our_jwk()["kid"], **(header or {})}
    said = {**GOOD, **(claims or {})}
    return token(drop(whole, without), drop(said, without), private(our_seed()).sign)


def odd(header: Any, claims: Any) -> str:
    """Signed with our own key, whatever the parts are; None stands for a header as it should be."""
    return token(header or {"alg": "EdDSA", "typ": "at+jwt", "kid": our_jwk()["kid"]}, claims, private(our_seed()).sign)


def by_others(**header: Any) -> str:
    """Signed with a key of their own, under our key's name."""
    return token({"alg": "EdDSA", "typ": "at+jwt", "kid": our_jwk()["kid"], **header}, GOOD, private(b"evil" * 8).sign)


def by_hmac(secret: bytes, alg: str = "HS256") -> str:
    """C34: the public key, which everybody has, taken for a shared secret."""
    header = {"alg": alg, "typ": "at+jwt", "kid": our_jwk()["kid"]}
    return token(header, GOOD, lambda text: hmac.digest(secret, text, hashlib.sha256))


def unsigned(alg: str) -> str:
    return token({"alg": alg, "typ": "at+jwt", "kid": our_jwk()["kid"]}, GOOD, lambda _: b"")


def drop(found: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key != name}


def evil_jwk() -> dict[str, str]:
    x = private(b"evil" * 8).public_key().public_bytes_raw()
    return {"kty": "OKP", "crv": "Ed25519", "x": packed(x), "kid": our_jwk()["kid"]}


def changed(change: Callable[[list[str]], list[str]]) -> str:
    return ".".join(change(by_us().split(".")))


FORGED: dict[str, Callable[[], str]] = {
    "alg none": lambda: unsigned("none"),
    "alg None": lambda: unsigned("None"),
    "alg NONE": lambda: unsigned("NONE"),
    "alg none, signed by us": lambda: by_us({"alg": "none"}),
    "no alg": lambda: by_us(without="alg"),
    "alg null": lambda: by_us({"alg": None}),
    "alg a list": lambda: by_us({"alg": ["EdDSA"]}),
    "alg in another case": lambda: by_us({"alg": "eddsa"}),
    "alg Ed25519, signed by us": lambda: by_us({"alg": "Ed25519"}),
    "alg RS256, signed by us": lambda: by_us({"alg": "RS256"}),
    "HS256 with the public key as text": lambda: by_hmac(our_jwk()["x"].encode()),
    "HS256 with the public key's bytes": lambda: by_hmac(private(our_seed()).public_key().public_bytes_raw()),
    "HS256 with the key set": lambda: by_hmac(json.dumps(our_jwk()).encode()),
    "HS256 with nothing": lambda: by_hmac(b""),
    "HS256 under the name EdDSA": lambda: by_hmac(our_jwk()["x"].encode(), "EdDSA"),
    "another key": by_others,
    "jwk": lambda: by_others(jwk=evil_jwk()),
    "jwk alone": lambda: by_others(jwk=evil_jwk(), kid=""),
    "jku": lambda: by_others(jku=EVIL),
    "x5u": lambda: by_others(x5u=EVIL),
    "x5c": lambda: by_others(x5c=[packed(b"certificate")]),
    "jku, signed by us": lambda: by_us({"jku": EVIL}),
    "jwk, signed by us": lambda: by_us({"jwk": our_jwk()}),
    "kid of a file": lambda: by_others(kid="../../../../dev/null"),
    "kid of SQL": lambda: by_others(kid="x' UNION SELECT 'evil' --"),
    "kid empty": lambda: by_others(kid=""),
    "kid null": lambda: by_others(kid=None),
    "kid a list": lambda: by_us({"kid": [our_jwk()["kid"]]}),
    "no kid": lambda: by_us(without="kid"),
    "kid with a space": lambda: by_us({"kid": our_jwk()["kid"] + " "}),
    "kid of a web address": lambda: by_others(kid=EVIL),
    "unknown crit": lambda: by_us({"crit": ["x"], "x": 1}),
    "crit of nothing": lambda: by_us({"crit": ["exp"]}),
    "b64 false": lambda: by_us({"b64": False, "crit": ["b64"]}),
    "no typ": lambda: by_us(without="typ"),
    "typ JWT": lambda: by_us({"typ": "JWT"}),
    "typ of an ID token": lambda: by_us({"typ": "id+jwt"}),
    "typ null": lambda: by_us({"typ": None}),
    "no iss": lambda: by_us(without="iss"),
    "another iss": lambda: by_us(claims={"iss": "https://evil.example"}),
    "iss with a slash": lambda: by_us(claims={"iss": ISSUER + "/"}),
    "iss a list": lambda: by_us(claims={"iss": [ISSUER]}),
    "no aud": lambda: by_us(without="aud"),
    "another aud": lambda: by_us(claims={"aud": "https://chat.example.org"}),
    "aud null": lambda: by_us(claims={"aud": None}),
    "aud of many": lambda: by_us(claims={"aud": [AUDIENCE, "https://chat.example.org"]}),
    "aud longer": lambda: by_us(claims={"aud": AUDIENCE + ".evil.example"}),
    "no sub": lambda: by_us(without="sub"),
    "no iat": lambda: by_us(without="iat"),
    "no exp": lambda: by_us(without="exp"),
    "exp null": lambda: by_us(claims={"exp": None}),
    "exp text": lambda: by_us(claims={"exp": str(NOW + 600)}),
    "exp true": lambda: by_us(claims={"exp": True}),
    "exp in milliseconds": lambda: by_us(claims={"exp": (NOW + 600) * 1000}),
    "exp and iat in milliseconds": lambda: by_us(claims={"iat": NOW * 1000, "exp": NOW * 1000 + 600}),
    "exp without end": lambda: odd(None, json.dumps(GOOD).replace(str(NOW + 600), "Infinity").encode()),
    "a day long": lambda: by_us(claims={"exp": NOW + 86_400}),
    "over": lambda: by_us(claims={"iat": NOW - 1000, "exp": NOW - 400}),
    "of tomorrow": lambda: by_us(claims={"iat": NOW + 86_400, "exp": NOW + 87_000}),
    "claims a list": lambda: odd(None, [GOOD]),
    "claims no JSON": lambda: odd(None, b"\xff"),
    "header no JSON": lambda: odd(b"\xff", GOOD),
    "header a list": lambda: odd(["EdDSA"], GOOD),
    "header deep": lambda: odd(b"[" * 5000, GOOD),
    "signature cut": lambda: by_us()[:-8],
    "signature gone": lambda: changed(lambda parts: [*parts[:2], ""]),
    "no signature at all": lambda: changed(lambda parts: parts[:2]),
    "signature longer": lambda: changed(lambda parts: [*parts[:2], parts[2] + "AAAA"]),
    "signature of zeros": lambda: changed(lambda parts: [*parts[:2], packed(bytes(64))]),
    "a part more": lambda: changed(lambda parts: [*parts, parts[2]]),
    "other claims": lambda: changed(
        lambda parts: [parts[0], packed(json.dumps({**GOOD, "sub": "M"}).encode()), parts[2]]
    ),
    "in JSON": lambda: json.dumps(dict(zip(("protected", "payload", "signature"), by_us().split("."), strict=True))),
    "encrypted": lambda: ".".join(
        [packed(b'{"alg":"dir","enc":"A256GCM"}'), "", *map(packed, (b"iv", b"text", b"tag"))]
    ),
    "nothing": lambda: "",
    "dots": lambda: "..",
    "not Latin": lambda: "Ж.Ж.Ж",
}


@pytest.fixture(autouse=True)
def _minting(settings) -> Iterator[None]:
    settings.PUBLIC_URL, settings.JWT_AUDIENCES = ISSUER, [AUDIENCE]
    with clock.at(TODAY):
        yield


@pytest.fixture
def called(monkeypatch) -> list[Any]:
    """Where anything in this process connects to, but for the database."""
    found, connect = [], socket.socket.connect

    def note(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and str(address[1]) != str(ours.DATABASES["default"]["PORT"]):
            found.append(address)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", note)
    return found


@pytest.fixture
def verifier(monkeypatch) -> SimpleNamespace:
    """The code in docs/tokens.md, run as it is printed; `asked` are the addresses that it fetches."""
    (printed,) = re.findall(
        r"^```python\n(.*?)^```$", (servers.ROOT / "docs/tokens.md").read_text("utf-8"), re.M | re.S
    )
    asked: list[str] = []

    def urlopen(url: str, timeout: int) -> io.BytesIO:
        asked.append(url)
        return io.BytesIO(Client().get(url.removeprefix(ISSUER)).content)

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    names: dict[str, Any] = {}
    exec(compile(printed, "docs/tokens.md", "exec"), names)
    names["time"] = SimpleNamespace(time=lambda: NOW + 0.9, monotonic=lambda: 1000.0)
    return SimpleNamespace(names=names, asked=asked, claims_of=names["claims_of"], NotValid=names["NotValid"])


def minted(guest: Guest) -> str:
    return guest.post("/user/token/", {"audience": AUDIENCE}).json()["access_token"]


def test_there_are_many_kinds_of_forgeries():
    assert len(FORGED) >= 70


def test_the_verifier_knows_a_token_of_ours(alice, verifier):
    found = verifier.claims_of(minted(alice))
    assert (found["iss"], found["aud"], len(found["sub"])) == (ISSUER, AUDIENCE, 22)
    assert verifier.claims_of(by_us())["sub"] == GOOD["sub"]  # so the forgeries differ from a good one in one thing
    assert verifier.asked == [f"{ISSUER}/.well-known/jwks.json"]


@pytest.mark.parametrize("kind", FORGED)
def test_the_verifier_refuses_a_forged_token_and_asks_nobody_but_us(verifier, called, kind):
    with pytest.raises(verifier.NotValid):
        verifier.claims_of(FORGED[kind]())
    assert set(verifier.asked) <= {f"{ISSUER}/.well-known/jwks.json"}
    assert called == []


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_token_opens_nothing_here(alice, called, kind):
    stranger = Guest("+79005556677")
    stranger.client.cookies["guestlist_session"] = alice.token  # not read beside a bearer
    bearer = {"Authorization": f"Bearer {FORGED[kind]()}"}
    for method, path, body in (
        ("get", "/user/user-profile/", None),
        ("get", "/user/sessions/", None),
        ("post", "/user/token/", {"audience": AUDIENCE}),
    ):
        assert is_problem(stranger.send(method, path, body, **bearer), 401, "not_signed_in")
    assert called == []


def test_a_valid_token_opens_nothing_here_either(alice):
    alice.token, session = minted(alice), alice.token
    for method, path, body in (
        ("get", "/user/user-profile/", None),
        ("post", "/user/user-profile/", {"username": "Mallory"}),
        ("get", "/user/sessions/", None),
        ("delete", "/user/sessions/", None),
        ("post", "/user/logout/", {}),
        ("post", "/user/token/", {"audience": AUDIENCE}),
        ("post", "/user/user-profile/activate-code/", {"code": "7K2M9Q"}),
    ):
        assert is_problem(alice.send(method, path, body), 401, "not_signed_in")
    stranger = Guest(alice.phone)
    stranger.client.cookies["guestlist_session"] = alice.token
    assert is_problem(stranger.get("/user/user-profile/"), 401, "not_signed_in")
    alice.token = session
    assert alice.profile()["username"] == ""


@pytest.mark.parametrize(("seconds", "is_good"), [(-30, True), (-31, False), (629, True), (630, False)])
def test_clocks_may_differ_by_30_seconds(alice, verifier, seconds, is_good):
    """A negative figure: the verifier's clock is behind ours, so the token seems to be of the future."""
    with clock.at(TODAY - timedelta(seconds=seconds)):
        text = minted(alice.sign_in())
    if is_good:
        assert verifier.claims_of(text)["exp"] == NOW - seconds + 600
    else:
        with pytest.raises(verifier.NotValid):
            verifier.claims_of(text)


def test_a_token_outlives_its_session_by_no_more_than_its_600_seconds(alice, verifier):
    text = minted(alice)
    alice.post("/user/logout/", {})
    assert verifier.claims_of(text)["exp"] == NOW + 600


def test_the_verifier_finds_a_new_key_by_itself_and_forgets_a_dropped_one(alice, verifier, settings):
    old = minted(alice)
    verifier.claims_of(old)
    before = dict(settings.JWT_KEYS)
    settings.JWT_KEYS = {2: keys.subkey(b"new", "tokens"), **before}
    new = minted(alice)
    with pytest.raises(verifier.NotValid):
        verifier.claims_of(new)  # it has just asked, and does not ask again at once
    verifier.names["fetched"] -= 11
    assert verifier.claims_of(new)["sub"] == verifier.claims_of(old)["sub"]
    assert len(verifier.asked) == 2
    settings.JWT_KEYS = {2: settings.JWT_KEYS[2]}
    verifier.claims_of(old)
    verifier.names["fetched"] -= 301
    with pytest.raises(verifier.NotValid):
        verifier.claims_of(old)
    assert len(verifier.asked) == 3


def test_made_up_key_names_do_not_become_requests_to_us(verifier):
    for number in range(50):
        with pytest.raises(verifier.NotValid):
            verifier.claims_of(by_us({"kid": f"made-up-{number}"}))
    assert len(verifier.asked) == 1


@given(st.one_of(st.text(max_size=200), st.lists(st.binary(max_size=60).map(packed), max_size=6).map(".".join)))
@hypothesis(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_shown_the_verifier_answers_with_one_refusal(verifier, text):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(verifier.NotValid):
            verifier.claims_of(text)
