"""The page of somebody who is signed in, and what they can do there."""

from urllib.parse import parse_qs, urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from guestlist.api import caller
from guestlist.invites import actions as invites
from guestlist.invites import preview as look
from guestlist.lib.refusals import Refusal
from guestlist.people import actions as people
from guestlist.signin import known, sessions
from guestlist.web import answers, sandbox, share, visitor
from guestlist.web.visitor import Visitor

SESSIONS_SHOWN = 20
LONGEST_CURSOR = 64
HOPELESS = ("unknown_invite", "own_invite", "invite_loop", "already_activated")  # a kept code is let go of
FIELD_OF = {"invalid_username": "username", "invalid_email": "email"}  # every other refusal is about the invite code


def page(request: HttpRequest, who: Visitor, refusal: Refusal | None = None) -> HttpResponse:
    """The invitation, the profile and the sessions; after a refusal with its words and what was typed."""
    field = FIELD_OF.get(refusal.code, "invite_code") if refusal else ""
    mine = sorted(sessions.sessions_of(who.caller), key=lambda shown: not shown.current)
    kept = share.kept(request)
    kept = "" if who.profile["activate_code"] or kept == who.profile["invite_code"] else kept
    mine_now = {**who.profile, "invite_code": kept, "phone_visibility": people.visibility(who.caller.person_id)}
    shown = {
        "profile": who.profile,
        "link": share.link(who.profile["invite_code"]),
        "kept": kept,
        "typed": {**mine_now, **(request.POST.dict() if refusal else {})},
        "errors": {field: answers.words(refusal)} if refusal else {},
        "next": _cursor(who.profile["activeusers_next"]),
        "sessions": mine[:SESSIONS_SHOWN],
        "sessions_more": len(mine[SESSIONS_SHOWN:]),
        "devices": known.devices_of(who.caller),
        "arrived": sandbox.arrived(who.profile["phone"]),
    }
    return answers.page(request, "web/profile.html", shown, refusal)


@visitor.acts
def edit(request: HttpRequest, who: sessions.Caller) -> HttpResponse:
    """Change name, e-mail, and how my number is seen."""
    visibility = request.POST.get("phone_visibility")
    if visibility not in (None, *people.VISIBILITIES):
        raise Refusal("invalid_request")  # no page offers it
    try:
        people.edit(who.person_id, request.POST.get("username"), request.POST.get("email"), visibility)
    except Refusal as refusal:
        return _refused(request, refusal)
    messages.success(request, _("Saved."))
    return redirect("home")


@visitor.acts
def preview(request: HttpRequest, who: sessions.Caller) -> HttpResponse:
    """Whose code it is, with the button that enters it for good."""
    try:
        found = look.preview(who.person_id, request.POST.get("invite_code", ""), caller.address(request))
    except Refusal as refusal:
        return _refused(request, refusal)
    return answers.page(request, "web/preview.html", {"found": found})


@visitor.acts
def activate(request: HttpRequest, who: sessions.Caller) -> HttpResponse:
    """Enter somebody's invite code, once."""
    try:
        invites.activate(who.person_id, request.POST.get("invite_code", ""), caller.address(request))
    except Refusal as refusal:
        return _refused(request, refusal)
    messages.success(request, _("The invite code is entered."))
    answer = redirect("home")
    share.forget(answer)
    return answer


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


@visitor.acts
def forget_device(request: HttpRequest, who: sessions.Caller) -> HttpResponse:
    """Forget a device that I am not signed in on; of nobody else's is it told whether there is one."""
    if known.forget(who, request.POST.get("id", ""), caller.address(request)):
        messages.success(request, _("That device is forgotten."))
    else:
        messages.info(request, _("That device was forgotten before."))
    return redirect("home")


def _refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    who = visitor.signed_in(request)
    if who is None or refusal.code == "not_signed_in":
        return redirect("home")  # signed out, or deleted, a moment ago
    answer = page(request, who, refusal)
    if refusal.code in HOPELESS:
        share.forget(answer)
    return answer


def _cursor(next_path: str | None) -> str | None:
    """The cursor within the API's path of the next page."""
    return parse_qs(urlsplit(next_path).query)["cursor"][0] if next_path else None
