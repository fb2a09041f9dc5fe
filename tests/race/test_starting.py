"""Starting: several processes at once on an empty database; one that is killed while it migrates."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from tests import servers
from tests.race.wire import sign_in

pytestmark = pytest.mark.race


def test_four_processes_start_at_once_on_an_empty_database(fresh_database):
    with ExitStack() as together:
        starts = [servers.starting(fresh_database, SANDBOX_DELAY="0") for _ in range(4)]
        for url in [together.enter_context(start) for start in starts]:
            servers.wait_until_ready(*url)
            assert sign_in(url[0], "+79001112233")


def test_a_start_that_was_killed_while_it_migrated_is_made_good_by_the_next(fresh_database):
    chance = random.Random(42)
    for _ in range(3):
        environment = {**os.environ, "DATABASE_URL": fresh_database, "PORT": str(servers.free_port())}
        process = subprocess.Popen([sys.executable, "manage.py", "serve"], env=environment, cwd=servers.ROOT)
        time.sleep(chance.uniform(0.6, 1.6))
        process.send_signal(signal.SIGKILL)
        process.wait()
    with servers.running(fresh_database, SANDBOX_DELAY="0") as url:
        assert sign_in(url, "+79001112233")


def test_a_taken_port_is_refused_with_a_sentence(tmp_path):
    with servers.running(f"sqlite:///{tmp_path / 'one.sqlite3'}", SANDBOX_DELAY="0") as url:
        environment = {
            **os.environ,
            "DATABASE_URL": f"sqlite:///{tmp_path / 'two.sqlite3'}",
            "PORT": url.split(":")[-1],
        }
        second = subprocess.run(
            [sys.executable, "manage.py", "serve"], env=environment, cwd=servers.ROOT, capture_output=True, text=True
        )
        assert second.returncode != 0
        assert "PORT" in second.stderr
        assert "Traceback" not in second.stderr


@pytest.mark.parametrize(
    "url", ["postgres://nobody:x@127.0.0.1:1/none", "mysql://nobody:x@127.0.0.1:1/none", "sqlite:////"]
)
def test_a_database_that_cannot_be_used_is_told_in_a_sentence(url):
    environment = {**os.environ, "DATABASE_URL": url, "PORT": str(servers.free_port())}
    start = subprocess.run(
        [sys.executable, "manage.py", "serve"], env=environment, cwd=servers.ROOT, capture_output=True, text=True
    )
    assert start.returncode != 0
    assert "DATABASE_URL" in start.stderr
    assert "Traceback" not in start.stderr
