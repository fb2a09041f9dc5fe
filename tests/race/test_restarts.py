"""What was counted, ended or begun before a restart is so after it: two processes, each database."""

import os
import subprocess
import sys

import pytest

from tests import servers
from tests.race.test_races import fresh_phone
from tests.race.wire import Answer, one, request, sign_in, volley

pytestmark = pytest.mark.race

SESSIONS, PROFILE = "/user/sessions/", "/user/user-profile/"
# As though they had been asked for 280 s and 300 s ago, and how many sessions there are.
AGE = (
    "from datetime import timedelta; from guestlist.lib import clock;"
    "from guestlist.signin.models import Challenge, Session; now = clock.now();"
    "Challenge.objects.filter(phone='{old}').update(expires_at=now + timedelta(seconds=20));"
    "Challenge.objects.filter(phone='{dead}').update(expires_at=now); print(Session.objects.count())"
)


def run(database: str, script: str) -> str:
    """What a script prints, in a process of its own."""
    command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", script]
    environment = {**os.environ, "DATABASE_URL": database}
    return subprocess.run(
        command, cwd=servers.ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()


def serving(database: str):
    return servers.running(database, WEB_CONCURRENCY="2", SANDBOX_DELAY="0", LIMITS="on", **servers.FAR_AWAY)


def guess(url: str, asked: dict, code: str) -> str:
    """The name of the answer to a guess."""
    body = {"phone": asked["phone"], "challenge": asked["challenge"], "code": code}
    answer = one(url, "/user/confirm/", body)
    return "ok" if answer.status == 200 else str(answer.body["code"])


def everywhere(url: str, token: str) -> list[Answer]:
    """Both processes are asked who this is."""
    return volley(url, [request(PROFILE, None, token, "GET")] * 20)


def test_tries_expiry_and_ended_sessions_survive_a_restart(fresh_database):
    """C01, C13, C82."""
    with serving(fresh_database) as url:
        guessed, old, dead = (one(url, "/user/login/", {"phone": fresh_phone()}).body for _ in range(3))
        wrong = [f"{(int(guessed['code']) + step) % 10_000:04}" for step in (1, 2, 3)]
        assert [guess(url, guessed, code) for code in wrong] == ["wrong_code"] * 3
        phone = fresh_phone()
        mine, *others = [sign_in(url, phone) for _ in range(5)]
        assert one(url, SESSIONS, None, mine, "DELETE").body == {"ended": 4}
        for token in others:  # at once, in whichever process
            assert {answer.status for answer in everywhere(url, token)} == {401}
    assert run(fresh_database, AGE.format(old=old["phone"], dead=dead["phone"])) == "1"
    with serving(fresh_database) as url:
        assert guess(url, guessed, guessed["code"]) == "code_expired"
        assert guess(url, dead, dead["code"]) == "code_expired"
        assert guess(url, old, old["code"]) == "ok"
        assert one(url, "/user/login/", {"phone": guessed["phone"]}).body["code_length"] == 6
        assert {answer.status for answer in everywhere(url, mine)} == {200}
        assert {answer.status for token in others for answer in everywhere(url, token)[:2]} == {401}
