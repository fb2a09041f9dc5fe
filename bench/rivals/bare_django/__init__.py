"""A bare Django view: the same statement through Django's connection, no middleware, no API library."""

import sys

from bench.rivals import rival
from bench.rivals.limit import Limit


class BareDjango(Limit):
    """On Guestlist's own tables, people and sessions."""

    name, title = "bare-django", "bare Django view"
    application = "bench.rivals.bare_django.app:application"

    def versions(self) -> dict[str, str]:
        return rival.installed_versions(sys.executable, ("django", "granian", "psycopg"))
