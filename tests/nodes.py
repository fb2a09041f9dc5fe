"""Guestlist on several nodes: web processes behind nginx, workers, one PostgreSQL, one Redis; on one machine here.

nginx runs with deploy/nginx.conf itself, in which only addresses and folders are changed.
"""

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from tests import servers

CONF = servers.ROOT / "deploy" / "nginx.conf"
KEYS = {  # each node is given the same ones
    "SECRET_KEY": "Q7v0s3dK1xW9bT5mZ2nC8pL4hJ6gF0aYrEuIoXqV",
    "CODE_PEPPER": "mB4kT9wX2cV7nZ1qL5sD8fG3hJ6pR0yUoAeIxWtK",
    "LEDGER_KEY": "tY6uI1oP9aS3dF8gH2jK7lZ4xC0vB5nMqWeRfTgX",
    "JWT_KEY": "rE3wQ8uY5tI2oP7aS1dF6gH9jK4lZ0xCvB3nMzXq",
}
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class Nodes(NamedTuple):
    """Where they are."""

    front: str  # nginx
    webs: list[str]
    servers: "list[subprocess.Popen[bytes]]"
    workers: "list[subprocess.Popen[bytes]]"
    database: str


@contextmanager
def serving(database: str, folder: Path, webs: int = 2, workers: int = 2, **settings: str) -> Iterator[Nodes]:
    """So many of each on this database. SIGTERM must end each of them with exit code 0."""
    shared = {"TRUSTED_PROXIES": "1", "DELIVERY": "worker" if workers else "inline", **KEYS, **settings}
    with ExitStack() as stack:
        started = [
            stack.enter_context(servers.starting(database, folder / f"web{number}.log", **shared))
            for number in range(webs)
        ]
        for url, server in started:
            servers.wait_until_ready(url, server)
        delivering = [stack.enter_context(_worker(database, folder, number, shared)) for number in range(workers)]
        urls = [url for url, _ in started]
        front = stack.enter_context(nginx(urls, folder))
        yield Nodes(front, urls, [server for _, server in started], delivering, database)


@contextmanager
def nginx(urls: Sequence[str], folder: Path) -> Iterator[str]:
    """nginx before these; its address."""
    program = shutil.which("nginx") or next(iter(Path("/usr/sbin").glob("nginx")), None)
    servers.need(program is not None, "there is no nginx")
    port = servers.free_port()
    (folder / "nginx.conf").write_text(configuration(urls, port, folder))
    command = [str(program), "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"]
    user = "user root;" if os.getuid() == 0 else ""  # its own one may not look into the tests' folders
    command += ["-g", f"daemon off; pid {folder / 'nginx.pid'}; {user}"]
    with (folder / "nginx.log").open("ab") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield _answering(f"http://127.0.0.1:{port}", server)
        finally:
            server.terminate()
            server.wait(servers.STOP)


def configuration(urls: Sequence[str], port: int, folder: Path) -> str:
    """deploy/nginx.conf for this machine."""
    text = CONF.read_text(encoding="utf-8")
    lines = "".join(f"        server {urlsplit(url).netloc} max_fails=2 fail_timeout=5s;\n" for url in urls)
    text, found = re.subn(r"(?:^        server 127\.0\.0\.1:\d+ .*\n)+", lines, text, flags=re.MULTILINE)
    assert found == 1, "deploy/nginx.conf has no servers of its own"
    folders = "".join(f"    {name}_temp_path {folder / name};\n" for name in TEMPORARY)
    changes = {
        "http {\n": f"http {{\n{folders}",
        "listen 80;": f"listen 127.0.0.1:{port};",
        "root /srv/guestlist/var;": f"root {folder};",
    }
    for old, new in changes.items():
        assert text.count(old) == 1, f"deploy/nginx.conf: {old}"
        text = text.replace(old, new)
    return text


@contextmanager
def pooler(database: str, folder: Path) -> Iterator[tuple[str, bool]]:
    """PgBouncer before this PostgreSQL, pooling by transaction; the database there, and whether it keeps plans."""
    program = shutil.which("pgbouncer") or next(iter(Path("/usr/sbin").glob("pgbouncer")), None)
    servers.need(program is not None, "there is no pgbouncer")
    told = subprocess.run([str(program), "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    major, minor = (int(part) for part in re.findall(r"\d+", told)[:2])
    keeps_plans = (major, minor) >= (1, 21)
    where, port = urlsplit(database), servers.free_port()
    target = f"host={where.hostname} port={where.port or 5432} user={where.username} password={where.password}"
    lines = [
        "[databases]",
        f"* = {target}",
        "[pgbouncer]",
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =",
        "auth_type = any\npool_mode = transaction\nmax_client_conn = 500\ndefault_pool_size = 4",
        *(["max_prepared_statements = 200"] if keeps_plans else []),
    ]
    (folder / "pgbouncer.ini").write_text("\n".join([*lines, ""]))
    for one in (folder, folder / "pgbouncer.ini"):
        one.chmod(0o755)
    user = "nobody" if os.getuid() == 0 else None  # it will not run as root
    with (folder / "pgbouncer.log").open("ab") as log, (folder / "pgbouncer.ini").open() as ini:
        command = [str(program), f"/proc/self/fd/{ini.fileno()}"]
        server = subprocess.Popen(command, stdout=log, stderr=log, user=user, pass_fds=[ini.fileno()])
        try:
            yield f"postgres://127.0.0.1:{port}{where.path}", keeps_plans
        finally:
            server.terminate()
            server.wait(servers.STOP)


@contextmanager
def _worker(database: str, folder: Path, number: int, settings: dict[str, str]) -> "Iterator[subprocess.Popen[bytes]]":
    environment = {**os.environ, "DATABASE_URL": database, **settings}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    command = [sys.executable, str(servers.ROOT / "manage.py"), "deliver"]
    with (folder / f"worker{number}.log").open("ab") as log:
        worker = subprocess.Popen(command, env=environment, cwd=servers.ROOT, stdout=log, stderr=log)
        try:
            yield worker
        finally:
            if worker.poll() is None:
                worker.terminate()
                assert worker.wait(35) == 0, "SIGTERM must end the worker with exit code 0"


def _answering(url: str, server: "subprocess.Popen[bytes]") -> str:
    deadline = time.monotonic() + servers.START
    while time.monotonic() < deadline:
        assert server.poll() is None, "nginx ended at its start"
        with suppress(OSError), urllib.request.urlopen(f"{url}/health/live/", timeout=2):
            return url
        time.sleep(0.05)
    raise AssertionError(f"nginx did not answer within {servers.START} s")
