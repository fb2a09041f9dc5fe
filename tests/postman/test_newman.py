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

from tests import npm, servers

HERE = Path(__file__).resolve().parent
POSTMAN = HERE.parent.parent / "postman"
RUNNING = 180  # seconds

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("newman")]  # installed once


@pytest.fixture(scope="module")
def newman() -> list[str]:
    """The command, installed by `npm ci` when the pinned version is not there."""
    node = shutil.which("node")
    servers.need(node is not None, "node is not installed")
    return [str(node), str(npm.installed(HERE, "newman") / "bin" / "newman.js")]


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


def _names() -> set[str]:
    collection = json.loads((POSTMAN / "guestlist.postman_collection.json").read_text("utf-8"))
    return {item["name"] for folder in collection["item"] for item in folder["item"]}
