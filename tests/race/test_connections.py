"""Connections that the database server ends while they idle: nobody notices."""

import time
from urllib.parse import urlsplit

import psycopg
import pymysql
import pytest

from tests import servers
from tests.race.wire import one, request, sign_in, volley

pytestmark = pytest.mark.race


def end_all_connections(database: str) -> int:
    """End every connection to this database but ours; how many there were."""
    where = urlsplit(database)
    name = where.path.lstrip("/")
    if where.scheme == "postgres":
        others = "FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
        with psycopg.connect(database, autocommit=True) as connection:
            ended = len(connection.execute(f"SELECT pg_terminate_backend(pid) {others}", [name]).fetchall())
            while connection.execute(f"SELECT 1 {others}", [name]).fetchall():
                time.sleep(0.01)  # a backend that was told to end may answer once more
            return ended
    connection = pymysql.connect(
        host=where.hostname,
        port=where.port or 3306,
        user=where.username,
        password=where.password or "",
        autocommit=True,
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s", [name])
        found = cursor.fetchall()
        for (id_,) in found:
            cursor.execute(f"KILL {id_}")
        return len(found)


@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_ended_connections_are_replaced_without_a_failed_request(kind, tmp_path):
    with (
        servers.fresh_database(kind, tmp_path) as database,
        servers.running(database, SANDBOX_DELAY="0") as url,
    ):
        token = sign_in(url, "+79001112233")
        read = request("/user/user-profile/", None, token, "GET")
        for _ in range(3):
            assert {answer.status for answer in volley(url, [read] * 20)} == {200}
            assert end_all_connections(database) >= 1
            assert {answer.status for answer in volley(url, [read] * 20)} == {200}
            assert end_all_connections(database) >= 1
            assert one(url, "/user/user-profile/", {"username": "Alice"}, token).status == 200
