"""Where Django looks for a backend's DatabaseWrapper."""

from typing import Any

from django.db.backends.postgresql.base import DatabaseWrapper as Plain

from guestlist.lib.databases import Pooled, can_be_read
from guestlist.lib.databases.postgresql.schema import SchemaEditor


class DatabaseWrapper(Pooled, Plain):
    """Django's own wrapper, whose connections come from a pool."""

    SchemaEditorClass = SchemaEditor

    @staticmethod
    def hung_up(connection: Any) -> bool:
        """Whether the server has ended this connection, by a restart or by an operator."""
        return bool(connection.closed) or can_be_read(connection.fileno())
