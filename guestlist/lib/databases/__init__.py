"""Django's database backends behind one bound: never more than DB_POOL connections a process, kept open and shared.

Django opens a connection for each thread; with hundreds of threads, most of them waiting for a message to go out,
that would be hundreds of connections. Here "open" takes one from a pool of this process and "close" gives it back.
Why not psycopg's own pool: docs/decisions/0004-connections.md.
"""

import os
import select
import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import OperationalError
from django.db.backends.base.base import NO_DB_ALIAS


class NoneFree(OperationalError):
    """All connections of this process are in use, and stay so."""


class Pool:
    """At most `size` connections; the most recently used goes out first, so that quiet hours let the others idle."""

    def __init__(self, size: int, patience: float, oldest: float) -> None:
        self._places = threading.BoundedSemaphore(size)
        self._idle: list[tuple[float, Any]] = []
        self._patience, self._oldest = patience, oldest

    def take(self, open_new: Callable[[], Any], hung_up: Callable[[Any], bool] = lambda _: False) -> Any:
        """An idle connection or a new one; NoneFree when none came free within `patience` seconds.

        One whose server has hung up meanwhile, or that idled for too long, is closed and passed over.
        """
        if not self._places.acquire(timeout=self._patience):
            raise NoneFree(f"no database connection came free within {self._patience} s")
        try:
            while (idle := self._newest_idle()) is not None:
                given_back, connection = idle
                if time.monotonic() - given_back < self._oldest and not hung_up(connection):
                    return connection
                connection.close()
            return open_new()
        except BaseException:
            self._places.release()
            raise

    def _newest_idle(self) -> tuple[float, Any] | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def give_back(self, connection: Any) -> None:
        """Keep a healthy connection for the next one who asks."""
        self._idle.append((time.monotonic(), connection))
        self._places.release()

    def drop(self, connection: Any) -> None:
        """Close a connection that may be broken, and free its place."""
        try:
            connection.close()
        finally:
            self._places.release()

    def close_idle(self) -> None:
        """Close what nobody uses now; a test database cannot be dropped while somebody is connected to it."""
        while (idle := self._newest_idle()) is not None:
            idle[1].close()


_pools: dict[tuple[int, str], Pool] = {}
_lock = threading.Lock()


def can_be_read(socket: int) -> bool:
    """Whether something waits on a socket that should be silent: an idle connection hears nothing but its end."""
    watch = select.poll()
    watch.register(socket, select.POLLIN)
    return bool(watch.poll(0))


class Pooled:
    """Mixed in before a Django `DatabaseWrapper`: opening takes from the pool, closing gives back to it."""

    def get_new_connection(self, conn_params: Any) -> Any:
        """A raw connection, from the pool."""
        open_new = super().get_new_connection  # type: ignore[misc]
        return self._pool().take(lambda: open_new(conn_params), self.hung_up)

    @staticmethod
    def hung_up(connection: Any) -> bool:
        """Whether the server has closed this connection; only sockets can tell."""
        return False

    def close_pool(self) -> None:
        """Close the idle connections; Django calls it before it drops a test database."""
        self._pool().close_idle()

    def _close(self) -> None:
        connection: Any = self.connection  # type: ignore[attr-defined]
        if connection is None:
            return
        healthy = not (self.errors_occurred or self.closed_in_transaction or self.in_atomic_block)  # type: ignore[attr-defined]
        is_ours = self.alias != NO_DB_ALIAS  # type: ignore[attr-defined]  # Django's own, to make a test's database
        if healthy and is_ours and self.get_autocommit():  # type: ignore[attr-defined]
            self._pool().give_back(connection)
        else:
            self._pool().drop(connection)

    def _pool(self) -> Pool:
        settings: dict[str, Any] = self.settings_dict  # type: ignore[attr-defined]
        key = (os.getpid(), str(settings["NAME"]))  # a forked child must not share its parent's sockets
        pool = _pools.get(key)
        if pool is None:
            with _lock:
                wanted = settings["POOL"]
                pool = _pools.setdefault(key, Pool(wanted["size"], wanted["patience"], wanted["oldest"]))
        return pool
