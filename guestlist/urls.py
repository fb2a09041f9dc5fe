"""Who answers where."""

from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, include, path
from django.views.generic import RedirectView

from guestlist.api.door import View
from guestlist.api.errors import wants_page
from guestlist.api.urls import urlpatterns as api
from guestlist.dashboard import timeline_views as timeline
from guestlist.dashboard import views as dashboard
from guestlist.web import second_step_views, views

PAGES: dict[str, View] = {"sandbox/inbox": views.inbox}  # addresses where browsers see a page and programs JSON


def _with_page(pattern: URLPattern) -> URLPattern:
    route = str(pattern.pattern)
    page, view = PAGES.get(route.rstrip("/")), pattern.callback
    if page is None or view is None:
        return pattern

    def either(request: HttpRequest) -> HttpResponseBase:
        is_read = request.method in ("GET", "HEAD")
        return page(request) if is_read and wants_page(request) else view(request)

    either.csrf_exempt = True  # type: ignore[attr-defined]  # as the API's views are
    return path(route, either)


urlpatterns = [
    *map(_with_page, api),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/overview/", admin.site.admin_view(dashboard.overview), name="overview"),
    path("admin/people/person/<int:person_id>/timeline/", admin.site.admin_view(timeline.page), name="person_timeline"),
    path("admin/delivery/overview/", admin.site.admin_view(dashboard.delivery_overview), name="delivery_overview"),
    path("admin/second-step/", second_step_views.page, name="second_step"),
    path("admin/", admin.site.urls),
    path("", include("guestlist.web.urls")),
]

handler400 = "guestlist.api.errors.bad_request"
handler403 = "guestlist.api.errors.forbidden"
handler404 = "guestlist.api.errors.not_found"
handler500 = "guestlist.api.errors.broken"
