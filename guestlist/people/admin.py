"""People, as operators see them: found by number or invite code, edited, blocked."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from guestlist.lib.desk import operator
from guestlist.lib.export import Exported
from guestlist.people import actions
from guestlist.people.desk import ByPerson
from guestlist.people.models import Person


@admin.register(Person)
class PersonAdmin(ByPerson, Exported):
    """A person appears by signing in and leaves by deletion, neither of which is done here."""

    list_display = ("phone", "username", "invite_code", "created_at", "blocked_at")
    list_filter = (("blocked_at", admin.EmptyFieldListFilter), ("created_at", admin.DateFieldListFilter))
    search_fields = ("phone",)  # shows the box; get_search_results is what searches
    ordering = ("-id",)
    readonly_fields = ("phone", "public_id", "invite_code", "created_at", "blocked_at")
    actions = ("block", "unblock")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """People register themselves."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Person | None = None) -> bool:
        """Deleting a person is more than deleting a row."""
        return False

    @admin.action(description=_("Block: their sessions and their invite code stop working"), permissions=["change"])
    def block(self, request: HttpRequest, people: QuerySet[Person]) -> None:
        """Block these people from this moment on."""
        for person in people:
            if actions.block(person, operator(request)):
                self.log_change(request, person, "blocked")

    @admin.action(description=_("Unblock"), permissions=["change"])
    def unblock(self, request: HttpRequest, people: QuerySet[Person]) -> None:
        """Let these people in again; sessions that have not ended work again."""
        for person in people:
            if actions.unblock(person, operator(request)):
                self.log_change(request, person, "unblocked")
