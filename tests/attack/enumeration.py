"""Does a live service tell which numbers are known, by what it answers or by how long it takes?

    python -m tests.attack.enumeration [sqlite|postgres|mariadb] [calls]

CHECKS C69 and C70: unknown, known and blocked numbers, taken in turn, are answered alike but for ids and dates, and
the medians of 2 000 calls each differ by less than 2 %. Every limit is taken as always; only its figures are far.
"""

import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import exp, sqrt
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests import provider as providers
from tests import servers

CALLS = 2000
# Some are blocked, and it is a day later: what limits and challenges remember of the sign-ins has been purged.
MEANWHILE = (
    "from guestlist.lib import clock; from guestlist.lib.models import Usage;"
    " from guestlist.people.models import Person; from guestlist.signin.models import Challenge;"
    " Person.objects.filter(phone__startswith='{}').update(blocked_at=clock.now());"
    " Usage.objects.all().delete(); Challenge.objects.all().delete()"
)
NEW_EACH_TIME = re.compile(r'"(?:challenge|expires_in|resend_in)": ?(?:"[^"]*"|\d+)')
HEADERS_NEW_EACH_TIME = ("date", "x-request-id", "set-cookie", "ratelimit")
CLASSES = {"unknown": "+79001", "known": "+79002", "blocked": "+79003"}


class Taken(NamedTuple):
    """An answer without what is new each time, what it said, and how long it took."""

    face: tuple[Any, ...]
    body: dict[str, Any]
    seconds: float


def main() -> None:
    kind = sys.argv[1] if len(sys.argv) > 1 else "sqlite"
    calls = int(sys.argv[2]) if len(sys.argv) > 2 else CALLS
    with serving(kind) as (url, provider, database, environment):
        caller = Caller(url, provider)
        for name in ("known", "blocked"):
            for turn in range(calls):
                caller.register(phone(name, turn))
        shell = [sys.executable, "manage.py", "shell", "-v", "0", "-c", MEANWHILE.format(CLASSES["blocked"])]
        subprocess.run(shell, cwd=servers.ROOT, env={**os.environ, "DATABASE_URL": database, **environment}, check=True)
        asked: dict[str, list[Taken]] = {name: [] for name in CLASSES}
        guessed: dict[str, list[Taken]] = {name: [] for name in CLASSES}
        for turn in range(calls):
            for name in rotated(turn):
                asked[name].append(caller.ask(phone(name, turn)))
        for turn in range(calls):
            for name in rotated(turn):
                guessed[name].append(caller.guess(phone(name, turn), asked[name][turn].body["challenge"]))
        report(kind, "asking", asked)
        report(kind, "a wrong code", guessed)


@contextmanager
def serving(kind: str) -> Iterator[tuple[str, providers.Provider, str, dict[str, str]]]:
    """A live service with a provider that answers at once."""
    with (
        tempfile.TemporaryDirectory() as folder,
        servers.fresh_database(kind, Path(folder)) as database,
        providers.answering() as provider,
    ):
        far = {**servers.FAR_AWAY, "SMS_DAILY_BUDGET": "1000000", "DRY_RUN": "CONVERSION"}
        environment = {**providers.live_settings(provider), **far, "CODE_DIGITS": "8"}
        with servers.running(database, Path(folder) / "log", **environment) as url:
            yield url, provider, database, environment


class Caller:
    """Calls one after another, on one connection."""

    def __init__(self, url: str, provider: providers.Provider) -> None:
        where = urlsplit(url)
        self.provider = provider
        self.connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=30)

    def call(self, path: str, body: dict[str, Any]) -> Taken:
        payload = json.dumps(body)
        began = time.perf_counter()
        self.connection.request("POST", path, payload, {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        raw = answer.read().decode()
        took = time.perf_counter() - began
        kept = [
            (name.lower(), "" if name.lower() in HEADERS_NEW_EACH_TIME else value)
            for name, value in answer.getheaders()
            if name.lower() != "content-length"  # follows the phone, which is as long in each class
        ]
        said = json.loads(raw)
        face = answer.status, tuple(kept), NEW_EACH_TIME.sub("", raw).replace(str(said.get("phone")), "")
        return Taken(face, said, took)

    def ask(self, number: str) -> Taken:
        return self.call("/user/login/", {"phone": number})

    def guess(self, number: str, challenge: str) -> Taken:
        wrong = str((int(self.provider.code_for(number)) + 1) % 10**8).zfill(8)  # short ones open the breaker
        return self.call("/user/confirm/", {"phone": number, "challenge": challenge, "code": wrong})

    def register(self, number: str) -> None:
        challenge = self.ask(number).body["challenge"]
        code = self.provider.code_for(number)
        answer = self.call("/user/confirm/", {"phone": number, "challenge": challenge, "code": code})
        assert answer.body["login"] is True, answer


def phone(name: str, turn: int) -> str:
    """A number of its class; the next one has another prefix too."""
    return f"{CLASSES[name]}{turn % 1000:03}{turn // 1000:03}"


def rotated(turn: int) -> list[str]:
    """The classes, each first as often as the others."""
    names = list(CLASSES)
    return names[turn % 3 :] + names[: turn % 3]


def report(kind: str, what: str, taken: dict[str, list[Taken]]) -> None:
    faces = {name: {one.face for one in some} for name, some in taken.items()}
    alike = len(set.union(*faces.values()))
    print(f"{kind}: {what}: {sum(map(len, taken.values()))} calls, {alike} different answers (1: alike)")
    if alike > 1:
        print(*sorted(map(str, set.union(*faces.values())))[:4], sep="\n")
    medians = {name: statistics.median(one.seconds for one in some) for name, some in taken.items()}
    for name in ("known", "blocked"):
        difference = medians[name] / medians["unknown"] - 1
        p = kolmogorov([one.seconds for one in taken[name]], [one.seconds for one in taken["unknown"]])
        print(
            f"{kind}: {what}: {name} {medians[name] * 1000:.3f} ms, unknown {medians['unknown'] * 1000:.3f} ms,"
            f" {difference:+.2%} (below 2 %), Kolmogorov-Smirnov p {p:.3f} (above 0.01)"
        )


def kolmogorov(left: list[float], right: list[float]) -> float:
    """The chance of samples as different as these from one distribution: the two-sample Kolmogorov-Smirnov test."""
    both = sorted([(value, 0) for value in left] + [(value, 1) for value in right])
    seen, widest = [0, 0], 0.0
    for _, side in both:
        seen[side] += 1
        widest = max(widest, abs(seen[0] / len(left) - seen[1] / len(right)))
    size = sqrt(len(left) * len(right) / (len(left) + len(right)))
    scaled = (size + 0.12 + 0.11 / size) * widest  # Stephens 1970
    return min(1.0, max(0.0, 2 * sum((-1) ** (k - 1) * exp(-2 * k * k * scaled * scaled) for k in range(1, 101))))


if __name__ == "__main__":
    main()
