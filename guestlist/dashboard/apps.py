"""The room's place in Django."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.apps import AppConfig
from django.http import HttpRequest

Listed = Callable[..., list[dict[str, Any]]]


class DashboardConfig(AppConfig):
    """Floor 4."""

    name = "guestlist.dashboard"

    def ready(self) -> None:
        """Put the overview into the admin's lists of what there is."""
        from django.contrib import admin

        admin.site.get_app_list = partial(_with_overview, admin.site.get_app_list)  # type: ignore[method-assign]


def _with_overview(listed: Listed, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
    """The admin's own list, with the overview at the head of delivery for those who may see it."""
    from guestlist.dashboard import views

    found = listed(request, app_label)
    if views.may_see(request):
        for app in found:
            if app["app_label"] == "delivery":
                app["models"].insert(0, views.entry())
    return found
