"""The pages of whoever wants to go: take everything along, or be deleted."""

import json

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from guestlist.api import caller, people
from guestlist.lib.refusals import Refusal
from guestlist.signin import leaving
from guestlist.web import answers, visitor
from guestlist.web.visitor import Visitor


@require_safe
def export(request: HttpRequest) -> HttpResponse:
    """Everything that is held about me, as a file."""
    who = visitor.signed_in(request)
    if who is None:
        return redirect("home")
    found = people.exported(who.caller.person_id, caller.address(request))
    answer = HttpResponse(json.dumps(found, ensure_ascii=False, indent=2), content_type="application/json")
    answer["Content-Disposition"] = 'attachment; filename="guestlist.json"'
    return answer


def leave(request: HttpRequest) -> HttpResponse:
    """What deletion means, and the button; whoever signed in too long ago is asked to do so again. A POST deletes."""
    who = visitor.signed_in(request)
    if who is None:
        return redirect("home")
    if request.method != "POST":
        return _page(request, who)
    try:
        leaving.leave(who.caller, caller.address(request))
    except Refusal as refusal:
        return _page(request, who, refusal) if refusal.code == "confirm_again" else redirect("home")
    messages.success(request, _("You are deleted. Nothing of your profile is left here."))
    answer = redirect("home")
    people.forget_me(answer)
    return answer


def _page(request: HttpRequest, who: Visitor, refusal: Refusal | None = None) -> HttpResponse:
    try:
        is_fresh = refusal is None and leaving.is_fresh(who.caller)
    except Refusal:
        return redirect("home")  # ended a moment ago
    return answers.page(request, "web/leave.html", {"profile": who.profile, "is_fresh": is_fresh}, refusal)
