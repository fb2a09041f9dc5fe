"""The tools' place in Django: they keep one table, of limits."""

from django.apps import AppConfig


class LibConfig(AppConfig):
    """Floor 1."""

    name = "guestlist.lib"
    label = "limits"
