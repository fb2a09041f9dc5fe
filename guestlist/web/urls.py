"""The pages' addresses, each with and without its last slash: the page "/" and one address for each act."""

from django.templatetags.static import static
from django.urls import URLPattern, path
from django.views.generic import RedirectView
from django.views.i18n import set_language

from guestlist.web import profile, signin, views

PAGES = {
    "sign-in": ("ask", signin.ask),
    "code": ("code", signin.code),
    "sign-out": ("sign_out", signin.sign_out),
    "profile": ("edit", profile.edit),
    "activate": ("activate", profile.activate),
    "invitees": ("invitees", profile.invitees),
    "sessions/end": ("end_session", profile.end_session),
    "sessions/end-others": ("end_others", profile.end_others),
    "language": ("set_language", set_language),
    "docs": ("docs", views.docs),
    "redoc": ("redoc", views.redoc),
}

urlpatterns: list[URLPattern] = [
    path("", views.home, name="home"),
    path("favicon.ico", RedirectView.as_view(url=static("web/favicon.svg"))),  # where browsers look unasked
]
for address, (name, view) in PAGES.items():
    urlpatterns += [path(f"{address}/", view, name=name), path(address, view)]
