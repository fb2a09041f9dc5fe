"""Limits that Redis counts: the same answers as in SQL; and when it is lost or forgets, half of them and never more."""

import itertools
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from django.db import OperationalError, connection
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from guestlist.lib import audit, clock, epochs, limits, volatile
from guestlist.lib.limits import Policy, Spend
from guestlist.lib.models import AuditLine, Usage
from guestlist.lib.redis_server import NoAnswer
from guestlist.signin import policies, sending
from tests import servers
from tests.guests import is_problem

pytestmark = pytest.mark.django_db

START = datetime.fromisoformat("2026-01-31T12:00:00+00:00")
HOUR = timedelta(hours=1)
KEY = b"k" * 32
TEN = Policy.of("TEN", "10/h", "ten an hour", is_volatile=True)
PHONE = Policy.of("PHONE", "3/15m", "of a phone")
_subjects = itertools.count()


@pytest.fixture(scope="module")
def lasting(tmp_path_factory) -> Iterator[servers.Redis]:
    with servers.running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis(lasting, settings, monkeypatch) -> servers.Redis:
    """An empty Redis, in use, and a process that has never asked one."""
    if lasting.process.poll() is not None:
        lasting.start()
    lasting.client.flushall()
    settings.REDIS_URL = lasting.url
    monkeypatch.setattr(volatile, "_stores", {})
    monkeypatch.setattr(audit, "_floods", {})
    monkeypatch.setattr(volatile, "PAUSE", 0.0)  # so that nobody has to sleep
    monkeypatch.setattr(volatile, "FRESH", 0.0)
    return lasting


@pytest.fixture
def told(redis, caplog) -> Callable[[], list[str]]:
    """What the log of limits says."""
    return lambda: [record.getMessage() for record in caplog.records if record.name == "guestlist.limits"]


def take(*spends: Spend, at: datetime = START, fails: Exception | None = None) -> int:
    """Seconds to wait; 0 when all were taken."""
    with clock.at(at):
        try:
            with limits.holding(spends, at, KEY) as held:
                if held.rest:
                    limits.take(held.rest, at, KEY)
                if fails:
                    raise fails
        except limits.Limited as spent:
            return spent.retry_after
    return 0


def taken(policy: Policy, subject: str, number: int, at: datetime = START) -> int:
    """How many of so many are taken."""
    return sum(take(Spend(policy, subject), at=at) == 0 for _ in range(number))


def rows() -> list[str]:
    """What limits remember in SQL."""
    return [row.uses for row in Usage.objects.exclude(id=epochs.ID) if row.uses]


def counts(redis) -> int:
    return len(redis.client.keys("*")) - 1


# ---- the same answers ------------------------------------------------------------------------------------------------
KINDS = [
    Policy.of("LOG", "3/10s,5/m", "a log"),
    Policy.of("DISTINCT", "2/20s", "different tags", is_distinct=True),
    Policy.of("COUNTED", "4/30s", "a number", is_counted=True),
]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["take", "take", "take", "forgive", "left"]),
        st.lists(st.sampled_from(range(3)), min_size=1, max_size=3, unique=True),
        st.sampled_from("abc"),
        st.integers(0, 12_000),  # milliseconds until then
    ),
    max_size=30,
)


@hypothesis(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_redis_and_sql_give_the_same_answers(redis, steps):
    subject, now = str(next(_subjects)), START
    answers: dict[bool, list[object]] = {False: [], True: []}
    for act, which, tag, pause in steps:
        now += timedelta(milliseconds=pause)
        for is_volatile, told in answers.items():
            kinds = [KINDS[index]._replace(is_volatile=is_volatile) for index in which]
            spends = [Spend(kind, f"{subject} {is_volatile}", tag) for kind in kinds]
            if act == "take":
                told.append(take(*spends, at=now))
            elif act == "forgive":
                uncounted = [spend for spend in spends if not spend.policy.is_counted]
                limits.forgive(uncounted, now, KEY)
                limits.forgive_held(uncounted, now, KEY)
            else:
                log = KINDS[0]._replace(is_volatile=is_volatile)
                told.append(limits.left(Spend(log, f"{subject} {is_volatile}"), now, KEY))
    assert answers[True] == answers[False]


@pytest.mark.django_db(transaction=True)
def test_of_fifty_threads_ten_take(redis):
    gate, outcomes = threading.Barrier(50), []

    def act() -> None:
        gate.wait()
        outcomes.append(take(Spend(TEN, "all")))
        connection.close()

    threads = [threading.Thread(target=act) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (outcomes.count(0), len(outcomes)) == (10, 50)
    assert not volatile.is_lost()
    assert rows() == []


# ---- together or not at all ------------------------------------------------------------------------------------------
def test_what_sql_refuses_is_given_back(redis):
    both = [Spend(PHONE, "a phone"), Spend(TEN, "one"), Spend(KINDS[2]._replace(is_volatile=True), "one")]
    assert [take(*both) > 0 for _ in range(20)] == [False] * 3 + [True] * 17
    assert limits.left(Spend(TEN, "one"), START, KEY).left == 7
    assert take(both[2]) == 0
    assert take(both[2]) > 0


def test_what_fails_is_given_back(redis):
    with pytest.raises(OperationalError):
        take(Spend(TEN, "one"), fails=OperationalError("gone"))
    assert counts(redis) == 0


def test_what_redis_refuses_sql_does_not_count_and_the_wait_is_true_of_both(redis):
    for _ in range(2):
        assert take(Spend(PHONE, "a phone")) == 0
    short = Policy.of("SHORT", "1/20s", "one", is_volatile=True)
    assert take(Spend(short, "one"), Spend(PHONE, "a phone")) == 0
    assert take(Spend(short, "one"), Spend(PHONE, "a phone")) == 900
    assert take(Spend(short, "one"), Spend(PHONE, "another")) == 20
    assert taken(PHONE, "another", 5) == 3


# ---- what is trusted -------------------------------------------------------------------------------------------------
def test_the_first_use_is_trusted_at_once_and_sql_counts_nothing(redis, told):
    assert taken(TEN, "one", 12) == 10
    assert volatile.is_trusted(TEN.longest, START)
    assert (rows(), told()) == ([], [])


def test_a_use_is_forgotten_by_redis_itself_when_it_says_nothing_any_more(redis):
    take(Spend(TEN, "one"))
    assert [redis.client.pttl(key) for key in redis.client.keys("*") if key != volatile.EPOCH] == [
        pytest.approx(3_600_000, abs=10_000)
    ]
    assert redis.client.pttl(volatile.EPOCH) == -1


def test_without_a_redis_from_the_start_the_limits_run_at_half(redis, told):
    redis.kill()
    assert taken(TEN, "one", 12) == 5
    assert volatile.is_lost()
    assert not volatile.is_trusted(TEN.longest, START)
    assert len(told()) == 1
    assert told()[0].startswith("Redis is lost (ConnectionError")


def test_when_it_is_killed_in_the_middle_half_is_left_and_one_line_says_so(redis, told):
    assert taken(TEN, "one", 8) == 8
    redis.kill()
    assert taken(TEN, "one", 12) == 5
    assert taken(TEN, "another", 12) == 5
    assert len(told()) == 1
    assert AuditLine.objects.filter(event="limits.redis_lost").count() == 1


def test_when_it_is_back_it_counts_along_until_it_has_counted_for_a_whole_window(redis, told):
    take(Spend(TEN, "one"))
    redis.kill()
    assert taken(TEN, "one", 12) == 5
    redis.start()
    assert taken(TEN, "another", 12, at=START + timedelta(minutes=5)) == 5
    assert [len(told()), volatile.is_lost()] == [2, False]
    assert "back" in told()[1]
    assert taken(TEN, "a third", 12, at=START + HOUR) == 5
    later = START + HOUR + timedelta(seconds=5)
    in_sql = rows()
    assert volatile.is_trusted(TEN.longest, later)
    assert taken(TEN, "a third", 12, at=later) == 5  # five stand in Redis already
    assert taken(TEN, "a fourth", 12, at=later) == 10
    assert rows() == in_sql


def test_each_limit_is_trusted_again_after_its_own_window(redis):
    take(Spend(TEN, "one"))
    redis.client.flushall()
    take(Spend(TEN, "one"))
    take(Spend(TEN, "one"))
    soon = START + timedelta(minutes=2)
    assert volatile.is_trusted(timedelta(minutes=1), soon)
    assert not volatile.is_trusted(TEN.longest, soon)


def test_when_it_is_flushed_half_is_left(redis, told):
    assert taken(TEN, "one", 12) == 10
    redis.client.flushall()
    assert taken(TEN, "one", 12) == 5
    assert taken(TEN, "another", 12) == 5
    assert "forgotten" in told()[0]


def test_however_often_it_is_flushed_no_more_than_half_is_left(redis):
    assert taken(TEN, "one", 12) == 10
    found = 0
    for _ in range(12):
        redis.client.flushall()
        found += take(Spend(TEN, "one")) == 0
    assert found == 5


def test_when_it_is_restarted_with_what_it_had_saved_half_is_left(redis, told):
    assert taken(TEN, "one", 4) == 4
    redis.client.save()
    assert taken(TEN, "one", 12) == 6  # the snapshot knows nothing of these
    redis.kill()
    redis.start()
    assert redis.client.exists(volatile.EPOCH)
    assert taken(TEN, "one", 12) == 5
    assert "forgotten" in told()[0]


def test_when_it_throws_keys_away_for_want_of_memory_half_is_left(redis, told):
    assert taken(TEN, "one", 12) == 10
    redis.client.config_set("maxmemory-policy", "volatile-ttl")
    pipe = redis.client.pipeline()
    for number in range(2000):
        pipe.set(f"other:{number}", "x" * 1000, ex=1000)  # these go first, and the epoch stays
    pipe.execute()
    redis.client.config_set("maxmemory", redis.client.info("memory")["used_memory"] - 1_000_000)
    redis.client.set("other", "x")
    redis.client.config_set("maxmemory", 0)
    assert redis.client.info("stats")["evicted_keys"] > 0
    assert redis.client.exists(volatile.EPOCH)
    assert taken(TEN, "another", 12) == 5
    assert "forgotten" in told()[0]


def test_a_redis_that_takes_no_more_is_lost(redis):
    redis.client.config_set("maxmemory", 1)
    try:
        assert taken(TEN, "one", 12) == 5
        assert volatile.is_lost()
    finally:
        redis.client.config_set("maxmemory", 0)


def test_another_server_is_not_trusted(redis, tmp_path, settings):
    assert taken(TEN, "one", 12) == 10
    with servers.running_redis(tmp_path) as other:
        settings.REDIS_URL = other.url
        assert taken(TEN, "one", 12) == 5


def test_what_one_process_loses_all_of_them_run_at_half(redis, monkeypatch):
    """Two stores here are two processes: one of them cannot reach Redis, and counts without it."""
    near, far = volatile.Store(redis.url), volatile.Store(redis.url)
    with clock.at(START):
        for store in (near, far):
            assert store.rewrite(["a"], START, lambda _: [])
            assert store.is_trusted(HOUR, START)

        def unreachable(*_: object) -> None:
            raise NoAnswer("no route")

        monkeypatch.setattr(far._server, "_run", unreachable)
        assert not far.rewrite(["a"], START, lambda _: [])
        assert near.rewrite(["a"], START, lambda _: [])
    assert not near.is_trusted(HOUR, START)
    assert (near.is_lost, far.is_lost) == (False, True)


def test_processes_that_lose_it_together_begin_one_epoch(redis):
    stores = [volatile.Store(redis.url) for _ in range(3)]
    with clock.at(START):
        for store in stores:
            store.rewrite(["a"], START, lambda _: [])
        redis.kill()
        for store in stores:
            store.rewrite(["a"], START, lambda _: [])
        assert len({store._known[0] for store in stores}) == 1
        redis.start()
        assert [store.rewrite(["a"], START, lambda _: []) for store in stores] == [True] * 3
    assert {store._known[0].name for store in stores} == {redis.client.get(volatile.EPOCH)}


def test_one_that_hangs_is_waited_for_once_and_then_left_alone(redis, monkeypatch):
    monkeypatch.setattr(volatile, "PAUSE", 60.0)
    take(Spend(TEN, "one"))
    redis.process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert taken(TEN, "one", 20) == 5
        assert time.monotonic() - began < 20 * 0.1
    finally:
        redis.process.send_signal(signal.SIGCONT)


def test_when_the_database_is_away_too_nothing_is_counted_without_an_epoch(redis, monkeypatch):
    take(Spend(TEN, "one"))
    redis.kill()

    def away(_: object) -> None:
        raise OperationalError("away")

    with monkeypatch.context() as patch:
        patch.setattr(epochs, "begin", away)
        with pytest.raises(OperationalError):
            take(Spend(TEN, "one"))
    redis.start()
    assert taken(TEN, "one", 12) == 5


# ---- the whole way ---------------------------------------------------------------------------------------------------
@pytest.fixture
def limited(redis, settings):
    settings.LIMITS = "on"
    sending.in_force.cache_clear()
    yield redis
    sending.in_force.cache_clear()


def ask(guest, phone, ip="203.0.113.7", at=START):
    stranger = guest(phone)
    stranger.client.defaults["REMOTE_ADDR"] = ip
    with clock.at(at):
        return stranger, stranger.ask()


def test_an_address_has_ten_codes_with_redis_and_five_without(limited, guest):
    statuses = [ask(guest, f"+7900{number:03}0000")[1].status_code for number in range(12)]
    assert statuses == [201] * 10 + [429] * 2
    limited.client.flushall()
    answers = [ask(guest, f"+7901{number:03}0000")[1] for number in range(7)]
    assert [answer.status_code for answer in answers] == [201] * 5 + [429] * 2
    assert answers[0].headers["RateLimit-Policy"] == '"codes";q=5;w=600'
    assert answers[0].headers["RateLimit"] == '"codes";r=4;t=600'
    assert is_problem(answers[-1], 429, "too_many_requests")


@pytest.mark.parametrize("is_forgotten", [False, True])
def test_a_confirmed_code_is_given_back_to_the_address(limited, guest, is_forgotten):
    for number in range(8):
        if is_forgotten:
            limited.client.flushall()
        alice, asked = ask(guest, f"+7900{number:03}0000")
        assert asked.status_code == 201
        with clock.at(START):
            assert alice.confirm(asked.json()["code"]).status_code == 200
    assert ask(guest, "+79998887766")[1].headers["RateLimit"] == f'"codes";r={4 if is_forgotten else 9};t=600'


def test_a_refused_phone_costs_its_address_nothing(limited, guest):
    answers = [ask(guest, "+79001112233")[1] for _ in range(5)]
    assert [answer.status_code for answer in answers] == [201] + [429] * 4
    assert answers[-1].headers["RateLimit"].startswith('"codes";r=9;')


def test_neither_number_nor_address_stands_in_redis(limited, guest):
    ask(guest, "+79001112233")
    found = " ".join(f"{key} {limited.client.get(key)}" for key in limited.client.keys("*"))
    assert found.count(volatile.PREFIX) == 8
    assert "1112233" not in found
    assert "203.0.113" not in found


def test_only_what_may_be_forgotten_is_volatile():
    assert {name for name, policy in policies.POLICIES.items() if policy.is_volatile} == {
        "CODES_PER_PHONE_AND_ADDRESS",
        "CODES_PER_ADDRESS",
        "PHONES_PER_ADDRESS",
        "CODES_PER_NETWORK",
        "CODES_PER_SITE",
        "CODES_PER_PREFIX",
        "CODES_WHILE_SLOWED",
    }


def test_relaxed_redis_is_never_asked(limited, guest, settings):
    settings.LIMITS = "relaxed"
    alice, asked = ask(guest, "+79001112233")
    alice.confirm(asked.json()["code"])
    assert volatile._stores == {}


@pytest.mark.django_db(transaction=True)
def test_no_connection_to_the_database_is_held_while_redis_is_asked(limited, guest, monkeypatch):
    held, run = [], volatile.Server._run

    def watched(*values):
        held.append(connection.connection is not None)
        return run(*values)

    monkeypatch.setattr(volatile.Server, "_run", watched)
    alice, asked = ask(guest, "+79001112233")
    assert ask(guest, "+79001112233")[1].status_code == 429
    with clock.at(START):
        assert alice.confirm(asked.json()["code"]).status_code == 200
    assert len(held) >= 8
    assert not any(held)


def test_a_sign_in_does_not_fail_because_redis_does(limited, guest):
    alice, asked = ask(guest, "+79001112233")
    limited.kill()
    with clock.at(START):
        assert alice.confirm(asked.json()["code"]).status_code == 200
