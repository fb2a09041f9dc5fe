"""C87: the message of a code is one segment, names our host and no other, and browsers read the code out of it."""

import re
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest
from django.test import override_settings
from django.utils import translation
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from guestlist.delivery import segments, wording
from guestlist.signin import texts

PHONE = "+79001112233"
CODES = ("1234", "12345", "123456", "1234567", "12345678")
HASHES = ("", "FA+9qCX9VSu")
SPACE = "\t\n\f\r "  # ASCII whitespace, by the Infra Standard
NO_WORDS = None
PAPER = Path(__file__).resolve().parents[2] / "docs" / "messages.md"
SAID = {
    ("long", "en"): "Your code is 12345678. Do not share it.",
    ("short", "en"): "Code: 12345678",
    ("none", "en"): "12345678",
    ("long", "ru"): "Код 12345678. Никому его не говорите.",
    ("short", "ru"): "Код: 12345678",
    ("none", "ru"): "12345678",
}


@pytest.fixture(autouse=True)
def _nobody_has_words_of_their_own(monkeypatch):
    monkeypatch.setattr(wording, "current", lambda kind, language: NO_WORDS)


# ---- WICG's "Origin-bound one-time codes", section "Parsing", step by step


class Found(NamedTuple):
    host: str
    code: str
    embedded: str | None


def parse(message: str) -> Found | None:
    """What a browser finds in a message; None is the specification's failure."""
    line, position = last_line(message), 0
    host, position = marked_token(line, position, "@")
    if host is None or position >= len(line) or line[position] != " ":
        return None
    position += 1
    code, position = marked_token(line, position, "#")
    if code is None:
        return None
    embedded = None
    if position < len(line) and line[position] == " ":
        embedded, position = marked_token(line, position + 1, "@")
    return Found(host, code, embedded)


def marked_token(text: str, position: int, marker: str) -> tuple[str | None, int]:
    if position >= len(text) or text[position] != marker:
        return None, position
    position += 1
    start = position
    while position < len(text) and text[position] not in SPACE:
        position += 1
    return text[start:position] or None, position


def last_line(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[-1]


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ("747723 is your code.\n\n@example.com #747723", ("example.com", "747723", None)),
        ("747723 is your code.\r\n@example.com #747723", ("example.com", "747723", None)),
        ("@example.com #747723 @shop.example $future", ("example.com", "747723", "shop.example")),
        ("something @example.com #747723", None),
        ("#747723 @example.com", None),
        ("@example.com code #747723", None),
        ("@example.com  #747723", None),
        ("@example.com #747723\n", None),
        ("@ #747723", None),
        ("@example.com #", None),
        ("", None),
    ],
)
def test_the_parser_reads_the_specifications_examples(message, found):
    assert parse(message) == (found and Found(*found))


def chromium(message: str) -> tuple[str, str]:
    """The first match of Chromium's own expression, which looks in any line (content/browser/sms/sms_parser.cc)."""
    return re.search(r"(?:^|\s)@([a-zA-Z0-9.-]+) #([^#\s]+)", message).groups()


# ---- one segment, wherever it can be


def host_of(length: int) -> str:
    """A host name of this length, in labels that DNS allows."""
    name = ("guests." * 40)[:length]
    return f"{name[:-1]}s" if name.endswith(".") else name


def shortest(digits: str, host: str, app_hash: str) -> str:
    """The least that a message with all its parts can be."""
    return "\n".join(part for part in (digits, app_hash, f"@{host} #{digits}") if part)


def can_be_one(digits: str, host: str, app_hash: str) -> bool:
    least = shortest(digits, host, app_hash)
    return len(least) <= (140 if app_hash else 160)  # ASCII: a septet, and a byte, for each character


@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_message_that_can_be_one_segment_is_one(settings, language):
    seen, one = 0, 0
    for digits, app_hash, length in product(CODES, HASHES, range(4, 254)):
        host = host_of(length)
        settings.PUBLIC_URL, settings.ANDROID_APP_HASH = f"https://{host}", app_hash
        text = texts.rendered(digits, language)
        assert parse(text) == Found(host, digits, None)
        assert chromium(text) == (host, digits)
        assert app_hash in ("", *text.split("\n"))
        seen += 1
        if can_be_one(digits, host, app_hash):
            one += 1
            assert segments.is_one(text), (length, text)
            assert not app_hash or len(text.encode()) <= 140, (length, text)
        else:
            assert text == shortest(digits, host, app_hash)
    assert seen == 5 * 2 * 250
    # Beside the host, a code of d digits alone needs 2d + 4 characters, and a hash 12 more: hosts up to 156 - 2d of 160
    # characters, and up to 124 - 2d of Android's 140.
    assert one == sum((156 - 2 * d - 3) + (124 - 2 * d - 3) for d in (4, 5, 6, 7, 8)) == 1250


@pytest.mark.parametrize(
    ("language", "length", "app_hash", "said"),
    [
        ("en", 18, "", "Your code is {}. Do not share it.\n\n"),
        ("en", 60, HASHES[1], "Your code is {}. Do not share it.\n\n"),
        ("en", 108, "", "Your code is {}. Do not share it.\n\n"),
        ("en", 109, "", "Your code is {}. Do not share it.\n"),
        ("en", 110, "", "Code: {}\n\n"),
        ("ru", 20, "", "Код {}. Никому его не говорите.\n\n"),
        ("ru", 21, "", "Код {}. Никому его не говорите.\n"),
        ("ru", 22, "", "Код: {}\n\n"),
        ("ru", 9, HASHES[1], "Код {}. Никому его не говорите.\n"),
        ("ru", 10, HASHES[1], "Код: {}\n\n"),
        ("ru", 33, HASHES[1], "Код: {}\n"),
        ("ru", 45, "", "Код: {}\n"),
        ("ru", 46, "", "{}\n\n"),
    ],
)
def test_the_longest_words_that_fit_are_said_and_an_empty_line_where_there_is_room(
    settings, language, length, app_hash, said
):
    settings.PUBLIC_URL, settings.ANDROID_APP_HASH = f"https://{host_of(length)}", app_hash
    text = texts.rendered("12345678", language)
    lines = f"{app_hash}\n" if app_hash else ""
    assert text == f"{said.format('12345678')}{lines}@{host_of(length)} #12345678"


def test_how_long_the_host_may_be_is_documented(settings):
    """docs/messages.md has the longest host, with 8 digits, for each of the words."""
    table = re.findall(
        r"^\| (long|short|none) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", PAPER.read_text("utf-8"), re.MULTILINE
    )
    assert [words for words, *_ in table] == ["long", "short", "none"]
    for said, *figures in table:
        for figure, (app_hash, language) in zip(figures, product(HASHES, ["en", "ru"]), strict=True):
            settings.ANDROID_APP_HASH = app_hash
            words = SAID[said, language]
            fit = [length for length in range(4, 254) if first_line(settings, language, length) == words]
            assert int(figure) == max(fit), (said, language, app_hash)


def first_line(settings, language: str, length: int) -> str:
    settings.PUBLIC_URL = f"https://{host_of(length)}"
    text = texts.rendered("12345678", language)
    return text.split("\n")[0] if wording.fits(text) else ""


@hypothesis(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    digits=st.text("0123456789", min_size=4, max_size=8),
    host=st.from_regex(r"[a-z0-9]{1,20}(-[a-z0-9]{1,20}){0,2}(\.[a-z0-9]{1,20}){1,4}", fullmatch=True),
    app_hash=st.sampled_from(HASHES),
    language=st.sampled_from(["en", "ru", "de"]),
)
def test_whatever_the_host_is_browsers_read_it_and_the_code(digits, host, app_hash, language):
    with override_settings(PUBLIC_URL=f"https://{host}:8443", ANDROID_APP_HASH=app_hash):
        text = texts.rendered(digits, language)
    assert parse(text) == Found(host, digits, None)
    assert chromium(text) == (host, digits)
    assert text.count(digits) >= 2  # for people, and for browsers
    assert text.split("\n")[-2:-1] == [app_hash] or not app_hash
    assert segments.is_one(text) or not can_be_one(digits, host, app_hash)


def test_the_language_is_the_one_in_force_unless_one_is_named():
    with translation.override("ru"):
        assert texts.rendered("1234").startswith("Код 1234.")
        assert texts.rendered("1234", "en").startswith("Your code is 1234.")
    with translation.override("en"):
        assert texts.rendered("1234", "ru").startswith("Код 1234.")
    with translation.override(None):
        assert texts.rendered("1234").startswith("Your code is 1234.")


def test_an_address_of_ipv6_is_written_as_in_a_url(settings):
    settings.PUBLIC_URL = "http://[::1]:8000"
    assert parse(texts.rendered("1234")) == Found("[::1]", "1234", None)


# ---- the host is ours, whatever a request says


@pytest.mark.parametrize("host", ["other.example.org", "127.0.0.1", "guests.example.org:9999"])
def test_the_host_is_the_configured_one_whatever_host_a_request_names(guest, settings, host):
    settings.PUBLIC_URL = "https://guests.example.org"
    settings.ALLOWED_HOSTS = ["guests.example.org", "other.example.org", "127.0.0.1"]
    forged = {"Host": host, "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    alice = guest(PHONE)
    asked = alice.send("post", "/user/login/", {"phone": PHONE}, **forged)
    inbox = alice.send("get", "/sandbox/inbox/", **forged).json()["messages"]
    assert [parse(message["text"]) for message in inbox] == [Found("guests.example.org", asked.json()["code"], None)]


def test_a_live_message_names_the_configured_host_too(guest, live, settings):
    settings.PUBLIC_URL, settings.PHONE_REGIONS = "https://guests.example.org", ["*"]
    settings.ALLOWED_HOSTS = ["guests.example.org", "other.example.org"]
    guest(PHONE).send("post", "/user/login/", {"phone": PHONE}, **{"Host": "other.example.org"})
    (message,) = live.sent
    assert parse(message.text).host == "guests.example.org"
