"""`manage.py openapi`: the API's description, as openapi.json in the repository holds it."""

import json
from typing import Any

from django.core.management.base import BaseCommand

from guestlist.api.urls import api


class Command(BaseCommand):
    """Prints the document that GET /openapi.json answers, indented."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        """Print it."""
        self.stdout.write(json.dumps(api.get_openapi_schema(), indent=1, ensure_ascii=False, sort_keys=True))
