"""Guestlist, as `manage.py serve` serves it, with two processes and no simulated delay.

`LIMITS=on`: every limit is taken as always, only its figures are far. The judgement of how many codes are confirmed
is made and written down, and pauses nobody: a load that only asks would be taken for an attack, and rightly. Each
phone comes from an address of its own, as if a proxy said so: limits by address count, and do not all lock one row.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.rivals import rival
from bench.rivals.rival import Answer, Call, Population
from tests import servers

FAR = {**servers.FAR_AWAY, "SMS_DAILY_BUDGET": "100000000", "PEOPLE_MAX": "999999999", "DRY_RUN": "CONVERSION"}
SEED = Path(__file__).resolve().parent / "seed.py"
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Guestlist(rival.Rival):
    """The subject."""

    scenarios = ("profile", "page", "ask", "sign-in", "activation")

    def __init__(self, name: str = "guestlist", **settings: str) -> None:
        self.name = name
        self.title = name[0].upper() + name[1:]
        self.settings = {"SANDBOX_DELAY": "0", "WEB_CONCURRENCY": str(rival.PROCESSES), "LIMITS": "on", **FAR}
        self.settings["TRUSTED_PROXIES"] = "1"
        self.settings.update(settings)

    def versions(self) -> dict[str, str]:
        return rival.installed_versions(sys.executable, ("django", "django-ninja", "granian", "psycopg"))

    def prepare(self, database: str, folder: Path, people: Population) -> None:
        manage(database, "migrate", "--verbosity", "0", **self.settings)
        manage(database, "shell", "--verbosity", "0", "-c", SEED.read_text(), POOL=str(people.pool), **self.settings)

    @contextmanager
    def running(self, database: str, folder: Path) -> Iterator[str]:
        with servers.running(database, folder / "log", **self.settings) as url:
            yield url

    def environment(self, database: str) -> dict[str, str]:
        """What its other processes are started with."""
        return environment(database, **self.settings)

    def known(self, person: int) -> dict[str, str]:
        return {"Authorization": f"Bearer {person:022}.{person:043}"}

    def profile(self, credentials: dict[str, str]) -> Call:
        return Call("GET", "/user/user-profile/", credentials)

    def page(self, credentials: dict[str, str]) -> Call:
        return Call("GET", "/user/user-profile/activeusers/", credentials)

    def ask(self, phone: str) -> Call:
        return Call("POST", "/user/login/", self._from(phone), {"phone": phone})

    def confirm(self, phone: str, asked: Answer) -> Call:
        answer = asked.json()
        typed = {"phone": phone, "code": answer["code"], "challenge": answer["challenge"]}
        return Call("POST", "/user/confirm/", self._from(phone), typed)

    def credentials(self, confirmed: Answer) -> dict[str, str]:
        return {"Authorization": f"Bearer {confirmed.json()['token']}"}

    def activate(self, person: int) -> Call:
        inviter = rival.FIRST_INVITER + person % rival.INVITERS
        return Call("POST", "/user/user-profile/activate-code/", self.known(person), {"code": invite_code(inviter)})

    @staticmethod
    def _from(phone: str) -> dict[str, str]:
        number = int(phone[-7:])
        return {"X-Forwarded-For": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"}


def invite_code(person: int) -> str:
    """Six characters of Crockford's base 32 that stand for this number."""
    return "".join(ALPHABET[person >> 5 * place & 31] for place in reversed(range(6)))


def manage(database: str, *words: str, **settings: str) -> str:
    """What Guestlist's `manage.py` answers."""
    command = [sys.executable, "manage.py", *words]
    variables = environment(database, **settings)
    answer = subprocess.run(command, cwd=servers.ROOT, env=variables, stdout=subprocess.PIPE, text=True, check=True)
    return answer.stdout


def environment(database: str, **settings: str) -> dict[str, str]:
    """Of a process of Guestlist's on this database."""
    variables = {**os.environ, "DATABASE_URL": database, **settings}
    variables.pop("DJANGO_SETTINGS_MODULE", None)
    return variables
