"""The room's place in Django."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.apps import AppConfig
from django.http import HttpRequest, HttpResponseBase


class WebConfig(AppConfig):
    """Floor 4."""

    name = "guestlist.web"

    def ready(self) -> None:
        """Limit operators' sign-in; refuse limits that are misspelt or cannot be read, before anything is served.

        And tell that operators' sessions die; they are in Django's own table.
        """
        from django.contrib import admin

        from guestlist.invites import policies as invites
        from guestlist.lib import dying, limits
        from guestlist.people import policies as people
        from guestlist.signin import policies as signin
        from guestlist.web import operators

        admin.site.login_form = operators.OperatorSignIn
        admin.site.has_permission = partial(_has_permission, admin.site.has_permission)  # type: ignore[method-assign]
        admin.site.login = partial(_login, admin.site.login)  # type: ignore[method-assign, assignment]
        dying.tell(operators.OLD)
        known = {**signin.POLICIES, **invites.POLICIES, **people.POLICIES, **operators.POLICIES}
        known.pop("CODES_IN_ALL")  # SMS_DAILY_BUDGET says that one
        limits.check_names(known.values())
        limits.in_force(known)


def _has_permission(has_permission: Callable[[HttpRequest], bool], request: HttpRequest) -> bool:
    """The admin's own answer, for whoever has taken the second step where one is asked for."""
    from guestlist.web import second_step

    return has_permission(request) and second_step.has_passed(request)


def _login(
    login: Callable[[HttpRequest, dict[str, Any] | None], HttpResponseBase],
    request: HttpRequest,
    extra_context: dict[str, Any] | None = None,
) -> HttpResponseBase:
    """The admin's own sign-in; whoever is signed in and has no authenticator yet is shown where to set one up."""
    from django.shortcuts import redirect

    from guestlist.web import second_step

    if request.method == "GET" and request.user.is_authenticated and second_step.must_enrol(request):
        return redirect("second_step")
    return login(request, extra_context)
