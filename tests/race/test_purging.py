"""Purging fifty thousand rows while people sign in, in many processes at once, each database: nobody notices."""

import os
import subprocess
import sys
import time

import pytest

from tests import servers
from tests.race.test_edges import QUICK, looked_up
from tests.race.test_races import fresh_phone
from tests.race.wire import one, request, volley

pytestmark = pytest.mark.race

OLD = 12_500  # of each of four kinds
FEW = 500
PATIENCE = 120  # seconds
DEAD = "sum(dying.count(kind, clock.now() - timedelta(days=5)) for kind in dying.kinds())"  # not the day's own
MANAGE = [sys.executable, str(servers.ROOT / "manage.py")]
SEED = """
from datetime import timedelta
from guestlist.lib import clock
from guestlist.lib.models import Usage
from guestlist.signin.models import Challenge, Guard, Guess
old = clock.now() - timedelta(days=40)
facts = dict(phone="+79000000000", salt="", pepper_id=1, digits=4, created_at=old, expires_at=old)
Challenge.objects.bulk_create([Challenge(id=str(n), **facts) for n in range(OLD)], batch_size=500)
Usage.objects.bulk_create([Usage(id=str(n), uses="", ends_at=old) for n in range(OLD)], batch_size=500)
Guess.objects.bulk_create([Guess(phone="+79000000000", digits=4, guessed_at=old)] * OLD, batch_size=500)
Guard.objects.bulk_create([Guard(phone="+7900%07d" % n, guessed_at=old) for n in range(OLD)], batch_size=500)
"""


def fill(database: str, number: int) -> None:
    """So many rows of each kind that are long past their use."""
    assert command(database, "shell", "-v", "0", "-c", SEED.replace("OLD", str(number))).wait(PATIENCE) == 0


def command(database: str, *words: str, **settings: str) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "DATABASE_URL": database, **settings}
    return subprocess.Popen([*MANAGE, *words], env=environment, stdout=subprocess.DEVNULL)


def sign_in_many(url: str) -> None:
    """Ten people ask at once, and confirm at once; each answer must be a good one."""
    asked = volley(url, [request("/user/login/", {"phone": fresh_phone()}) for _ in range(10)])
    assert {answer.status for answer in asked} == {201}, asked
    right = [{name: answer.body[name] for name in ("phone", "code", "challenge")} for answer in asked]
    confirmed = volley(url, [request("/user/confirm/", body) for body in right])
    assert {answer.status for answer in confirmed} == {200}, confirmed


def test_two_purges_the_sweepers_and_sign_ins_at_once_are_all_well(fresh_database):
    with servers.running(fresh_database, LIMITS="on", PURGE_EVERY="1", SMS_DAILY_BUDGET="1000000", **QUICK) as url:
        sign_in_many(url)  # from now on the server's processes purge too
        fill(fresh_database, OLD)
        purges = [command(fresh_database, "purge") for _ in range(2)]
        rounds, slowest = 1, 0.0
        while rounds < 3 or any(purge.poll() is None for purge in purges):
            start = time.monotonic()
            sign_in_many(url)
            rounds, slowest = rounds + 1, max(slowest, time.monotonic() - start)
        codes = [purge.wait(PATIENCE) for purge in purges]
        print(f"{rounds} rounds of ten sign-ins, the slowest {slowest:.2f} s")
    assert codes == [0, 0]
    assert looked_up(fresh_database, "Person.objects.count()") == 10 * rounds
    assert looked_up(fresh_database, DEAD) == 0


def test_server_processes_purge_by_themselves(fresh_database):
    """C91: within PURGE_EVERY, from the first request on."""
    with servers.running(fresh_database, PURGE_EVERY="1", **QUICK) as url:
        fill(fresh_database, FEW)
        deadline = time.monotonic() + PATIENCE
        while looked_up(fresh_database, DEAD):
            assert time.monotonic() < deadline, "the server's processes purge nothing"
            assert one(url, "/health/ready/", None, method="GET").status == 200
        sign_in_many(url)


def test_a_worker_purges_by_itself(fresh_database):
    """Where nobody calls the web processes, or they are told not to."""
    with servers.running(fresh_database, PURGE_EVERY="0", **QUICK):
        fill(fresh_database, FEW)
        worker = command(fresh_database, "deliver", PURGE_EVERY="1", DELIVERY="worker")
        try:
            deadline = time.monotonic() + PATIENCE
            while looked_up(fresh_database, DEAD):
                assert time.monotonic() < deadline, "the worker purges nothing"
        finally:
            worker.terminate()
        assert worker.wait(PATIENCE) == 0
