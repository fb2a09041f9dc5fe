"""How adapters call a provider: pooled connections, proxies of the environment, a bound for time and for size."""

import heapq
import json
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from urllib3.connection import HTTPConnection, HTTPSConnection

from guestlist.delivery.gateways import Late, Nonsense, TooMany, Unavailable, WrongKey

CONNECT = 2.0  # seconds
MOST = max(settings.WEB_THREADS, settings.DELIVERY_IN_FLIGHT)  # connections that are kept
LARGEST = 65536  # bytes of an answer


class Answer(NamedTuple):
    """A provider's answer; the rest of a body that is too large is left out."""

    status: int
    body: bytes

    def json(self) -> dict[str, Any]:
        """The JSON object in the body. Raises Nonsense when there is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Nonsense(f"HTTP {self.status}")
        return found

    def check(self) -> None:
        """Raise what the status alone says: 401 and 403 a wrong key, 429 too many, 5xx a provider that is broken."""
        if self.status in (401, 403):
            raise WrongKey(f"HTTP {self.status}")
        if self.status == 429:
            raise TooMany("HTTP 429")
        if self.status >= 500:
            raise Unavailable(f"HTTP {self.status}")


class Line:
    """The connections to one provider, for all threads."""

    def __init__(self, url: str) -> None:
        self._pool = _pool(url)

    def call(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None, seconds: float
    ) -> Answer:
        """One request, never repeated, never redirected. Raises Late and Unavailable.

        An error's own words may hold the text of the message: they are not passed on.
        """
        deadline = time.monotonic() + seconds
        with _watch.until(deadline) as watched:
            try:
                answer = self._pool.request(
                    method,
                    url,
                    body=body,
                    headers=dict(headers or {}),
                    timeout=urllib3.Timeout(connect=min(CONNECT, seconds), total=seconds),
                    retries=False,
                    redirect=False,
                    preload_content=False,
                )
                return Answer(answer.status, _read(answer))
            except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                if not watched.has_begun:  # no name, no connection, no TLS: nothing was sent
                    raise Unavailable(type(error).__name__) from None
                is_late = watched.is_over or isinstance(error, urllib3.exceptions.TimeoutError)
                raise Late(type(error).__name__ if is_late else f"broken off: {type(error).__name__}") from None


def _read(answer: urllib3.BaseHTTPResponse) -> bytes:
    """The body, whose status has said what became of the message: what cannot be read is left out."""
    body = b""
    try:
        body = answer.read(LARGEST, decode_content=True)
        # A connection with something left in it cannot be used again.
        answer.close() if answer.length_remaining else answer.release_conn()
    except (urllib3.exceptions.HTTPError, OSError):
        answer.close()
    return body


class _Watched:
    """A call under way, and the socket to cut when its time is over."""

    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        self.is_over = self.is_done = self.has_begun = False

    def cut(self) -> None:
        self.is_over = True
        if self.socket is not None and not self.is_done:
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)


class _Watch:
    """One thread that cuts calls whose time is over, however slowly their bytes drip: read timeouts begin anew."""

    def __init__(self) -> None:
        self._here = threading.local()
        self._calls: list[tuple[float, int, _Watched]] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._number = 0

    def until(self, deadline: float) -> "_Until":
        return _Until(self, deadline)

    def begin(self, deadline: float) -> _Watched:
        watched = self._here.watched = _Watched()
        with self._changed:
            self._number += 1
            heapq.heappush(self._calls, (deadline, self._number, watched))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="provider-watch", daemon=True)
                self._thread.start()
            if self._calls[0][2] is watched:
                self._changed.notify()
        return watched

    def end(self, watched: _Watched) -> None:
        watched.is_done = True
        watched.socket = None
        self._here.watched = None

    def mine(self) -> _Watched | None:
        """The call of this thread."""
        return getattr(self._here, "watched", None)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._calls:
                    self._changed.wait()
                deadline, _, watched = self._calls[0]
                left = deadline - time.monotonic()
                if left > 0 and not watched.is_done:
                    self._changed.wait(left)
                    continue
                heapq.heappop(self._calls)
            if not watched.is_done:
                watched.cut()


class _Until:
    def __init__(self, watch: _Watch, deadline: float) -> None:
        self._watch, self._deadline = watch, deadline

    def __enter__(self) -> _Watched:
        self._watched = self._watch.begin(self._deadline)
        return self._watched

    def __exit__(self, *_: object) -> None:
        self._watch.end(self._watched)


_watch = _Watch()


class _Bounded:
    """A connection that the watch can cut, and over which nothing is sent when its time is over already."""

    sock: socket.socket | None

    def send(self, data: Any) -> None:
        """Send a part of a request. Looking a name up cannot be cut short: then it is too late for this."""
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]
        watched = _watch.mine()
        if watched is not None:
            if watched.is_over:
                raise OSError("the connection did not come in time")
            watched.socket, watched.has_begun = self.sock, True
        super().send(data)  # type: ignore[misc]

    def getresponse(self) -> Any:
        """The answer's status and headers."""
        answer = super().getresponse()  # type: ignore[misc]
        watched = _watch.mine()
        if watched is not None and watched.is_over:  # half a head reads like a whole one
            raise OSError("the answer did not come in time")
        return answer


class _Connection(_Bounded, HTTPConnection):
    """The same without TLS."""


class _TlsConnection(_Bounded, HTTPSConnection):
    """The same with TLS."""


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


def _pool(url: str) -> Any:
    where = urlsplit(url)
    proxy = getproxies().get(where.scheme)
    if not proxy or proxy_bypass(str(where.hostname)):
        pool = urllib3.PoolManager(maxsize=MOST)
    else:
        try:
            user = urllib3.util.parse_url(proxy).auth
            headers = urllib3.make_headers(proxy_basic_auth=user) if user else None
            pool = urllib3.ProxyManager(proxy, maxsize=MOST, proxy_headers=headers)
        except (ValueError, urllib3.exceptions.HTTPError):  # whose words hold the password
            name = f"{where.scheme.upper()}_PROXY"
            raise ImproperlyConfigured(f"{name} must be like http://proxy.example.org:3128.") from None
    pool.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
    return pool
