"""One server that plays any provider: a test says what each path answers, and reads what came."""

import json
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

Answer = tuple[int, Mapping[str, str], Any]  # status, headers, body: bytes, text, or what becomes JSON
Script = Mapping[str, Answer | Sequence[Answer]]  # by path; of several answers the last one stays


class Received(NamedTuple):
    """One call of the provider."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]  # by names in small letters
    form: dict[str, str]  # of a form
    json: Any  # of JSON; None: it was none
    body: bytes


class Fake:
    """What it was sent, and how it answers."""

    def __init__(self, script: Script) -> None:
        self.url = ""
        self.script = dict(script)
        self.received: list[Received] = []
        self.seconds = 0.0  # that it takes for an answer

    def answer(self, path: str) -> Answer:
        """The next answer of this path; 404 for one that the script does not have."""
        said = self.script.get(path, (404, {}, b"no such path in the script"))
        if isinstance(said, tuple):
            return said
        if len(said) > 1:
            self.script[path] = said[1:]
        return said[0]


@contextmanager
def answering(script: Script) -> Iterator[Fake]:
    """A provider on a free port, like `answering({"/send": (200, {}, {"id": 7})})`."""
    fake = Fake(script)

    class Desk(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else an answer in two parts waits 40 ms for its second

        def do_POST(self) -> None:
            call = received(self)
            fake.received.append(call)
            status, headers, body = fake.answer(call.path)
            written = spelled(body)
            time.sleep(fake.seconds)
            with suppress(OSError):  # who asked has gone
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(written)))
                self.end_headers()
                self.wfile.write(written)

        do_GET = do_PUT = do_POST  # noqa: N815  # names that http.server looks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Desk)
    server.daemon_threads = True
    server.block_on_close = False
    fake.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def received(desk: BaseHTTPRequestHandler) -> Received:
    """The call, read whole."""
    raw = desk.rfile.read(int(desk.headers.get("Content-Length") or 0))
    where = urlsplit(desk.path)
    media = desk.headers.get("Content-Type", "")
    is_form = media.startswith("application/x-www-form-urlencoded")
    return Received(
        desk.command,
        where.path,
        dict(parse_qsl(where.query, keep_blank_values=True)),
        {name.lower(): value for name, value in desk.headers.items()},
        dict(parse_qsl(raw.decode(), keep_blank_values=True)) if is_form else {},
        json.loads(raw) if media.startswith("application/json") else None,
        raw,
    )


def spelled(body: Any) -> bytes:
    """A body as bytes; what is neither bytes nor text becomes JSON."""
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def told(error: BaseException) -> str:
    """All that an exception says to a log: itself, its cause, and the traceback."""
    return "\n".join([str(error), repr(error), repr(error.__cause__), *traceback.format_exception(error)])
