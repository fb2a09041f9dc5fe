"""What safety costs: asking, a wrong guess and a sign-in with limits and ladder, beside the same without them.

Servers of one process on databases of their own, one call after another, the servers in turn; medians of milliseconds
and their ratios. The trail of events is written in all of them: BEFORE=URL adds a server of another version.
"""

import http.client
import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests import servers

ROUNDS = 400
REDIS = os.environ.get("TEST_REDIS_URL", "")
ON = {"LIMITS": "on", "SMS_DAILY_BUDGET": "1000000", **servers.FAR_AWAY}
ACTS = ("asking", "a wrong guess", "a sign-in")


class Client:
    """One connection to one server."""

    def __init__(self, url: str) -> None:
        where = urlsplit(url)
        self.connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=30)

    def call(self, path: str, body: dict[str, Any]) -> tuple[dict[str, Any], float]:
        payload = json.dumps(body)
        began = time.perf_counter()
        self.connection.request("POST", path, payload, {"Content-Type": "application/json"})
        raw = self.connection.getresponse().read()
        return json.loads(raw), time.perf_counter() - began

    def one_of_each(self, phone: str) -> list[float]:
        """Seconds of an ask, a wrong guess and a right one."""
        asked, asking = self.call("/user/login/", {"phone": phone})
        code = asked["code"]
        typed = {"phone": phone, "challenge": asked["challenge"]}
        wrong = str((int(code) + 1) % 10 ** len(code)).zfill(len(code))
        _, guessing = self.call("/user/confirm/", {**typed, "code": wrong})
        confirmed, confirming = self.call("/user/confirm/", {**typed, "code": code})
        assert confirmed.get("login"), confirmed
        return [asking, guessing, confirming]


def main() -> None:
    """Measure on SQLite, and on every other database that answers; print a table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    for kind in servers.DATABASES:
        if servers.answers(kind):
            measure(kind, rounds)
        else:
            print(f"{kind}: does not answer, skipped")


def measure(kind: str, rounds: int) -> None:
    """All servers of one kind of database."""
    wanted = {"relaxed": {"LIMITS": "relaxed"}, "limits in SQL": ON}
    if REDIS:
        wanted["limits, Redis"] = {**ON, "REDIS_URL": REDIS}
    with ExitStack() as stack:
        clients = {}
        for name, environment in wanted.items():
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            database = stack.enter_context(servers.fresh_database(kind, Path(folder)))
            log = Path(folder) / "log"
            shared = {"SANDBOX_DELAY": "0", "CODE_DIGITS": "8"}  # short codes guessed wrong would open the breaker
            clients[name] = Client(stack.enter_context(servers.running(database, log, **shared, **environment)))
        if before := os.environ.get("BEFORE"):
            clients["before"] = Client(before)
        taken: dict[str, list[list[float]]] = {name: [] for name in clients}
        for turn in range(rounds):
            for name, client in clients.items():
                taken[name].append(client.one_of_each(f"+7900{turn % 1000:03}{turn // 1000:04}"))
    for number, act in enumerate(ACTS):
        medians = {name: statistics.median(row[number] for row in rows) * 1000 for name, rows in taken.items()}
        told = (f"{name} {value:.2f} ms ({value / medians['relaxed']:.2f})" for name, value in medians.items())
        print(f"{kind}: {act}: " + ", ".join(told))


if __name__ == "__main__":
    main()
