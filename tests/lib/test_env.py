"""Settings come from the environment; what does not fit stops the start with a sentence that names the variable."""

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from guestlist.lib.env import Environment
from guestlist.settings import env

ROOT = Path(__file__).resolve().parents[2]
KEY, OTHER, THIRD, FOURTH = (f"{name}-9fK2vQ7xLwT4mZr8NcB5yHd3JpG6sWqX" for name in "KOTF")


def environment(**variables: str) -> Environment:
    return Environment(variables)


@pytest.fixture
def start(monkeypatch, tmp_path):
    """Reads the settings file as a start does, with nothing but these variables, and a database that is not ours."""

    def read(**variables: str) -> dict[str, object]:
        for name in env.names:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'guestlist.sqlite3'}")
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(ROOT / "guestlist" / "settings.py"))

    return read


def test_what_is_set_is_read():
    assert environment(X="a").text("X", "b") == "a"
    assert environment(X=" a , b,, c ").words("X") == ["a", "b", "c"]
    assert environment(X="42").number("X", 1, 0, 99) == 42
    assert environment(X="YES").flag("X", False) is True
    assert environment(X="off").flag("X", True) is False
    assert environment(X="0.5-2").seconds("X", "1") == (0.5, 2.0)
    assert environment(X="3").seconds("X", "1") == (3.0, 3.0)
    assert environment(X="https://a.example:8443/").origin("X", "http://b") == "https://a.example:8443"


@pytest.mark.parametrize("blank", [{}, {"X": ""}, {"X": "  "}])
def test_what_is_absent_or_empty_takes_its_default(blank):
    read = Environment(blank)
    assert read.text("X", "b") == "b"
    assert read.words("X", "b,c") == ["b", "c"]
    assert read.number("X", 7, 0, 99) == 7
    assert read.flag("X", True) is True
    assert read.seconds("X", "1-2") == (1.0, 2.0)
    assert read.origin("X", "http://b") == "http://b"
    assert read.secret("X") is None


def test_every_name_that_was_read_is_known():
    read = environment()
    read.text("ONE", "1")
    read.secret("TWO")
    assert set(read.names) == {"ONE", "TWO", "TWO_FILE"}


@pytest.mark.parametrize("value", ["4.0", "-1", "+1", "1e1", "four", "0x10", "1 0", "3", "9", "9999999999", "1_0"])
def test_a_wrong_number_stops_with_a_sentence(value):
    with pytest.raises(ImproperlyConfigured, match=r"^CODE_DIGITS is .* whole number from 4 to 8\.$"):
        environment(CODE_DIGITS=value).number("CODE_DIGITS", 4, 4, 8)


@pytest.mark.parametrize("value", ["2", "maybe", "yess", "y"])
def test_a_wrong_flag_stops_with_a_sentence(value):
    with pytest.raises(ImproperlyConfigured, match=r"^DEBUG is .* yes or no\.$"):
        environment(DEBUG=value).flag("DEBUG", False)


@pytest.mark.parametrize("value", ["2-1", "61", "1-61", "-1", "1-", "a", "1,5", "1s", "nan", "inf"])
def test_a_wrong_span_of_seconds_stops_with_a_sentence(value):
    with pytest.raises(ImproperlyConfigured, match=r"^SANDBOX_DELAY is .* seconds"):
        environment(SANDBOX_DELAY=value).seconds("SANDBOX_DELAY", "1-2")


@pytest.mark.parametrize(
    "value",
    [
        "guests.example.org",
        "ftp://guests.example.org",
        "https://",
        "https://guests.example.org/path",
        "https://guests.example.org?x",
        "https:///path",
        "javascript:alert(1)",
        "http://[::1",
        "http://guests.example.org:99999",
        "http://guests.example.org:http",
        "https://name:password@guests.example.org",
    ],
)
def test_a_wrong_address_stops_with_a_sentence(value):
    with pytest.raises(ImproperlyConfigured, match=r"^PUBLIC_URL is .* https://guests\.example\.org"):
        environment(PUBLIC_URL=value).origin("PUBLIC_URL", "http://127.0.0.1:8000")


def test_addresses_are_read_with_commas_between_them():
    two = environment(X="https://a.example, http://localhost:3000/").origins("X")
    assert two == ["https://a.example", "http://localhost:3000"]
    assert environment().origins("X") == []


def test_our_own_address_is_none_of_the_others(start):
    settings = start(CORS_ORIGINS="https://a.example,https://b.example", PUBLIC_URL="https://b.example", SANDBOX="yes")
    assert settings["CORS_ORIGINS"] == ["https://a.example"]


def test_a_word_that_is_not_in_the_list_stops_with_a_sentence():
    with pytest.raises(ImproperlyConfigured, match=r"^INVITE_LOOPS is 'Allow'; it must be one of: allow, refuse\.$"):
        environment(INVITE_LOOPS="Allow").text("INVITE_LOOPS", "allow", ("allow", "refuse"))


def refusal(question: Callable[[], object]) -> str:
    """What the question is refused with; when it is answered, a sentence that fits."""
    try:
        return f"NAME is {question()!r}"
    except ImproperlyConfigured as refused:
        return str(refused)


@given(st.text(st.characters(exclude_characters="\0"), max_size=20))
def test_any_value_is_read_or_refused_by_name(value):
    read = environment(NAME=value)
    for question in (
        lambda: read.number("NAME", 1, 0, 100),
        lambda: read.flag("NAME", False),
        lambda: read.seconds("NAME", "1-2"),
        lambda: read.origin("NAME", "http://127.0.0.1"),
        lambda: read.text("NAME", "a", ("a", "b")),
    ):
        assert refusal(question).startswith("NAME is ")


def test_a_secret_comes_from_its_variable_or_its_file(tmp_path):
    file = tmp_path / "secret"
    file.write_text(f"{KEY}\n")
    assert environment(SECRET_KEY=KEY).secret("SECRET_KEY") == KEY
    assert environment(SECRET_KEY_FILE=str(file)).secret("SECRET_KEY") == KEY


def test_a_secret_given_twice_stops_with_a_sentence(tmp_path):
    with pytest.raises(ImproperlyConfigured, match=r"^SECRET_KEY and SECRET_KEY_FILE are both set; keep one\.$"):
        environment(SECRET_KEY=KEY, SECRET_KEY_FILE=str(tmp_path)).secret("SECRET_KEY")


@pytest.mark.parametrize("content", [None, b"\xff\xfe" + b"k" * 32, b"", b"\n"])
def test_a_secret_file_that_holds_no_secret_stops_with_a_sentence(tmp_path, content):
    """An empty one too: otherwise a lost secret would quietly be replaced by a new one."""
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ImproperlyConfigured, match=r"^SECRET_KEY_FILE "):
        environment(SECRET_KEY_FILE=str(file)).secret("SECRET_KEY")


WRONG_SETTINGS = [
    ("DEBUG", "perhaps"),
    ("PORT", "0"),
    ("PORT", "65536"),
    ("PORT", "http"),
    ("PUBLIC_URL", "guests.example.org"),
    ("CORS_ORIGINS", "*"),
    ("CORS_ORIGINS", "null"),
    ("CORS_ORIGINS", "https://*.example.org"),
    ("CORS_ORIGINS", "https://app.example.org/path"),
    ("CORS_ORIGINS", "https://app.example.org,app.example.org"),
    ("CORS_ORIGINS", "https://app.example.org https://other.example.org"),
    ("CORS_ORIGINS", "https://App.example.org"),
    ("TRUSTED_PROXIES", "-1"),
    ("WEB_CONCURRENCY", "0"),
    ("WEB_THREADS", "many"),
    ("DB_POOL", "0"),
    ("DB_PREPARED", "sometimes"),
    ("DATABASE_URL", "nonsense"),
    ("DATABASE_URL", "oracle://guestlist@127.0.0.1/guestlist"),
    ("DATABASE_URL", "http://127.0.0.1"),
    ("DATABASE_URL", "postgres://guestlist@127.0.0.1:port/guestlist"),
    ("CODE_DIGITS", "3"),
    ("CODE_DIGITS", "9"),
    ("PHONE_REGION", "Russia"),
    ("PHONE_REGIONS", "RU,Kazakhstan"),
    ("PHONE_REGIONS", "RU;KZ"),
    ("PHONE_REGIONS", "001"),
    ("DRY_RUN", "PHONE_REGIONS,CODES_PER_PHONE"),
    ("DRY_RUN", "yes"),
    ("OPERATOR_TOTP", "sms"),
    ("PHONE_VISIBILITY_DEFAULT", "secret"),
    ("SANDBOX_DELAY", "2-1"),
    ("INLINE_WAITING", "0"),
    ("INVITE_LOOPS", "maybe"),
    ("LOG_LEVEL", "LOUD"),
    ("TIME_ZONE", "Mars/Olympus"),
    ("SECRET_KEY", "short"),
    ("CODE_PEPPER", "k" * 31),
    ("CODE_PEPPER", f"1:{KEY},1:{OTHER}"),
    ("CODE_PEPPER", f"1:{KEY},2:short"),
    ("CODE_PEPPER", f"0:{KEY}"),
    ("CODE_PEPPER", f"2:{KEY},1:{KEY}"),
    ("CODE_PEPPER", f"2:{KEY},1:change-me-{OTHER}"),
    ("SECRET_KEY", "k" * 48),
    ("LEDGER_KEY", "ж" * 15),
    ("REDIS_URL", "localhost:6379"),
    ("REDIS_URL", "http://localhost:6379"),
    ("REDIS_URL", "redis://localhost:port"),
    ("REDIS_URL", "redis://localhost?no_such_option=1"),
    ("REDIS_URL", "redis://localhost?db=first"),
    ("JWT_KEY", f"1:{KEY},2:{OTHER},2:{THIRD}"),
    ("JWT_KEY", f"{KEY},{OTHER}"),
    ("JWT_KEY", "short"),
    ("METRICS_TOKEN", "short"),
    ("METRICS_TOKEN", "k" * 31),
]


@pytest.mark.parametrize(("name", "value"), WRONG_SETTINGS)
def test_a_wrong_setting_stops_the_start_by_name(start, name, value):
    with pytest.raises(ImproperlyConfigured, match=rf"\b{name}\b"):
        start(**{name: value})


@pytest.mark.parametrize(
    ("given", "allowed"),
    [({}, ["RU"]), ({"PHONE_REGION": "kz"}, ["KZ"]), ({"PHONE_REGIONS": "ru, kz"}, ["RU", "KZ"])],
)
def test_without_a_list_of_regions_the_home_one_is_allowed(start, given, allowed):
    assert start(**given)["PHONE_REGIONS"] == allowed


@pytest.mark.parametrize("pepper", [KEY, f"1:{KEY}", f"2:{OTHER},1:{KEY}"])
@pytest.mark.parametrize("name", ["CODE_PEPPER", "JWT_KEY"])
def test_one_secret_for_two_purposes_stops_the_start(start, name, pepper):
    with pytest.raises(ImproperlyConfigured, match=f"{name} .*value of its own"):
        start(**{"SECRET_KEY": KEY, "LEDGER_KEY": THIRD, name: pepper})


@pytest.mark.parametrize("name", ["SECRET_KEY", "CODE_PEPPER", "LEDGER_KEY"])
def test_the_token_of_the_metrics_is_no_other_secret(start, name):
    with pytest.raises(ImproperlyConfigured, match="METRICS_TOKEN has the same key"):
        start(**{name: KEY, "METRICS_TOKEN": KEY})


def test_the_token_of_the_metrics_is_given_or_there_is_none(start, tmp_path):
    settings = start()
    assert settings["METRICS_TOKEN"] == ""
    assert not [*settings["SECRETS_FOLDER"].glob("*METRICS*")]
    (tmp_path / "token").write_text(f"{OTHER}\n")
    assert start(METRICS_TOKEN_FILE=str(tmp_path / "token"))["METRICS_TOKEN"] == OTHER


@pytest.mark.parametrize("secret", ["my-little-secret", "my-little-secret-that-is-long-enough-for-it"])
def test_a_refusal_never_repeats_the_secret(start, secret):
    for name in ("SECRET_KEY", "CODE_PEPPER", "LEDGER_KEY", "JWT_KEY", "METRICS_TOKEN"):
        with pytest.raises(ImproperlyConfigured) as refused:
            start(**{name: secret})
        assert secret not in str(refused.value)


def test_the_url_of_a_redis_may_stand_in_a_file_and_its_password_is_never_repeated(start, tmp_path):
    file = tmp_path / "redis"
    file.write_text("rediss://limits:my-little-secret@redis.example.org:6380/3\n")
    assert start(REDIS_URL_FILE=str(file))["REDIS_URL"] == file.read_text().strip()
    file.write_text("redis://limits:my-little-secret@redis.example.org:port")
    with pytest.raises(ImproperlyConfigured) as refused:
        start(REDIS_URL_FILE=str(file))
    assert "my-little-secret" not in str(refused.value)


def test_a_start_with_nothing_set_makes_its_secrets_once(start, tmp_path):
    first, second = start(), start()
    for name in ("SECRET_KEY", "CODE_PEPPERS", "LEDGER_SUBKEY", "JWT_KEYS"):
        assert first[name] == second[name]
    assert first["SECRETS_FOLDER"] == tmp_path / "guestlist.sqlite3.keys"
    assert (first["DEBUG"], first["CODE_DIGITS"], first["SANDBOX_DELAY"]) == (False, 4, (1.0, 2.0))
    assert first["PUBLIC_URL"] == "http://127.0.0.1:8000"


def test_given_secrets_win_over_kept_ones(start):
    start()
    settings = start(SECRET_KEY=KEY, CODE_PEPPER=f"7:{OTHER}")
    assert settings["SECRET_KEY"] == KEY
    assert list(settings["CODE_PEPPERS"]) == [7]


def test_a_live_service_on_a_server_s_database_is_given_its_keys(start):
    given = {"SMS_GATEWAYS": "http", "DATABASE_URL": "postgres://guestlist@127.0.0.1/guestlist"}
    keys = {"SECRET_KEY": KEY, "CODE_PEPPER": OTHER, "LEDGER_KEY": THIRD}
    settings = start(**given, **keys)
    assert settings["JWT_KEYS"] == {}  # no audience, no tokens, no key that nobody gave
    assert list(start(**given, **keys, JWT_KEY=FOURTH, JWT_AUDIENCES="reports")["JWT_KEYS"]) == [1]
    for name in keys:
        with pytest.raises(ImproperlyConfigured, match=rf"^{name} must be given"):
            start(**given, **{other: value for other, value in keys.items() if other != name})
    with pytest.raises(ImproperlyConfigured, match=r"^JWT_KEY must be given"):
        start(**given, **keys, JWT_AUDIENCES="reports")


def test_a_live_service_on_sqlite_makes_its_keys(start):
    assert start(SMS_GATEWAYS="http")["SECRET_KEY"] == start(SMS_GATEWAYS="http")["SECRET_KEY"]


def test_a_wrong_setting_ends_a_command_with_one_sentence_and_no_traceback(tmp_path):
    variables = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": f"sqlite:///{tmp_path / 'guestlist.sqlite3'}",
        "CODE_DIGITS": "3",
    }
    ended = subprocess.run(
        [sys.executable, ROOT / "manage.py", "check"], env=variables, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert re.fullmatch(r"guestlist: CODE_DIGITS is '3'; [^\n]+\n", ended.stderr)
