"""The pages' addresses, each with and without its last slash: the page "/" and one address for each act."""

from django.templatetags.static import static
from django.urls import URLPattern, path
from django.views.generic import RedirectView
from django.views.i18n import set_language

from guestlist.api.door import View
from guestlist.web import leaving, profile, share, signin, views

PAGES: dict[str, tuple[str, View]] = {
    "sign-in": ("ask", signin.ask),
    "code": ("code", signin.code),
    "sign-out": ("sign_out", signin.sign_out),
    "profile": ("edit", profile.edit),
    "activate": ("activate", profile.activate),
    "activate/preview": ("preview", profile.preview),
    "invitees": ("invitees", profile.invitees),
    "sessions/end": ("end_session", profile.end_session),
    "sessions/end-others": ("end_others", profile.end_others),
    "devices/forget": ("forget_device", profile.forget_device),
    "export": ("export", leaving.export),
    "leave": ("leave", leaving.leave),
    "i/<typed>": ("invitation", share.invitation),
    "language": ("set_language", set_language),
    "docs": ("docs", views.docs),
    "redoc": ("redoc", views.redoc),
}

urlpatterns: list[URLPattern] = [
    path("", views.home, name="home"),
    *(path(f"i/<typed>/qr.{kind}", share.qr, {"kind": kind}, name=f"qr_{kind}") for kind in ("svg", "png")),
    path("favicon.ico", RedirectView.as_view(url=static("web/favicon.svg"))),  # where browsers look unasked
]
for address, (name, view) in PAGES.items():
    urlpatterns += [path(f"{address}/", view, name=name), path(address, view)]
