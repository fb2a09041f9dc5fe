"""The gate before Django: requests wait here for their turn, when their body has come.

A process has one interpreter. When thirty threads want it at once, each that comes back from the database waits for it
again, for up to 5 ms a statement, and holds its locks meanwhile: two at a time do four times as much
(docs/decisions/0018-turns.md has the figures). Those who read have places of their own, so they never wait for those
who write; and whoever waits for a gateway has given its place back.
"""

import io
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from typing import Any

from django.conf import settings

from guestlist.api.door import ARRIVED, LARGEST_BODY, LATE, OPERATORS
from guestlist.lib import sql
from guestlist.lib.databases import NoneFree

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

READS = ("GET", "HEAD", "OPTIONS")
PEOPLE = "/user"  # what people read; pages, files and probes need no turn

_readers = threading.BoundedSemaphore(max(2, settings.DB_POOL // 4))


def gate(application: Application) -> Application:
    """The application behind the gate.

    Whoever sends slowly keeps nobody waiting. For whom no turn comes in time, the door says `unavailable`.
    """

    def enter(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ[ARRIVED] = time.perf_counter()
        with ExitStack() as stack:
            try:
                stack.enter_context(_turn(environ))
            except sql.AWAY:
                environ[LATE] = True
            return application(environ, start_response)

    return enter


def _turn(environ: dict[str, Any]) -> AbstractContextManager[None]:
    path = str(environ.get("PATH_INFO", ""))
    if environ.get("REQUEST_METHOD") in READS:
        return _among_readers() if path.startswith(PEOPLE) else nullcontext()
    if path.startswith(OPERATORS) or not _has_come(environ):
        return nullcontext()
    return sql.in_a_crowd()


@contextmanager
def _among_readers() -> Iterator[None]:
    if not _readers.acquire(timeout=sql.PATIENCE):
        raise NoneFree(f"too many read, for {sql.PATIENCE} s")
    try:
        yield
    finally:
        _readers.release()


def _has_come(environ: dict[str, Any]) -> bool:
    """Whether the body is here, read now; one that is too long for a turn, or not as long as it says, gets none."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit() and len(length) <= 9 and int(length) <= LARGEST_BODY):
        return False
    found = b""
    with suppress(OSError):  # it ended before its end: whoever reads it finds it too short
        found = environ["wsgi.input"].read(int(length)) if int(length) else b""
    environ["wsgi.input"] = io.BytesIO(found)
    return True
