"""The page of somebody who is signed in, and what they can do there."""

from urllib.parse import parse_qs, urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from guestlist.api import caller
from guestlist.invites import actions as invites
from guestlist.lib.refusals import Refusal
from guestlist.people import actions as people
from guestlist.signin import sessions
from guestlist.web import answers, sandbox, visitor
from guestlist.web.visitor import Visitor

SESSIONS_SHOWN = 20
LONGEST_CURSOR = 64
FIELD_OF = {"invalid_username": "username", "invalid_email": "email"}  # every other refusal is about the invite code


def page(request: HttpRequest, who: Visitor, refusal: Refusal | None = None) -> HttpResponse:
    """The invitation, the profile and the sessions; after a refusal with its words and what was typed."""
    field = FIELD_OF.get(refusal.code, "invite_code") if refusal else ""
    mine = sorted(sessions.sessions_of(who.caller), key=lambda shown: not shown.current)
    shown = {
        "profile": who.profile,
        "typed": {**who.profile, "invite_code": "", **(request.POST.dict() if refusal else {})},
        "errors": {field: answers.words(refusal)} if refusal else {},
        "next": _cursor(who.profile["activeusers_next"]),
        "sessions": mine[:SESSIONS_SHOWN],
        "sessions_more": len(mine[SESSIONS_SHOWN:]),
        "arrived": sandbox.arrived(who.profile["phone"]),
    }
    return answers.page(request, "web/profile.html", shown, refusal)


@visitor.acts
def edit(request: HttpRequest, who: sessions.Caller) -> HttpResponse:
    """Change name and e-mail."""
    try:
        people.edit(who.person_id, request.POST.get("username"), request.POST.get("email"), None)
    except Refusal as refusal:
        return _refused(request, refusal)
    messages.success(request, _("Saved."))
    return redirect("home")


@visitor.acts
def activate(request: HttpRequest, who: sessions.Caller) -> HttpResponse:
    """Enter somebody's invite code, once."""
    try:
        invites.activate(who.person_id, request.POST.get("invite_code", ""), caller.address(request))
    except Refusal as refusal:
        return _refused(request, refusal)
    messages.success(request, _("The invite code is entered."))
    return redirect("home")


def invitees(request: HttpRequest) -> HttpResponse:
    """A further page of the people who entered my code."""
    who = visitor.signed_in(request)
    if who is None:
        return redirect("home")
    cursor = request.GET.get("cursor", "")
    if len(cursor) > LONGEST_CURSOR:
        raise Refusal("invalid_request")
    found = invites.invitees_of(who.caller.person_id, cursor, invites.PAGE)
    return answers.page(request, "web/invitees.html", {"profile": who.profile, "page": found})


@visitor.acts
def end_session(request: HttpRequest, who: sessions.Caller) -> HttpResponse:
    """End one of my sessions; of nobody else's is it told whether there is one."""
    if sessions.end(who, request.POST.get("id", ""), caller.address(request)):
        messages.success(request, _("That session is ended."))
    else:
        messages.info(request, _("That session had ended before."))
    return redirect("home")


@visitor.acts
def end_others(request: HttpRequest, who: sessions.Caller) -> HttpResponse:
    """End all my sessions but this one."""
    ended = sessions.end_others(who, caller.address(request))
    messages.success(
        request, ngettext("%(ended)d session ended.", "%(ended)d sessions ended.", ended) % {"ended": ended}
    )
    return redirect("home")


def _refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    who = visitor.signed_in(request)
    if who is None or refusal.code == "not_signed_in":
        return redirect("home")  # signed out, or deleted, a moment ago
    return page(request, who, refusal)


def _cursor(next_path: str | None) -> str | None:
    """The cursor within the API's path of the next page."""
    return parse_qs(urlsplit(next_path).query)["cursor"][0] if next_path else None
