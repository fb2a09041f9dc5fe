"""Two web nodes behind nginx, two workers, one PostgreSQL, one Redis: what one node does holds on all of them."""

import itertools
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator

import psycopg
import pytest

from tests import nodes, servers
from tests.nodes import Nodes
from tests.race.wire import Answer, one, request, sign_in, volley

pytestmark = pytest.mark.race

PATIENCE = 30  # seconds
QUICK = {
    "SANDBOX_DELAY": "0",
    "LIMITS": "on",
    "CODE_DIGITS": "6",
    "PUBLIC_URL": "http://guests.example",
    "SANDBOX": "yes",
}
FAR = {name: far for name, far in servers.FAR_AWAY.items() if name != "LIMIT_CODES_PER_PHONE"}
PROFILE = "/user/user-profile/"
_phones = itertools.count(9_120_000_000, 10_000)  # of another range each


def fresh_phone() -> str:
    return f"+7{next(_phones)}"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Nodes]:
    folder = tmp_path_factory.mktemp("nodes")
    with (
        servers.running_redis(folder) as redis,
        servers.fresh_database("postgres", folder) as database,
        nodes.serving(database, folder, REDIS_URL=redis.url, **QUICK, **FAR) as found,
    ):
        yield found


def read(url: str, token: str) -> Answer:
    return one(url, PROFILE, None, token, method="GET")


def test_a_session_of_one_node_is_known_to_the_other_and_ended_on_both(cluster):
    here, there = cluster.webs
    token = sign_in(cluster.front, fresh_phone())
    assert [read(url, token).status for url in (cluster.front, here, there)] == [200, 200, 200]
    assert one(here, "/user/logout/", {}, token).status == 200
    assert [read(url, token).status for url in (cluster.front, here, there)] == [401, 401, 401]


def test_a_code_of_one_node_is_good_on_the_other_and_once_on_both(cluster):
    here, there = cluster.webs
    asked = one(here, "/user/login/", {"phone": fresh_phone()}).body
    right = request("/user/confirm/", {name: asked[name] for name in ("phone", "code", "challenge")})
    answers = volley(there, [right] * 10) + volley(cluster.front, [right] * 10)
    assert Counter(answer.status for answer in answers) == {200: 1, 400: 19}


def test_of_fifty_confirmations_at_once_over_all_nodes_one_succeeds(cluster):
    asked = one(cluster.front, "/user/login/", {"phone": fresh_phone()}).body
    right = request("/user/confirm/", {name: asked[name] for name in ("phone", "code", "challenge")})
    answers = volley(cluster.front, [right] * 50)
    assert Counter(answer.status for answer in answers) == {200: 1, 400: 49}


def test_tries_are_counted_over_all_nodes(cluster):
    asked = one(cluster.front, "/user/login/", {"phone": fresh_phone()}).body
    wrong = {"phone": asked["phone"], "challenge": asked["challenge"]}
    codes = [f"{(int(asked['code']) + number) % 10**6:06}" for number in range(1, 21)]
    answers = volley(cluster.front, [request("/user/confirm/", {**wrong, "code": code}) for code in codes])
    assert Counter(answer.body["code"] for answer in answers) == {"wrong_code": 3, "code_expired": 17}


def test_a_limit_of_one_phone_is_one_limit_over_all_nodes(cluster):
    """CODES_PER_PHONE is as it is by default: three in fifteen minutes."""
    phone = fresh_phone()
    answers = volley(cluster.front, [request("/user/login/", {"phone": phone}) for _ in range(20)])
    assert Counter(answer.status for answer in answers) == {201: 3, 429: 17}


def test_a_limit_of_an_address_is_counted_in_redis_over_all_nodes_and_by_the_address_that_nginx_saw(tmp_path):
    strict = {**QUICK, **FAR}
    strict.pop("LIMIT_CODES_PER_ADDRESS")
    with (
        servers.running_redis(tmp_path) as redis,
        servers.fresh_database("postgres", tmp_path) as database,
        nodes.serving(database, tmp_path, workers=0, REDIS_URL=redis.url, **strict) as found,
    ):
        asks = [
            request("/user/login/", {"phone": fresh_phone()}, address=f"203.0.113.{number}")  # made up by the caller
            for number in range(30)
        ]
        assert Counter(answer.status for answer in volley(found.front, asks)) == {201: 10, 429: 20}


def test_two_workers_send_each_message_once(cluster):
    phones = [fresh_phone() for _ in range(100)]
    answers = volley(cluster.front, [request("/user/login/", {"phone": phone}) for phone in phones])
    assert {answer.body["delivery"] for answer in answers} == {"queued"}
    statement = (
        "SELECT m.state, m.claims, count(a.id) FROM delivery_message m LEFT JOIN delivery_attempt a"
        " ON a.message_id = m.id WHERE m.phone = ANY(%s) GROUP BY m.id, m.state, m.claims"
    )
    deadline, found = time.monotonic() + PATIENCE, Counter[tuple[str, int, int]]()
    while time.monotonic() < deadline and found.total() - found["accepted", 0, 0] < len(phones):
        with psycopg.connect(cluster.database) as connection:
            found = Counter(connection.execute(statement, [phones]).fetchall())
        time.sleep(0.1)
    assert found == {("delivered", 1, 1): len(phones)}


def test_fifty_codes_entered_at_once_over_all_nodes_are_one_activation(cluster):
    inviters = [read(cluster.front, sign_in(cluster.front, fresh_phone())).body["invite_code"] for _ in range(10)]
    token = sign_in(cluster.front, fresh_phone())
    path = f"{PROFILE}activate-code/"
    answers = volley(cluster.front, [request(path, {"code": code}, token) for code in inviters])
    assert Counter(answer.status for answer in answers) == {200: 1, 409: 9}


def test_static_files_come_and_what_is_too_long_is_refused_in_our_words(cluster):
    with urllib.request.urlopen(f"{cluster.front}/static/web/favicon.svg", timeout=PATIENCE) as answer:
        assert answer.headers["Content-Type"].startswith("image/svg+xml")
    for length in (17_000, 70_000):  # refused by Guestlist, and by nginx
        answer = one(cluster.front, "/user/login/", {"phone": "7" * length})
        assert (answer.status, answer.body["code"]) == (413, "too_large")
    assert one(cluster.webs[0], "/health/ready/", None, method="GET").status == 200


def test_when_a_node_dies_the_others_answer(tmp_path):
    with (
        servers.fresh_database("postgres", tmp_path) as database,
        nodes.serving(database, tmp_path, workers=0, **QUICK, **FAR) as found,
    ):
        token = sign_in(found.front, fresh_phone())
        found.servers[0].terminate()
        assert found.servers[0].wait(PATIENCE) == 0
        answers = [read(found.front, token).status for _ in range(20)]
        assert answers == [200] * 20
