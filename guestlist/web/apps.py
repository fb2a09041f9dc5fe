"""The room's place in Django."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Floor 4."""

    name = "guestlist.web"
