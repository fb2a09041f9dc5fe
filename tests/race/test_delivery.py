"""Processes that send are killed, stopped and started again while codes are asked for: nothing is lost, little doubled.

C40, C41, C42, C46, C57. Three kills and 400 messages here, on two databases; by hand on each, with KILLS=50
MESSAGES=5000 and `-k all`.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests import provider, servers
from tests import sink as sinks
from tests.race.test_races import fresh_phone
from tests.race.wire import one

pytestmark = pytest.mark.race

KILLS, MESSAGES = int(os.environ.get("KILLS", "3")), int(os.environ.get("MESSAGES", "400"))
PACE = 50  # asks a second
LEASE, SLACK = 30, 10  # seconds; CHECKS C40: sent within the lease and 10 s after a restart
WORKER, INLINE = {"DELIVERY": "worker"}, {"DELIVERY": "inline"}
# CI takes one database for each way of sending: a round waits for a lease. By hand all of them.
HERE = [("postgres", WORKER), ("sqlite", INLINE)]
EVERYWHERE = [(kind, mode) for kind in servers.DATABASES for mode in (WORKER, INLINE)]
PLACES = EVERYWHERE if os.environ.get("KILLS") else HERE


@pytest.fixture(params=PLACES, ids=lambda place: f"{place[0]}-{place[1]['DELIVERY']}")
def service(request, tmp_path) -> Iterator[tuple[dict[str, str], sinks.Sink]]:
    """The environment of a live service on a fresh database, and where its messages go."""
    kind, mode = request.param
    with servers.fresh_database(kind, tmp_path) as database, sinks.sinking(tmp_path / "sink", "0-0.5") as sink:
        yield environment(database, sink, **mode), sink


def environment(database: str, sink: sinks.Sink, **more: str) -> dict[str, str]:
    there = provider.Provider()
    there.url = sink.url
    far = {**servers.FAR_AWAY, "SMS_DAILY_BUDGET": "1000000", "DRY_RUN": "CONVERSION", "LOG_LEVEL": "ERROR"}
    return {**os.environ, **provider.live_settings(there), **far, "DATABASE_URL": database, **more}


class Process:
    """A server or a worker that is killed and started again."""

    def __init__(self, variables: dict[str, str], *command: str) -> None:
        self.variables, self.command = variables, [sys.executable, "manage.py", *command]
        self.start()

    def start(self) -> None:
        # A session of its own: a server's processes are killed with it, as when the machine loses its power.
        self.running = subprocess.Popen(
            self.command, cwd=servers.ROOT, env=self.variables, start_new_session=True, stderr=subprocess.DEVNULL
        )

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.running.pid, signal.SIGKILL)
        self.running.wait()


@contextmanager
def deployed(variables: dict[str, str], workers: int) -> Iterator[tuple[str, list[Process]]]:
    """A server of two processes, and so many workers; its address, and all of them."""
    port = str(servers.free_port())
    web = Process({**variables, "PORT": port, "WEB_CONCURRENCY": "2"}, "serve")
    url = f"http://127.0.0.1:{port}"
    servers.wait_until_ready(url, web.running)
    processes = [web, *(Process(variables, "deliver") for _ in range(workers))]
    try:
        yield url, processes
    finally:
        for process in processes:
            process.kill()


class Asking:
    """Codes asked for, fifty a second, each for a number of its own, until it is told to stop."""

    def __init__(self, url: str) -> None:
        self.url, self.over = url, threading.Event()
        self.acked: dict[str, tuple[float, dict[str, Any]]] = {}
        self.refused: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._run)
        self._asks: list[threading.Thread] = []

    def __enter__(self) -> "Asking":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._thread.join()
        for ask in self._asks:
            ask.join()

    def _run(self) -> None:
        began = time.monotonic()
        while not self.over.is_set():
            ask = threading.Thread(target=self._ask, args=[fresh_phone()])
            ask.start()
            self._asks.append(ask)
            time.sleep(max(0.0, began + len(self._asks) / PACE - time.monotonic()))

    def _ask(self, phone: str) -> None:
        try:
            answer = one(self.url, "/user/login/", {"phone": phone})
        except (OSError, AssertionError, ValueError) as error:  # killed in the middle of it
            self.refused[type(error).__name__] += 1
            return
        if answer.status == 200:
            self.acked[phone] = time.time(), answer.body
        else:
            self.refused[str(answer.status)] += 1


def left(variables: dict[str, str]) -> int:
    """How many messages nobody has sent yet, and whose codes still live."""
    script = (
        "from guestlist.delivery.models import Message; from guestlist.lib import clock;"
        "print(Message.objects.filter(state='accepted', expires_at__gt=clock.now()).count())"
    )
    return int(shell(variables, script))


def wait_until_all_are_sent(variables: dict[str, str], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while left(variables):
        assert time.monotonic() < deadline, f"{left(variables)} messages were not sent within {seconds} s"
        time.sleep(1)


def test_what_was_accepted_is_sent_whoever_is_killed(service):
    variables, sink = service
    workers = 2 if variables["DELIVERY"] == "worker" else 0
    with deployed(variables, workers) as (url, processes):
        with Asking(url) as asking:
            for _ in range(KILLS):
                time.sleep(random.uniform(0.5, 1.5))
                victim = random.choice(processes)
                victim.kill()
                victim.start()
                if victim is processes[0]:
                    servers.wait_until_ready(url, victim.running)
            time.sleep(0.5)
        assert len(asking.acked) > PACE, asking.refused
        assert "500" not in asking.refused
        wait_until_all_are_sent(variables, LEASE + SLACK)
    sends = sink.sends()
    by_phone: dict[str, set[str]] = {}
    for phone, code in sends:
        by_phone.setdefault(phone, set()).add(code)
    assert not asking.acked.keys() - by_phone.keys(), "an acknowledged code was never sent"
    assert all(len(codes) == 1 for codes in by_phone.values()), "a message that was sent again had another code"
    doubled = {phone: number for (phone, _), number in sends.items() if number > 1}
    taken_up = claims(variables)
    # A message is taken up again only when whoever had it was killed with it in flight: once more for each kill.
    assert all(number <= taken_up[phone] <= 1 + KILLS for phone, number in doubled.items())
    print(f"{len(asking.acked)} accepted, {sum(sends.values())} sends, {len(doubled)} doubled, {dict(asking.refused)}")


@pytest.fixture(params=["sqlite", "postgres", "mariadb"] if os.environ.get("MESSAGES") else ["postgres"])
def queue(request, tmp_path) -> Iterator[tuple[dict[str, str], sinks.Sink]]:
    """A live service with MESSAGES codes that are asked for and not yet sent; the provider takes 0 to 3 s."""
    kind = request.param
    with servers.fresh_database(kind, tmp_path) as database, sinks.sinking(tmp_path / "sink", "0-3") as sink:
        variables = environment(database, sink, **WORKER)
        fill(variables, MESSAGES)
        yield variables, sink


def fill(variables: dict[str, str], messages: int) -> None:
    from bench.delivery import FILL, manage

    manage(variables, "migrate", "-v", "0")
    manage(variables, "shell", "-v", "0", "-c", FILL.format(messages=messages))


def test_four_workers_send_each_message_once(queue):
    """C42."""
    variables, sink = queue
    workers = [Process(variables, "deliver") for _ in range(4)]
    try:
        wait_until_all_are_sent(variables, 120)
    finally:
        for worker in workers:
            worker.running.terminate()
        assert [worker.running.wait(35) for worker in workers] == [0] * 4  # C57: what is under way is finished
    sends = sink.sends()
    assert sum(sends.values()) == len(sends) == MESSAGES


def test_a_worker_that_stood_still_past_its_lease_overwrites_nothing(queue):
    variables, sink = queue
    slow = Process({**variables, "DELIVERY_IN_FLIGHT": "50"}, "deliver")
    deadline = time.monotonic() + 20
    while not sink.lines() and time.monotonic() < deadline:
        time.sleep(0.05)
    slow.running.send_signal(signal.SIGSTOP)
    quick = Process(variables, "deliver")
    try:
        wait_until_all_are_sent(variables, LEASE + 60)
        ended = facts(variables)
        slow.running.send_signal(signal.SIGCONT)
        time.sleep(4)
        assert facts(variables) == ended
    finally:
        slow.running.send_signal(signal.SIGCONT)
        for worker in (slow, quick):
            worker.running.terminate()
            assert worker.running.wait(35) == 0
    sends = sink.sends()
    assert len(sends) == MESSAGES
    doubled = {phone for (phone, _), number in sends.items() if number > 1}
    assert doubled <= {phone for phone, number in claims(variables).items() if number > 1}  # what it had taken up
    assert len(doubled) <= 50
    assert max(sends.values()) <= 2


def claims(variables: dict[str, str]) -> dict[str, int]:
    """How often each number's message was taken up."""
    script = (
        "import json; from guestlist.delivery.models import Message;"
        "print(json.dumps(dict(Message.objects.values_list('phone', 'claims'))))"
    )
    found: dict[str, int] = json.loads(shell(variables, script))
    return found


def facts(variables: dict[str, str]) -> str:
    """Everything that the rows of messages say."""
    script = (
        "from guestlist.delivery.models import Message;"
        "print(list(Message.objects.order_by('id').values_list('id', 'state', 'gateway', 'claims', 'sent_at')))"
    )
    return shell(variables, script)


def shell(variables: dict[str, str], script: str) -> str:
    """What a script prints, in a process of its own."""
    command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", script]
    return subprocess.run(
        command, cwd=servers.ROOT, env=variables, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def test_sigterm_in_the_middle_loses_nothing_and_sends_nothing_twice(queue):
    """C57, with the C40 rule: a worker that is told to end finishes or gives back, and the next one goes on at once."""
    variables, sink = queue
    for _ in range(3):
        worker = Process(variables, "deliver")
        seen = len(sink.lines())
        deadline = time.monotonic() + 20
        while len(sink.lines()) == seen and left(variables) and time.monotonic() < deadline:
            time.sleep(0.05)
        worker.running.terminate()
        assert worker.running.wait(35) == 0
    last = Process(variables, "deliver")
    try:
        wait_until_all_are_sent(variables, 15)  # less than a lease: nothing was left to run out
    finally:
        last.running.terminate()
        assert last.running.wait(35) == 0
    sends = sink.sends()
    assert sum(sends.values()) == len(sends) == MESSAGES


def test_the_file_of_the_sink_is_read_as_it_was_written(tmp_path):
    file = Path(tmp_path / "sink")
    file.write_text("1.500 +79001112233 7209\n1.600 +79001112233 7209\n")
    assert sinks.Sink("", file).sends() == {("+79001112233", "7209"): 2}
