"""The overview's page, at /admin/delivery/overview/: for staff who may view messages."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from guestlist.dashboard.delivery import READ, overview

PERMISSION = "delivery.view_message"
SPANS = {"1": timedelta(days=1), "7": timedelta(days=7)}


def may_see(request: HttpRequest) -> bool:
    """Whether this operator may."""
    return bool(request.user.has_perm(PERMISSION))


def entry() -> dict[str, Any]:
    """The overview, as the admin's lists know what there is."""
    return {
        "name": _("Overview"),
        "object_name": "Overview",
        "perms": {"add": False, "change": False, "delete": False, "view": True},
        "admin_url": reverse("delivery_overview"),
        "add_url": None,
        "view_only": True,
    }


@require_safe
def delivery(request: HttpRequest) -> HttpResponse:
    """How delivery does: of the last 24 hours, or with `days=7` of the last week."""
    if not may_see(request):
        raise PermissionDenied
    days = request.GET.get("days", "1")
    chosen = days if days in SPANS else "1"
    found = overview(SPANS[chosen])
    context = {**admin.site.each_context(request), **found._asdict(), "title": _("Delivery"), "days": chosen}
    return render(request, "dashboard/delivery.html", {**context, "read": READ})
