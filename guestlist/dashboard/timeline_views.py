"""A person's timeline, at /admin/people/person/ID/timeline/, and what operators can do there. Each act is audited."""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_http_methods

from guestlist.dashboard import timeline
from guestlist.invites import actions as invites
from guestlist.invites.models import Activation
from guestlist.lib import clock
from guestlist.lib.audit import Operator
from guestlist.lib.desk import operator
from guestlist.lib.refusals import Refusal
from guestlist.people import actions as people
from guestlist.people.models import Person
from guestlist.signin import sessions
from guestlist.signin.models import Session

PERMISSION = "people.view_person"
FIRST = timedelta(seconds=1)  # what is written at this moment is shown


class Act(NamedTuple):
    """Something that can be done to a person: by whom, by which action, and what it is called when it is done."""

    permission: str
    run: Callable[[Person, Operator, str], bool]
    done: str


ACTS = {
    "block": Act("people.change_person", lambda who, by, _why: people.block(who, by), gettext_noop("Blocked.")),
    "unblock": Act("people.change_person", lambda who, by, _why: people.unblock(who, by), gettext_noop("Unblocked.")),
    "end_sessions": Act(
        "signin.delete_session",
        lambda who, by, _why: sessions.end_all_for(who, by) > 0,
        gettext_noop("Their sessions are ended."),
    ),
    "undo": Act(
        "invites.delete_activation",
        lambda who, by, why: invites.undo(who.pk, why, by),
        gettext_noop("The activation is undone."),
    ),
}


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, person_id: int) -> HttpResponse:
    """What happened to a person, or one of ACTS done to them."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    person = get_object_or_404(Person, pk=person_id)
    return _act(request, person) if request.method == "POST" else _show(request, person)


def _show(request: HttpRequest, person: Person, fault: str = "", status: int = 200) -> HttpResponse:
    before = request.GET.get("before")
    cursor = timeline.cursor_from(before) if before else timeline.Cursor(clock.now() + FIRST, 0)
    kinds = [kind for kind, source in timeline.SOURCES.items() if request.user.has_perm(source.permission)]
    context = {
        **admin.site.each_context(request),
        **timeline.timeline(person, cursor, kinds)._asdict(),
        "title": _("Timeline"),
        "person": person,
        "is_first": not before,
        "may": {name: request.user.has_perm(act.permission) for name, act in ACTS.items()},
        "has_sessions": Session.objects.filter(person=person).exists(),
        "activation": Activation.objects.filter(invitee=person).select_related("inviter").first(),
        "now": clock.now(),
        "fault": fault,
    }
    return render(request, "dashboard/timeline.html", context, status=status)


def _act(request: HttpRequest, person: Person) -> HttpResponse:
    name = request.POST.get("act", "")
    act = ACTS.get(name)
    if act is None:
        raise Refusal("invalid_request", errors=[{"field": "act", "detail": _("There is no such act.")}])
    if not request.user.has_perm(act.permission):
        raise PermissionDenied
    try:
        is_done = act.run(person, operator(request), request.POST.get("reason", ""))
    except Refusal as refusal:
        return _show(request, person, refusal.extra["errors"][0]["detail"], status=400)
    if is_done:
        LogEntry.objects.log_actions(int(request.user.pk or 0), [person], CHANGE, name, single_object=True)
        messages.success(request, _(act.done))
    else:
        messages.info(request, _("There was nothing to do: somebody else was faster."))
    return redirect("person_timeline", person.pk)
