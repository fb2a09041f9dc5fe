"""Bodies of a gigabyte and 500 connections that never end their headers: what do they cost, and who waits for them?

    python -m tests.attack.slow

CHECKS C76: 413 or 411 before the body is read, less than 20 MB more of memory, profiles read in p99 < 1 s meanwhile.
Slow bodies are a buffering proxy's; they are not tried here.
"""

import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from urllib.parse import urlsplit

from tests import servers
from tests.race.wire import one, sign_in

SLOW, READS, GIGABYTE = 500, 200, 2**30
CHUNK = b"10000\r\n" + b"x" * 65536 + b"\r\n"
POST = b"POST /user/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
BODIES = {"chunked": b"Transfer-Encoding: chunked\r\n\r\n", "with its length": b"Content-Length: 1073741824\r\n\r\n"}


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        servers.starting(f"sqlite:///{folder}/guestlist.sqlite3", SANDBOX_DELAY="0", LOG_LEVEL="ERROR") as (
            url,
            server,
        ),
    ):
        servers.wait_until_ready(url, server)
        token = sign_in(url, "+79001112233")
        read(url, token)
        before = memory(server.pid)

        def report(what: str) -> None:
            p99, more = read(url, token), memory(server.pid) - before
            print(f"{what}: profile p99 {p99 * 1000:.1f} ms (below 1000), memory {more / 1024:+.1f} MB (below 20)")

        report("quiet")
        slow = [begun(url, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-") for _ in range(SLOW)]
        report(f"{SLOW} connections without an end of their headers")
        for connection in slow:
            connection.close()
        for kind, header in BODIES.items():
            sent, status = pour(begun(url, POST + header))
            report(f"a gigabyte {kind}: {status} after {sent / 2**20:.1f} MB")


def begun(url: str, head: bytes) -> socket.socket:
    where = urlsplit(url)
    connection = socket.create_connection((where.hostname, where.port), 10)
    connection.sendall(head)
    return connection


def pour(connection: socket.socket) -> tuple[int, str]:
    """How many bytes could be written, and the status that came."""
    sent = 0
    with connection:
        with suppress(OSError):
            while sent < GIGABYTE:
                connection.sendall(CHUNK)
                sent += len(CHUNK)
        with suppress(OSError):
            return sent, connection.recv(100).decode("latin-1").partition("\r\n")[0]
    return sent, "no answer"


def read(url: str, token: str) -> float:
    """The slowest but one in a hundred of some reads of a profile, in seconds."""
    took = []
    for _ in range(READS):
        began = time.perf_counter()
        assert one(url, "/user/user-profile/", None, token, "GET").status == 200
        took.append(time.perf_counter() - began)
    return sorted(took)[-max(1, READS // 100)]


def memory(pid: int) -> int:
    """KiB of the server and its processes."""
    command = ["ps", "-o", "rss=", "--pid", str(pid), "--ppid", str(pid)]
    return sum(map(int, subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.split()))


if __name__ == "__main__":
    main()
