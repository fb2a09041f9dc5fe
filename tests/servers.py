"""Real servers for tests: Guestlist's own, on databases that are made for the test and dropped after it."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pymysql
import pytest
import redis

DATABASES = ["sqlite", "postgres", "mariadb"]
ROOT = Path(__file__).resolve().parent.parent
URLS = {
    "postgres": os.environ.get("TEST_POSTGRES_URL", "postgres://guestlist:guestlist@127.0.0.1:5432/guestlist"),
    "mariadb": os.environ.get("TEST_MARIADB_URL", "mysql://guestlist:guestlist@127.0.0.1:3306/guestlist"),
}
START, STOP = 30, 20  # seconds

# As many codes as one likes: every limit of sending is taken as always, only its figures are far.
FAR_AWAY = {
    f"LIMIT_{name}": "100000/s"
    for name in (
        "CODES_PAUSE",
        "CODES_PER_PHONE",
        "CODES_PER_PHONE_IN_ALL",
        "CODES_PER_PHONE_AND_ADDRESS",
        "CODES_PER_ADDRESS",
        "PHONES_PER_ADDRESS",
        "CODES_PER_NETWORK",
        "CODES_PER_PREFIX",
    )
}


def need(there: bool, what: str) -> None:
    """Skip the test, loudly, when something it needs is not there; with REQUIRE_ALL=1 fail it."""
    if there:
        return
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(f"REQUIRE_ALL=1, and {what}")
    pytest.skip(what)


@cache
def answers(kind: str) -> bool:
    """Whether a database server of this kind can be used here."""
    if kind == "sqlite":
        return True
    try:
        _administer(kind, "SELECT 1")
    except (psycopg.Error, pymysql.Error):
        return False
    return True


@contextmanager
def fresh_database(kind: str, folder: Path) -> Iterator[str]:
    """An empty database of this kind, as DATABASE_URL; dropped at the end."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'guestlist.sqlite3'}"
        return
    need(answers(kind), f"no {kind} answers at {URLS[kind].rpartition('@')[2]}")
    name = f"guestlist_{secrets.token_hex(6)}"
    _administer(kind, f"CREATE DATABASE {name}")
    try:
        yield URLS[kind].rpartition("/")[0] + f"/{name}"
    finally:
        _administer(kind, f"DROP DATABASE {name}" + (" WITH (FORCE)" if kind == "postgres" else ""))


@contextmanager
def running(database_url: str, log: Path | None = None, **environment: str) -> Iterator[str]:
    """Guestlist, served by `manage.py serve` on a free port; its address. SIGTERM must end it with exit code 0."""
    with starting(database_url, log, **environment) as (url, server):
        wait_until_ready(url, server)
        yield url


@contextmanager
def starting(
    database_url: str, log: Path | None = None, **environment: str
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The same, not waited for. What it writes goes to `log`, else to where the tests' own words go."""
    port = free_port()
    variables = {**os.environ, "DATABASE_URL": database_url, "PORT": str(port), **environment}
    variables.pop("DJANGO_SETTINGS_MODULE", None)
    command = [sys.executable, str(ROOT / "manage.py"), "serve"]
    written = log.open("ab") if log else None
    server = subprocess.Popen(command, env=variables, cwd=ROOT, stdout=written, stderr=written)
    try:
        yield f"http://127.0.0.1:{port}", server
    finally:
        server.send_signal(signal.SIGTERM)
        ended = server.wait(STOP)
        if written:
            written.close()
        assert ended == 0, "SIGTERM must end the server with exit code 0"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        assert server.poll() is None, "the server ended at its start"
        with suppress(OSError), urllib.request.urlopen(f"{url}/health/ready/", timeout=2) as answer:
            if answer.status == 200:
                return
        time.sleep(0.05)
    raise AssertionError(f"{url} was not ready within {START} s")


class Redis:
    """A Redis of the test's own, which it may kill. It keeps nothing on the disk unless it is told to SAVE."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        need(program is not None, "there is no redis-server")
        self._command, self._folder, self._port = str(program), folder, free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.client = redis.Redis.from_url(self.url, decode_responses=True)
        self.start()

    def start(self) -> None:
        listen = ["--bind", "127.0.0.1", "--port", str(self._port)]
        keep = ["--dir", str(self._folder), "--save", "", "--appendonly", "no", "--loglevel", "warning"]
        self.process = subprocess.Popen([self._command, *listen, *keep], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START
        while time.monotonic() < deadline:
            with suppress(redis.ConnectionError):
                self.client.ping()
                return
            time.sleep(0.01)
        raise AssertionError(f"{self._command} did not answer within {START} s")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def running_redis(folder: Path) -> Iterator[Redis]:
    """A Redis on a free port."""
    server = Redis(folder)
    try:
        yield server
    finally:
        server.client.close()
        server.kill()


def _administer(kind: str, statement: str) -> None:
    where = urlsplit(URLS[kind])
    if kind == "postgres":
        with psycopg.connect(URLS[kind], autocommit=True, connect_timeout=3) as connection:
            connection.execute(statement)
    else:
        connection = pymysql.connect(
            host=where.hostname,
            port=where.port or 3306,
            user=where.username,
            password=where.password or "",
            connect_timeout=3,
            autocommit=True,
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
