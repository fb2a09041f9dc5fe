"""A gateway's provider as a process of its own: takes thousands of messages at once, and writes a line for each.

    python -m tests.sink FILE 0.5-3 [status]

It prints its address. A line is the time in seconds, the number and the code; it is written when the message has come,
before the answer goes out: what stands there has been sent, whatever became of whoever sent it.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from tests.servers import ROOT


class Line(NamedTuple):
    """A message that was sent."""

    at: float
    phone: str
    code: str


class Sink:
    """What has been sent so far."""

    def __init__(self, url: str, file: Path) -> None:
        self.url, self.file = url, file

    def lines(self) -> list[Line]:
        found = [line.split() for line in self.file.read_text().splitlines()]
        return [Line(float(at), phone, code) for at, phone, code in found]

    def sends(self) -> Counter[tuple[str, str]]:
        """How often each code was sent to each number."""
        return Counter((line.phone, line.code) for line in self.lines())


@contextmanager
def sinking(file: Path, delay: str = "0") -> Iterator[Sink]:
    """A provider that answers after so many seconds, such as `0-3`."""
    file.touch()
    command = [sys.executable, "-m", "tests.sink", str(file), delay]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Sink(process.stdout.readline().strip(), file)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def serve(file: str, low: float, high: float, status: int) -> None:
    written = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
                body = json.loads(await reader.readexactly(length))
                code = body["text"].splitlines()[-1].rpartition("#")[2]
                os.write(written, f"{time.time():.3f} {body['to']} {code}\n".encode())
                await asyncio.sleep(random.uniform(low, high))
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nok".encode())
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0, backlog=4096)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    least, _, most = sys.argv[2].partition("-")
    asyncio.run(serve(sys.argv[1], float(least), float(most or least), int((sys.argv[3:] or ["200"])[0])))
