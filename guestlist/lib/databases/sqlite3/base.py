"""Where Django looks for a backend's DatabaseWrapper."""

from django.db.backends.sqlite3.base import DatabaseWrapper as Plain

from guestlist.lib.databases import Pooled


class DatabaseWrapper(Pooled, Plain):
    """Django's own wrapper, whose connections come from a pool."""
