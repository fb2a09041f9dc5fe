"""Where Django looks for a backend's DatabaseWrapper."""

from typing import Any
from weakref import WeakSet

from django.db.backends.mysql.base import DatabaseWrapper as Plain

from guestlist.lib.databases import Pooled, can_be_read


class DatabaseWrapper(Pooled, Plain):
    """Django's own wrapper, whose connections come from a pool and are set up once, not at each taking."""

    _set_up: WeakSet[Any] = WeakSet()

    def init_connection_state(self) -> None:
        """Set the session's isolation level, once a connection."""
        if self.connection not in self._set_up:
            super().init_connection_state()
            self._set_up.add(self.connection)

    @staticmethod
    def hung_up(connection: Any) -> bool:
        """Whether this connection has ended; mysqlclient shows no socket, so it learns that only by trying."""
        if not connection.open:
            return True
        socket = getattr(connection, "_sock", None)
        return socket is not None and can_be_read(socket.fileno())
