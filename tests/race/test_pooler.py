"""Behind PgBouncer, which pools by transaction: four sessions of the server for all that two nodes do at once."""

from collections import Counter
from collections.abc import Iterator

import psycopg
import pytest

from tests import nodes, servers
from tests.nodes import Nodes
from tests.race.test_nodes import FAR, QUICK, fresh_phone, read
from tests.race.wire import one, request, sign_in, volley

pytestmark = pytest.mark.race


@pytest.fixture(scope="module")
def pooled(tmp_path_factory) -> Iterator[Nodes]:
    """Both nodes bring the database up to date through the pooler, one after the other."""
    folder = tmp_path_factory.mktemp("pooled")
    with servers.fresh_database("postgres", folder) as database, nodes.pooler(database, folder) as (url, keeps_plans):
        plans = {} if keeps_plans else {"DB_PREPARED": "no"}
        with nodes.serving(url, folder, webs=2, workers=1, **QUICK, **FAR, **plans) as found:
            yield found._replace(database=database)


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


def test_nobody_holds_the_lock_of_the_start_any_more(pooled):
    """Taken in a session that the pooler gave to somebody else, it would keep every later start waiting."""
    with psycopg.connect(pooled.database) as connection:
        held = connection.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ).fetchone()
    assert held == (0,)
