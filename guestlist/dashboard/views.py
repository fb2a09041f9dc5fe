"""The overviews' pages, at /admin/overview/ and /admin/delivery/overview/: for staff who may view what they tell."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from guestlist.dashboard import charts, delivery
from guestlist.dashboard import overview as overviews
from guestlist.dashboard.templatetags import figures
from guestlist.lib import limits

PERMISSION = "delivery.view_message"
PERMISSIONS = ("signin.view_challenge", "people.view_person", "limits.view_auditline", PERMISSION)
SPANS = {"1": timedelta(days=1), "7": timedelta(days=7)}


class Tile(NamedTuple):
    """A figure of today beside that of a week ago."""

    name: str
    now: float | None
    before: float | None
    is_share: bool = False


def may_see(request: HttpRequest) -> bool:
    """Whether this operator may see how delivery does."""
    return bool(request.user.has_perm(PERMISSION))


def may_see_all(request: HttpRequest) -> bool:
    """Whether this operator may see how the service does."""
    return bool(request.user.has_perms(PERMISSIONS))


def section() -> dict[str, Any]:
    """A section for the overview of the service, as the admin's lists know what there is."""
    return {
        "name": _("Service"),
        "app_label": "dashboard",
        "app_url": reverse("overview"),
        "has_module_perms": True,
        "models": [entry("overview")],
    }


def entry(name: str = "delivery_overview") -> dict[str, Any]:
    """An overview, as the admin's lists know what there is."""
    return {
        "name": _("Overview"),
        "object_name": "Overview",
        "perms": {"add": False, "change": False, "delete": False, "view": True},
        "admin_url": reverse(name),
        "add_url": None,
        "view_only": True,
    }


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Whether all is well with the service, and how it does."""
    if not may_see_all(request):
        raise PermissionDenied
    found = overviews.overview()
    context = {**admin.site.each_context(request), **found._asdict(), **_drawn(found), "title": _("Overview")}
    return render(request, "dashboard/overview.html", context)


@require_safe
def delivery_overview(request: HttpRequest) -> HttpResponse:
    """How delivery does: of the last 24 hours, or with `days=7` of the last week."""
    if not may_see(request):
        raise PermissionDenied
    days = request.GET.get("days", "1")
    chosen = days if days in SPANS else "1"
    found = delivery.overview(SPANS[chosen])
    context = {**admin.site.each_context(request), **found._asdict(), "title": _("Delivery"), "days": chosen}
    return render(request, "dashboard/delivery.html", {**context, "read": delivery.READ})


def _drawn(found: overviews.Overview) -> dict[str, Any]:
    return {
        "tiles": _tiles(found.today, found.before),
        "by_hour": charts.chart([_hour(hour, hour.asked, hour.confirmed) for hour in found.hours], every=3),
        "conversion": charts.chart(
            [_hour(hour, figures.part_of(hour.confirmed, hour.asked)) for hour in found.hours], every=3, most=1.0
        ),
        "by_day": charts.chart([_day(day) for day in found.days], every=5),
        "summary_hours": _total((_("Asked for"), [hour.asked for hour in found.hours])),
        "summary_conversion": _("the figures are in the table above"),
        "summary_days": _total((_("New people"), [day.arrived for day in found.days])),
        "most_asked": max((one.asked for one in found.countries), default=0),
        "most_refused": max((times for _name, times in found.limits), default=0),
        "most_invited": max((one.invitees for one in found.inviters), default=0),
        "limits_on": limits.is_on(),
    }


def _tiles(now: overviews.Compared, before: overviews.Compared) -> list[Tile]:
    return [
        Tile(_("Asked for"), now.asked, before.asked),
        Tile(_("Confirmed"), now.confirmed, before.confirmed),
        Tile(
            _("Conversion"),
            figures.part_of(now.confirmed, now.asked),
            figures.part_of(before.confirmed, before.asked),
            is_share=True,
        ),
        Tile(_("New people"), now.arrived, before.arrived),
        Tile(_("Codes entered"), now.activated, before.activated),
    ]


def _hour(hour: overviews.Hour, whole: float | None, part: float | None = None) -> charts.Figure:
    begins = localtime(hour.begins_at)
    return charts.Figure(date_format(begins, "H:i"), date_format(begins, "SHORT_DATETIME_FORMAT"), whole, part)


def _day(day: overviews.Day) -> charts.Figure:
    begins = localtime(day.begins_at)
    return charts.Figure(
        date_format(begins, "j.n."), date_format(begins, "SHORT_DATE_FORMAT"), day.arrived, day.activated
    )


def _total(named: tuple[str, Sequence[int]]) -> str:
    name, numbers = named
    return f"{name} {figures.count(sum(numbers))}"
