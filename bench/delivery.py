"""Thousands of messages in flight in one worker: how long until all are sent, and what it takes in memory?

python -m bench.delivery [messages] [http|simulated]
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import servers
from tests import sink as sinks

MESSAGES, DELAY = 10_000, "1-2"
KEYS = {
    "SECRET_KEY": "Q7v0s3dK1xW9bT5mZ2nC8pL4hJ6gF0aYrEuIoXqV",
    "CODE_PEPPER": "mB4kT9wX2cV7nZ1qL5sD8fG3hJ6pR0yUoAeIxWtK",
    "LEDGER_KEY": "tY6uI1oP9aS3dF8gH2jK7lZ4xC0vB5nMqWeRfTgX",
}
FILL = """
from django.db import transaction
from guestlist.delivery import actions as delivery, stamp
from guestlist.signin import challenges, guard
from guestlist.lib import clock
stamp.check()
now = clock.now()
with transaction.atomic():
    for number in range({messages}):
        phone = f"+7900{{number:07}}"
        _, challenge = challenges.new(phone, "RU", None, guard.Class("", 6), "127.0.0.1", now)
        delivery.accept("code", challenge.id, phone, "RU", challenge.expires_at, taken_up=False)
"""
LEFT = """
from guestlist.delivery.models import Message
print(Message.objects.filter(state="accepted").count(), Message.objects.exclude(state="accepted").count())
"""


def manage(environment: dict[str, str], *words: str) -> str:
    """What `manage.py` answers."""
    command = [sys.executable, "manage.py", *words]
    answer = subprocess.run(command, cwd=servers.ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return answer.stdout


@contextmanager
def delivering(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A worker; SIGTERM must end it with exit code 0."""
    worker = subprocess.Popen([sys.executable, "manage.py", "deliver"], cwd=servers.ROOT, env=environment)
    try:
        yield worker
    finally:
        if worker.poll() is None:
            worker.terminate()
        assert worker.wait(35) == 0, "SIGTERM must end the worker with exit code 0"


def measure(kind: str, messages: int, gateway: str) -> None:
    """Print a line."""
    with (
        tempfile.TemporaryDirectory() as folder,
        servers.fresh_database(kind, Path(folder)) as database,
        sinks.sinking(Path(folder) / "sink", DELAY) as sink,
    ):
        live = {
            "SMS_GATEWAYS": "http",
            "SMS_HTTP_URL": sink.url,
            "SMS_HTTP_BODY": '{"to": "{phone}", "text": "{text}"}',
            **KEYS,
        }
        own = live if gateway == "http" else {"SANDBOX_DELAY": DELAY}
        flight = {"DELIVERY": "worker", "DELIVERY_IN_FLIGHT": str(messages)}
        environment = {**os.environ, "DATABASE_URL": database, **own, **flight}
        manage(environment, "migrate", "-v", "0")
        manage(environment, "shell", "-v", "0", "-c", FILL.format(messages=messages))
        began = time.monotonic()
        with delivering(environment) as worker:
            most, threads, last = 0, 0, time.monotonic()
            while time.monotonic() - began < 120:
                time.sleep(0.2)  # looking on must not take the processors from what is looked at
                status = Path(f"/proc/{worker.pid}/status").read_text()
                most = max(most, int(status.split("VmRSS:")[1].split()[0]) // 1024)
                threads = max(threads, int(status.split("Threads:")[1].split()[0]))
                if gateway == "http" and len(sink.file.read_bytes().splitlines()) < messages:
                    continue
                if time.monotonic() - last > 3:
                    last = time.monotonic()
                    if not int(manage(environment, "shell", "-v", "0", "-c", LEFT).split()[0]):
                        break
            took = time.monotonic() - began
        lines = sink.lines()
        span = f", first to last send {lines[-1].at - lines[0].at:.1f} s, {len(lines)} sends" if lines else ""
        told = f"{messages} messages of {DELAY} s in {took:.1f} s with the start, {threads} threads, {most} MB{span}"
        print(f"{kind}, {gateway}: {told}")


def main() -> None:
    """Measure on every database that answers."""
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES
    gateway = sys.argv[2] if len(sys.argv) > 2 else "http"
    for kind in sys.argv[3:] or servers.DATABASES:
        if servers.answers(kind):
            measure(kind, messages, gateway)
        else:
            print(f"{kind}: does not answer, skipped")


if __name__ == "__main__":
    main()
