"""Limits in Redis under volleys, with two processes: exact; and never open when Redis is killed or flushed."""

import itertools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests import servers
from tests.race.test_limits import names, wrong_ones
from tests.race.wire import Answer, request, volley

pytestmark = pytest.mark.race

ROUNDS = int(os.environ.get("RACE_ROUNDS", "1"))
KINDS = servers.DATABASES if ROUNDS > 1 else ["sqlite"]  # where Redis is lost; all by hand, with RACE_ROUNDS=5
_numbers = itertools.count(910_000)


def fresh_phone() -> str:
    """A number of a range of its own."""
    return f"+7{next(_numbers)}0000"


def fresh_address() -> str:
    number = next(_numbers)
    return f"10.{number % 250}.{number // 250 % 250}.1"


def ask(phone: str, address: str) -> bytes:
    return request("/user/login/", {"phone": phone}, address=address)


def confirm(asked: Answer, address: str) -> bytes:
    return request(
        "/user/confirm/", {name: asked.body[name] for name in ("phone", "code", "challenge")}, address=address
    )


@contextmanager
def limited(kind: str, folder) -> Iterator[tuple[str, servers.Redis]]:
    """Every limit as it is by default, behind a proxy; but an address may guess as often as it likes."""
    environment = {"WEB_CONCURRENCY": "2", "SANDBOX_DELAY": "0", "LIMITS": "on", "TRUSTED_PROXIES": "1"}
    with (
        servers.running_redis(folder) as redis,
        servers.fresh_database(kind, folder) as database,
        servers.running(database, REDIS_URL=redis.url, **environment) as url,
    ):
        yield url, redis


@pytest.mark.parametrize("kind", servers.DATABASES)
def test_volleys_from_one_address_or_to_one_phone_are_counted_exactly(kind, tmp_path):
    with limited(kind, tmp_path) as (url, redis):
        for _ in range(ROUNDS):
            address = fresh_address()
            answers = names(volley(url, [ask(fresh_phone(), address) for _ in range(50)]))
            assert answers == {"ok": 10, "too_many_requests": 40}
            phone, address = fresh_phone(), fresh_address()
            assert names(volley(url, [ask(phone, address)] * 50)) == {"ok": 1, "too_many_requests": 49}
            # what the phone's limit refused has been given back to the address
            answers = names(volley(url, [ask(fresh_phone(), address) for _ in range(50)]))
            assert answers == {"ok": 9, "too_many_requests": 41}
        assert redis.client.dbsize() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_when_redis_is_killed_or_flushed_amid_traffic_nothing_opens_and_everybody_signs_in(kind, tmp_path):
    attacker, victim = fresh_address(), fresh_phone()
    accepted = judged = 0
    signed_in = []
    with limited(kind, tmp_path) as (url, redis):
        happens = {2: redis.kill, 4: redis.start, 5: redis.client.flushall, 6: redis.kill}
        for step in range(8):
            guests = [(fresh_phone(), fresh_address()) for _ in range(8)]
            now = threading.Thread(target=happens.get(step, lambda: None))
            asks = [ask(*guest) for guest in guests] + [ask(fresh_phone(), attacker) for _ in range(12)]
            now.start()
            answers = volley(url, [*asks, ask(victim, fresh_address())])
            now.join()
            accepted += names(answers[8:20])["ok"]
            if answers[-1].status < 300:
                judged += names(volley(url, wrong_ones(answers[-1].body)))["wrong_code"]
            assert names(answers[:8]) == {"ok": 8}
            confirming = zip(answers[:8], guests, strict=True)
            signed_in += volley(url, [confirm(asked, address) for asked, (_, address) in confirming])
    assert names(signed_in) == {"ok": 64}
    # Ten in ten minutes that Redis counted before it was lost, and half of them that the database counted from then on.
    assert 10 <= accepted <= 15
    assert judged <= 5
