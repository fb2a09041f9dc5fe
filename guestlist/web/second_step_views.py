"""/admin/second-step/: where operators set their authenticator up, once; codes count against the sign-in's limits."""

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django_otp import login

from guestlist.lib import desk
from guestlist.web import operators, second_step

BEGUN = "second_step"  # in the session: the id of the authenticator that is being set up


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """The key as a picture and in letters; and when a code of it has come, the recovery codes."""
    if not second_step.is_asked_for():
        raise Http404
    if not second_step.must_enrol(request):
        return redirect("admin:index")  # which asks those to sign in who have not
    if request.method != "POST":
        return _shown(request)
    by = desk.operator(request)
    with operators.limited(by.name, by.ip) as tries:
        found = second_step.enrol(request.user, request.session.get(BEGUN), request.POST.get("code", ""), by)
        if found is None:
            return _shown(request, _("This is not the code that the authenticator shows now."), status=400)
        tries.give_back()
    device, codes = found
    del request.session[BEGUN]
    request.session.cycle_key()  # what was worth a password is worth more now
    login(request, device)
    return render(request, "web/recovery_codes.html", {**_context(request), "codes": codes})


def _shown(request: HttpRequest, fault: str = "", status: int = 200) -> HttpResponse:
    device = second_step.begun(request.user, request.session.get(BEGUN))
    request.session[BEGUN] = device.pk
    more = {"picture": second_step.picture(device), "spelled": second_step.spelled(device), "fault": fault}
    return render(request, "web/second_step.html", {**_context(request), **more}, status=status)


def _context(request: HttpRequest) -> dict[str, object]:
    context = admin.site.each_context(request)
    return {**context, "title": _("Second step"), "is_nav_sidebar_enabled": False, "available_apps": []}
