"""Challenges, sessions and devices, as operators see them. There is no code to see: none is stored."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from guestlist.lib import clock
from guestlist.lib.desk import ByPhone, LookOnly, operator
from guestlist.people.desk import ByPerson
from guestlist.signin import pumping, sessions
from guestlist.signin.models import Challenge, Device, Pause, Session


@admin.register(Challenge)
class ChallengeAdmin(ByPhone, LookOnly):
    """Who asked for a code, and what became of it."""

    list_display = ("phone", "region", "address", "digits", "attempts", "created_at", "expires_at", "used_at")
    fields = ("phone", "region", "address", "digits", "attempts", "pepper_id", "created_at", "expires_at", "used_at")
    search_fields = ("phone",)
    ordering = ("-expires_at",)  # which has an index; they all live as long


@admin.register(Session)
class SessionAdmin(ByPerson, LookOnly):
    """Where people are signed in; deleting one ends it at once and forgets its device."""

    list_display = ("person", "kind", "created_at", "last_seen_at", "expires_at", "ip", "user_agent")
    fields = ("person", "kind", "created_at", "last_seen_at", "expires_at", "ends_at", "ip", "user_agent")
    list_filter = ("kind",)
    list_select_related = ("person",)
    search_fields = ("person__phone",)  # shows the box
    person_fields = ("person_id",)
    ordering = ("-expires_at",)  # which has an index

    def has_delete_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        """Ending a session is deleting its row, for those who may."""
        return admin.ModelAdmin.has_delete_permission(self, request, obj)

    def delete_model(self, request: HttpRequest, obj: Session) -> None:
        """End this one."""
        sessions.end_for(obj, operator(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        """End those that were chosen in the list."""
        for session in queryset:
            sessions.end_for(session, operator(request))


@admin.register(Device)
class DeviceAdmin(ByPhone, LookOnly):
    """Which devices are known for a phone."""

    list_display = ("phone", "created_at", "seen_at")
    fields = ("phone", "created_at", "seen_at")
    search_fields = ("phone",)
    ordering = ("-seen_at",)


@admin.register(Pause)
class PauseAdmin(LookOnly):
    """Where unknown devices get no codes for a while, for too few were confirmed; the audit trail has the figures."""

    list_display = ("scope", "region", "seconds", "ends_at", "is_running")
    fields = ("scope", "region", "seconds", "ends_at")
    list_filter = ("region",)
    search_fields = ("scope",)
    ordering = ("-ends_at",)
    actions = ("end",)

    @admin.display(description=_("paused"), boolean=True)
    def is_running(self, pause: Pause) -> bool:
        """Whether it has not ended yet."""
        return pause.ends_at > clock.now()

    def has_end_permission(self, request: HttpRequest) -> bool:
        """Ending a pause is changing its row, for those who may."""
        return admin.ModelAdmin.has_change_permission(self, request)

    @admin.action(description=_("End: codes are sent again"), permissions=["end"])
    def end(self, request: HttpRequest, pauses: QuerySet[Pause]) -> None:
        """End those that were chosen in the list."""
        for pause in pauses:
            pumping.end(pause, operator(request))
