"""The gate before Django: what comes in crowds waits here for its turn, when its body has come."""

import io
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from typing import Any

from guestlist.api.door import ARRIVED, LARGEST_BODY, LATE
from guestlist.lib import sql

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

CROWDED = ("/user/login", "/user/login/")  # asking for a code: it waits for a gateway, so hundreds may be under way


def gate(application: Application) -> Application:
    """The application behind the gate.

    Two hundred asks at once would otherwise take their way through Django side by side, and whoever reads a profile
    meanwhile is one thread among two hundred. Whoever sends slowly keeps nobody waiting; for whom no turn comes, the
    door says so.
    """

    def enter(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("PATH_INFO") not in CROWDED or environ.get("REQUEST_METHOD") != "POST":
            return application(environ, start_response)
        environ[ARRIVED] = time.perf_counter()
        _fetch_body(environ)
        with ExitStack() as turn:
            try:
                turn.enter_context(sql.in_a_crowd())
            except sql.AWAY:
                environ[LATE] = True
            return application(environ, start_response)

    return enter


def _fetch_body(environ: dict[str, Any]) -> None:
    length = environ.get("CONTENT_LENGTH") or ""
    if not (length.isascii() and length.isdigit() and len(length) < 9 and int(length) <= LARGEST_BODY):
        return  # the door refuses it unread
    found = b""
    with suppress(OSError):  # it ended before its end: the door finds it too short
        found = environ["wsgi.input"].read(int(length))
    environ["wsgi.input"] = io.BytesIO(found)
