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
        """Put the overviews into the admin's lists of what there is; keep the operators' groups with each `migrate`."""
        from django.apps import apps
        from django.contrib import admin
        from django.db.models.signals import post_migrate

        from guestlist.dashboard import roles

        # Behind the last one with models all permissions are made.
        last = [config for config in apps.get_app_configs() if config.models_module is not None][-1]
        post_migrate.connect(roles.keep, sender=last, dispatch_uid="guestlist.dashboard.roles")
        admin.site.get_app_list = partial(_with_overview, admin.site.get_app_list)  # type: ignore[method-assign]


def _with_overview(listed: Listed, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
    """The admin's own list, with the overviews at the head of all and of delivery for those who may see them."""
    from guestlist.dashboard import views

    found = listed(request, app_label)
    if app_label is None and views.may_see_all(request):
        found.insert(0, views.section())
    if views.may_see(request):
        for app in found:
            if app["app_label"] == "delivery":
                app["models"].insert(0, views.entry())
    return found
