"""The Postman collection, sent by newman to a real server: every request, every assertion, more than once."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests import servers

HERE = Path(__file__).resolve().parent
POSTMAN = HERE.parent.parent / "postman"
NEWMAN = HERE / "node_modules" / "newman"
INSTALLING, RUNNING = 300, 180  # seconds
# What npm says when the network is away; whatever else goes wrong is a fault of ours.
NO_NETWORK = (
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "ETIMEDOUT",
    "ERR_SOCKET_TIMEOUT",
)

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("newman")]  # installed once


@pytest.fixture(scope="module")
def newman() -> list[str]:
    """The command, installed by `npm ci` when the pinned version is not there."""
    node, npm = shutil.which("node"), shutil.which("npm")
    servers.need(node is not None and npm is not None, "node and npm are not installed")
    if _installed() != _pinned():
        _install(str(npm))
    return [str(node), str(NEWMAN / "bin" / "newman.js")]


@pytest.mark.parametrize("run", ["first", "second"])
def test_the_whole_collection_passes_and_can_be_repeated(live_url, newman, tmp_path, run):
    report = tmp_path / "report.json"
    finished = _run(newman, live_url, report)
    print(finished.stdout)
    assert finished.returncode == 0, finished.stdout + finished.stderr

    outcome = json.loads(report.read_text("utf-8"))["run"]
    assert outcome["failures"] == []
    assert {kind: count["failed"] for kind, count in outcome["stats"].items() if count["failed"]} == {}
    answered = {execution["item"]["name"] for execution in outcome["executions"] if execution.get("response")}
    tested = {execution["item"]["name"] for execution in outcome["executions"] if execution.get("assertions")}
    assert answered == tested == _names()


def test_without_a_sandbox_no_code_is_asked_for_and_the_run_fails(newman, tmp_path, no_sandbox):
    url, asked = no_sandbox
    assert _run(newman, url, tmp_path / "report.json").returncode == 1
    assert asked == ["GET /sandbox/inbox/"]


@pytest.fixture
def no_sandbox() -> Iterator[tuple[str, list[str]]]:
    """The address of a server that has no sandbox's inbox, as with a live gateway; and what it was asked for."""
    asked = []

    class Live(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(404)

        def log_request(self, *args):
            asked.append(f"{self.command} {self.path}")

    with ThreadingHTTPServer(("127.0.0.1", 0), Live) as server:
        Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def _run(newman: list[str], url: str, report: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *newman,
            *("run", str(POSTMAN / "guestlist.postman_collection.json")),
            *("-e", str(POSTMAN / "local.postman_environment.json")),
            *("--env-var", f"baseUrl={url}"),
            *("-r", "cli,json", "--reporter-json-export", str(report)),
            *("--color", "off", "--timeout-request", "20000"),
        ],
        env={**os.environ, "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=RUNNING,
        check=False,
    )


def _install(npm: str) -> None:
    installed = subprocess.run(
        [npm, "ci", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"],
        cwd=HERE,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=INSTALLING,
        check=False,
    )
    if installed.returncode == 0:
        return
    said = installed.stderr.strip()
    away = [sign for sign in NO_NETWORK if sign in said]
    servers.need(not away, f"npm ci found no network ({', '.join(away)})")
    pytest.fail(f"npm ci failed:\n{said}")


def _installed() -> str | None:
    if not (HERE / "node_modules" / ".package-lock.json").exists():  # npm writes it last
        return None
    package = NEWMAN / "package.json"
    return json.loads(package.read_text("utf-8"))["version"] if package.exists() else None


def _pinned() -> str:
    return json.loads((HERE / "package.json").read_text("utf-8"))["devDependencies"]["newman"]


def _names() -> set[str]:
    collection = json.loads((POSTMAN / "guestlist.postman_collection.json").read_text("utf-8"))
    return {item["name"] for folder in collection["item"] for item in folder["item"]}
