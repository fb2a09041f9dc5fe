"""A provider of messages for tests: takes them by HTTP, says what a test wants it to say, and remembers."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl


class Received(NamedTuple):
    """One call of the provider."""

    method: str
    path: str
    lines: list[tuple[str, str]]  # its headers as they came
    body: Any

    @property
    def headers(self) -> dict[str, str]:
        """By names in small letters."""
        return {name.lower(): value for name, value in self.lines}


class Provider:
    """What it was sent, and how it answers."""

    def __init__(self) -> None:
        self.url = ""
        self.received: list[Received] = []
        self.newest: dict[str, Any] = {}  # by number
        self.status, self.seconds, self.is_rude, self.drips = 200, 0.0, False, ""

    def code_for(self, phone: str) -> str:
        """The code in the newest message to this number."""
        body = self.newest[phone]
        return str(body["text"]).splitlines()[-1].rpartition("#")[2]


def live_settings(provider: Provider) -> dict[str, str]:
    """The environment of a live service that sends through this provider."""
    return {
        "SMS_GATEWAYS": "http",
        "SMS_HTTP_URL": f"{provider.url}/send",
        "SMS_HTTP_BODY": '{"to": "{phone}", "text": "{text}"}',
        "SECRET_KEY": "Q7v0s3dK1xW9bT5mZ2nC8pL4hJ6gF0aYrEuIoXqV",
        "CODE_PEPPER": "mB4kT9wX2cV7nZ1qL5sD8fG3hJ6pR0yUoAeIxWtK",
        "LEDGER_KEY": "tY6uI1oP9aS3dF8gH2jK7lZ4xC0vB5nMqWeRfTgX",
    }


@contextmanager
def answering() -> Iterator[Provider]:
    """A provider on a free port."""
    provider = Provider()

    class Desk(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else an answer in two parts waits 40 ms for its second

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            is_json = self.headers.get("Content-Type", "").startswith("application/json")
            body = json.loads(raw) if is_json else dict(parse_qsl(raw.decode()))
            provider.received.append(Received(self.command, self.path, list(self.headers.items()), body))
            if isinstance(body, dict):
                provider.newest[body.get("to", "")] = body
            time.sleep(provider.seconds)
            if provider.is_rude:
                self.close_connection = True
                return
            if provider.drips:
                self.drip()
                return
            self.send_response(provider.status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def drip(self) -> None:
            self.close_connection = True
            head = b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\n"
            start = head if provider.drips == "head" else head + b"\r\n"
            with suppress(OSError):
                self.wfile.write(start)
                for _ in range(60):
                    self.wfile.write(b"x")
                    time.sleep(0.5)

        do_GET = do_PUT = do_POST  # noqa: N815  # names that http.server looks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Desk)
    server.daemon_threads = True
    server.block_on_close = False
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
