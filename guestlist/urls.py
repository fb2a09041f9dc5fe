"""Who answers where."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from guestlist.api.urls import urlpatterns as api

urlpatterns = [
    *api,
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/", admin.site.urls),
    path("", include("guestlist.web.urls")),
]

handler400 = "guestlist.api.errors.bad_request"
handler403 = "guestlist.api.errors.forbidden"
handler404 = "guestlist.api.errors.not_found"
handler500 = "guestlist.api.errors.broken"
