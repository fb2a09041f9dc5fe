"""Behind PgBouncer, which pools by transaction: four sessions of the server for all that two nodes do at once."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import psycopg
import pytest

from tests import nodes, servers
from tests.nodes import Nodes
from tests.race.test_nodes import FAR, QUICK, fresh_phone, read
from tests.race.wire import one, request, sign_in, volley

pytestmark = pytest.mark.race


class Pooled(NamedTuple):
    """A database, directly and through the pooler, and what processes need there."""

    direct: str
    url: str
    settings: dict[str, str]


@pytest.fixture(scope="module")
def pooler(tmp_path_factory) -> Iterator[Pooled]:
    folder = tmp_path_factory.mktemp("pooler")
    with servers.fresh_database("postgres", folder) as database, nodes.pooler(database, folder) as (url, keeps_plans):
        yield Pooled(database, url, {} if keeps_plans else {"DB_PREPARED": "no"})


@pytest.fixture(scope="module")
def pooled(pooler, tmp_path_factory) -> Iterator[Nodes]:
    """Both nodes bring the database up to date through the pooler, one after the other."""
    folder = tmp_path_factory.mktemp("nodes")
    with nodes.serving(pooler.url, folder, webs=2, workers=1, **QUICK, **FAR, **pooler.settings) as found:
        yield found


def test_people_sign_in_read_and_enter_codes(pooled):
    inviter = sign_in(pooled.front, fresh_phone())
    code = read(pooled.front, inviter).body["invite_code"]
    tokens = [sign_in(pooled.front, fresh_phone()) for _ in range(5)]
    path = "/user/user-profile/activate-code/"
    answers = volley(pooled.front, [request(path, {"code": code}, token) for token in tokens])
    assert Counter(answer.status for answer in answers) == {200: 5}
    for url in pooled.webs * 10:  # a plan that is kept is found again in whichever session
        assert read(url, inviter).body["activeusers_count"] == 5


def test_of_fifty_confirmations_at_once_one_succeeds(pooled):
    asked = one(pooled.front, "/user/login/", {"phone": fresh_phone()}).body
    right = request("/user/confirm/", {name: asked[name] for name in ("phone", "code", "challenge")})
    answers = volley(pooled.front, [right] * 50)
    assert Counter(answer.status for answer in answers) == {200: 1, 400: 49}


BUSY = """
import os, psycopg
from guestlist.lib import sql
with psycopg.connect(os.environ["DATABASE_URL"]) as somebody:
    with sql.one_at_a_time("migrate"):
        somebody.execute("SELECT 1")  # their transaction begins in the session that came free last, and goes on
"""
HELD = (
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def test_the_lock_of_a_start_is_let_go_whichever_session_the_pooler_gives(pooler):
    """Taken in a session that somebody else has by then, it would keep every later start waiting."""
    environment = {**os.environ, "DATABASE_URL": pooler.url, **nodes.KEYS, **pooler.settings}
    command = [sys.executable, str(servers.ROOT / "manage.py"), "shell", "-v", "0", "-c", BUSY]
    assert subprocess.run(command, env=environment, cwd=servers.ROOT, timeout=60).returncode == 0
    with psycopg.connect(pooler.direct) as connection:
        assert connection.execute(HELD).fetchone() == (0,)
