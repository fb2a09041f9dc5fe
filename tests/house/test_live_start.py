"""C36, C38: what a live service must not start with. A process each, as an operator would see it."""

import os
import subprocess
import sys

import pytest

from tests import servers

SECRETS = {
    "SECRET_KEY": "S-9fK2vQ7xLwT4mZr8NcB5yHd3JpG6sWqX",
    "CODE_PEPPER": "2:P-9fK2vQ7xLwT4mZr8NcB5yHd3JpG6sWqX,1:p-9fK2vQ7xLwT4mZr8NcB5yHd3JpG6sWqX",
    "LEDGER_KEY": "L-9fK2vQ7xLwT4mZr8NcB5yHd3JpG6sWqX",
    "JWT_KEY": "J-9fK2vQ7xLwT4mZr8NcB5yHd3JpG6sWqX",
}
LIVE = {
    "SMS_GATEWAYS": "http",
    "DATABASE_URL": "postgres://guestlist@127.0.0.1:1/guestlist",  # nobody connects to it
    "SMS_HTTP_URL": "https://sms.example.org/send?to={phone}&text={text}",
    "PUBLIC_URL": "https://guests.example.org",
    "JWT_AUDIENCES": "https://reports.example.org",
    **SECRETS,
}
EXAMPLE = "changeme-changeme-changeme-changeme-1"
WRONG = [
    *((name, "short") for name in SECRETS),
    *((name, "x" * 31) for name in SECRETS),
    *((name, EXAMPLE) for name in SECRETS),
    *((name, "") for name in SECRETS),  # missing
    *((name, f"2:{LIVE[name]},1:{EXAMPLE}") for name in ("CODE_PEPPER", "JWT_KEY")),
    ("CODE_PEPPER", SECRETS["SECRET_KEY"]),
    ("LEDGER_KEY", "P-9fK2vQ7xLwT4mZr8NcB5yHd3JpG6sWqX"),
    ("JWT_KEY", f"2:{SECRETS['LEDGER_KEY']},1:{SECRETS['JWT_KEY']}"),
    ("CODE_PEPPER", f"0:{SECRETS['CODE_PEPPER'][2:36]}"),
    ("LIMITS", "relaxed"),
    ("SANDBOX", "yes"),
    ("DEBUG", "yes"),
    ("SMS_HTTP_URL", ""),
    ("SMS_HTTP_URL", "https://sms.example.org/send?to={phone}"),
    ("SANDBOX_NUMBERS", "+79001112233:1234:2026-12-31"),
    ("SMS_GATEWAYS", "http,simulated"),
    ("SMS_GATEWAYS", "simulated,http"),
    ("SMS_GATEWAYS", "pigeon"),
    ("SMS_GATEWAYS", "http,pigeon"),
    ("SMS_GATEWAYS", "simulated"),  # a lost or forgotten gateway under a public name
]


def check(**variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **LIVE, **variables}
    command = [sys.executable, "manage.py", "check"]
    return subprocess.run(command, cwd=servers.ROOT, env=environment, capture_output=True, text=True, check=False)


def test_a_live_service_that_has_all_it_needs_starts():
    ended = check()
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_live_service_does_not_start_with_this_and_names_the_variable(name, value):
    ended = check(**{name: value})
    assert ended.returncode != 0
    sentence = ended.stderr.strip()
    assert sentence.startswith("guestlist: ")
    assert "\n" not in sentence
    assert name in sentence
    assert not [secret for secret in (EXAMPLE, *SECRETS.values()) if secret in sentence]


def test_all_that_is_missing_is_named_at_once():
    ended = check(SECRET_KEY="", CODE_PEPPER="", LEDGER_KEY="", JWT_KEY="")
    assert "SECRET_KEY, CODE_PEPPER, LEDGER_KEY, JWT_KEY must be given" in ended.stderr
