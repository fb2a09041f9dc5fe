"""What the comparison asks of a rival: to be installed, to be served by two processes, and to speak its own API."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from tests import servers

HERE = Path(__file__).resolve().parent
INSTALLED = servers.ROOT / "var" / "bench"  # git ignores it
PROCESSES = 2  # of each server
CONNECTIONS = 8  # to the database, at most, of each process: what DB_POOL gives Guestlist
START, STOP = 30, 10  # seconds
SQLITE = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-8192;"  # as Guestlist has it

ME, HOST, FIRST_INVITER, INVITERS = 1, 2, 3, 1000  # people of the seed, by number
MY_INVITEES, HOSTS_INVITEES = 3, 150
FIRST_INVITEE = FIRST_INVITER + INVITERS
FIRST_IN_POOL = FIRST_INVITEE + MY_INVITEES + HOSTS_INVITEES  # who is signed in and may still enter a code


class Call(NamedTuple):
    """A request."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any] | None = None


class Answer(NamedTuple):
    """What came back."""

    status: int
    head: str
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str:
        """The value of a header, as it was sent; the first one, if there are several."""
        start = self.head.lower().index(f"\r\n{name.lower()}:") + len(name) + 3
        return self.head[start:].partition("\r\n")[0].strip()


class Population(NamedTuple):
    """How many people of the seed are left to enter a code."""

    pool: int


class Rival:
    """The words that every rival has; what it does not speak it leaves out of `scenarios`."""

    name = ""
    title = ""
    databases: tuple[str, ...] = ("sqlite", "postgres")
    scenarios: tuple[str, ...] = ("profile", "ask", "sign-in")
    asks_with: tuple[int, ...] = (200, 201)  # the statuses by which it says that a code is on its way

    def missing(self) -> str | None:
        """What it lacks on this machine, as a sentence; None when it can be installed and run."""
        return None

    def install(self) -> None:
        """Install it, unless it is."""

    def versions(self) -> dict[str, str]:
        """What is measured."""
        return {}

    def prepare(self, database: str, folder: Path, people: Population) -> None:
        """Make its tables, and the people of the seed."""

    @contextmanager
    def running(self, database: str, folder: Path) -> Iterator[str]:
        """Serve it; its address."""
        raise NotImplementedError
        yield

    def profile(self, credentials: dict[str, str]) -> Call:
        raise NotImplementedError

    def page(self, credentials: dict[str, str]) -> Call:
        raise NotImplementedError

    def ask(self, phone: str) -> Call:
        raise NotImplementedError

    def confirm(self, phone: str, asked: Answer) -> Call:
        raise NotImplementedError

    def credentials(self, confirmed: Answer) -> dict[str, str]:
        """The headers that show who is signed in."""
        raise NotImplementedError

    def known(self, person: int) -> dict[str, str] | None:
        """The headers of a person of the seed; None when there is no seed, and one has to sign in."""
        return None

    def activate(self, person: int) -> Call:
        """A person of the seed's pool enters an inviter's code."""
        raise NotImplementedError


class InItsVenv(Rival):
    """A rival in Python: an environment of its own, the server that Guestlist has."""

    folder: Path
    threads = CONNECTIONS  # each keeps its connection, which is the fastest that Django has by itself
    distributions: tuple[str, ...] = ()

    @property
    def home(self) -> Path:
        return INSTALLED / self.name

    @property
    def python(self) -> str:
        return str(self.home / "bin" / "python")

    def install(self) -> None:
        wanted = (self.folder / "requirements.txt").read_text()
        stamp = self.home / "requirements.txt"
        if stamp.exists() and stamp.read_text() == wanted:
            return
        say(f"installing {self.name} into {self.home.relative_to(servers.ROOT)}")
        shutil.rmtree(self.home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(self.home)], check=True)
        pip = [self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", str(self.folder / "requirements.txt")], check=True)
        stamp.write_text(wanted)

    def versions(self) -> dict[str, str]:
        return installed_versions(self.python, self.distributions)

    @property
    def served(self) -> Path:
        """What the server is started in; no package, or the server would load it as a part of ours."""
        return self.folder / "served"

    def environment(self, database: str) -> dict[str, str]:
        own = {"DJANGO_SETTINGS_MODULE": "project.settings", "SECRET_KEY": secrets.token_urlsafe(50)}
        return {**os.environ, "DATABASE_URL": database, **own}

    def prepare(self, database: str, folder: Path, people: Population) -> None:
        figures = (ME, HOST, FIRST_INVITEE, MY_INVITEES, MY_INVITEES + HOSTS_INVITEES, people.pool)
        environment = {**self.environment(database), "SEED": " ".join(map(str, figures)), "PYTHONPATH": "."}
        django = [self.python, "-m", "django"]
        options: dict[str, Any] = {"cwd": self.served, "env": environment, "check": True}
        subprocess.run([*django, "migrate", "--run-syncdb", "--verbosity", "0"], **options)
        if (self.served / "project" / "seed.py").exists():
            subprocess.run([self.python, "-m", "project.seed"], **options)

    @contextmanager
    def running(self, database: str, folder: Path) -> Iterator[str]:
        with granian(self, self.python, self.served, self.environment(database), "project.wsgi:application") as url:
            yield url


@contextmanager
def granian(
    rival: Rival, python: str, folder: Path, environment: dict[str, str], application: str, threads: int = CONNECTIONS
) -> Iterator[str]:
    """The server that Guestlist has, with as many processes, and as `manage.py serve` starts it."""
    port = servers.free_port()
    command = [
        *(python, "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws", "--log-level", "error"),
        *("--host", "127.0.0.1", "--port", str(port)),
        *("--workers", str(PROCESSES), "--blocking-threads", str(threads), application),
    ]
    with serving(rival, command, port, cwd=folder, env=environment) as url:
        yield url


@contextmanager
def serving(rival: Rival, command: list[str], port: int, **options: Any) -> Iterator[str]:
    """A server that this command starts, once it answers."""
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(command, **options)
    try:
        _wait_until_it_answers(rival, url, server)
        yield url
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(STOP)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_until_it_answers(rival: Rival, url: str, server: subprocess.Popen) -> None:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"{rival.name} ended at its start with exit code {server.returncode}")
        with suppress(OSError):
            with suppress(urllib.error.HTTPError):  # it has no such page, and said so
                urllib.request.urlopen(url, timeout=2).close()
            return
        time.sleep(0.05)
    raise RuntimeError(f"{rival.name} did not answer within {START} s")


def installed_versions(python: str, distributions: tuple[str, ...]) -> dict[str, str]:
    """Of these distributions, in the environment of this interpreter; and the interpreter's own."""
    script = (
        "import json, platform, sys; from importlib.metadata import version;"
        "print(json.dumps({'Python': platform.python_version(), **{name: version(name) for name in sys.argv[1:]}}))"
    )
    found = subprocess.run([python, "-c", script, *distributions], stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(found.stdout))


def analyze(database: str) -> None:
    """Let the planner know the tables now, rather than in the middle of a measurement."""
    if database.startswith("postgres"):
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
