"""The audit trail, as operators read it."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from guestlist.lib import phone as phones
from guestlist.lib.desk import LONGEST_ID, LookOnly
from guestlist.lib.export import Exported
from guestlist.lib.models import AuditLine
from guestlist.lib.refusals import Refusal

SEARCHED = 100_000  # of the newest lines, for what has no index
FOUND = 400  # of those that fit, the newest
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EVENTS = 200  # more names of events than there are


class ByEvent(admin.SimpleListFilter):
    """The events that there are: each is found behind the one before it, in the index, not by reading all lines."""

    title = _("event")
    parameter_name = "event"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Their names."""
        found: list[str] = []
        while len(found) < EVENTS:
            behind = AuditLine.objects.filter(event__gt=found[-1]) if found else AuditLine.objects.all()
            name = behind.order_by("event").values_list("event", flat=True).first()
            if name is None:
                break
            found.append(name)
        return [(name, name) for name in found]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Lines of the chosen one."""
        return queryset.filter(event=self.value()) if self.value() else queryset


@admin.register(AuditLine)
class AuditAdmin(LookOnly, Exported):
    """Found by a person's id; and among the newest by a number (whole, or its last two digits), address or request."""

    list_display = ("at", "event", "phone", "person_id", "ip", "facts", "request_id")
    list_filter = (("at", admin.DateFieldListFilter), ByEvent)
    search_fields = ("phone",)  # shows the box; get_search_results is what searches
    search_help_text = _(
        "A person's id; or, of the newest 100,000 lines, a phone number or its last two digits, an address, a request"
    )
    ordering = ("-at", "-id")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Rows that any reading of the words fits: `33` is a person, and the end of a number."""
        words = search_term.strip().lstrip("*")
        if not words:
            return queryset, False
        found = Q(ip=words) | Q(request_id=words)
        if words.isascii() and words.isdigit() and len(words) == 2:
            found |= Q(phone__endswith=words)
        with suppress(Refusal):  # no number
            found |= Q(phone=phones.starred(phones.parse(words, settings.PHONE_REGION)))
        # By time, for that is an index; and by keys in the end, for of two conditions a planner may take no index.
        newest = queryset.filter(found, at__gte=_begins_at())
        ids = list(newest.order_by("-at").values_list("pk", flat=True)[:FOUND])
        if words.isascii() and words.isdigit() and len(words) <= LONGEST_ID:
            theirs = queryset.filter(person_id=int(words)).order_by("-pk")
            ids += theirs.values_list("pk", flat=True)[:FOUND]
        return queryset.filter(pk__in=ids), False


def _begins_at() -> datetime:
    """When the oldest of the lines was written that are searched without an index."""
    times = AuditLine.objects.order_by("-at").values_list("at", flat=True)[SEARCHED - 1 : SEARCHED]
    return next(iter(times), EPOCH)
