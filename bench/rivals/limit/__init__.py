"""The limit: a bare WSGI function on the same server and driver, which runs the profile statement, prepared."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.rivals import rival
from bench.rivals.guestlist import Guestlist, manage
from bench.rivals.rival import Call, Population
from tests import servers

STATEMENT = "from guestlist.api import profile_sql; print(profile_sql.PROFILE)"


class Limit(rival.Rival):
    """On Guestlist's own tables, people and sessions; it checks the token and answers the same profile."""

    name, title = "limit", "bare WSGI function"
    scenarios = ("profile",)
    application = "bench.rivals.limit.app:application"

    def __init__(self) -> None:
        self._tables = Guestlist()

    def versions(self) -> dict[str, str]:
        return rival.installed_versions(sys.executable, ("granian", "psycopg"))

    def prepare(self, database: str, folder: Path, people: Population) -> None:
        self._tables.prepare(database, folder, Population(0))
        (folder / "profile.sql").write_text(manage(database, "shell", "--verbosity", "0", "-c", STATEMENT))

    @contextmanager
    def running(self, database: str, folder: Path) -> Iterator[str]:
        environment = {**os.environ, "DATABASE_URL": database, "PROFILE_SQL": str(folder / "profile.sql")}
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        with rival.granian(self, sys.executable, servers.ROOT, environment, self.application) as url:
            yield url

    def known(self, person: int) -> dict[str, str]:
        return self._tables.known(person)

    def profile(self, credentials: dict[str, str]) -> Call:
        return self._tables.profile(credentials)
