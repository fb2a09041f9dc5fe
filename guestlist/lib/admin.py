"""The audit trail, as operators read it."""

from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from guestlist.lib import phone as phones
from guestlist.lib.desk import LookOnly
from guestlist.lib.models import AuditLine
from guestlist.lib.refusals import Refusal

LONGEST_ID = 18  # digits that surely fit the column


@admin.register(AuditLine)
class AuditAdmin(LookOnly):
    """Found by a number (whole, or its last two digits), a person's id, an address or a request's id."""

    list_display = ("at", "event", "phone", "person_id", "ip", "facts", "request_id")
    list_filter = ("event",)
    search_fields = ("phone",)  # shows the box; get_search_results is what searches
    date_hierarchy = "at"
    ordering = ("-at", "-id")
    show_full_result_count = False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Rows that any reading of the words fits: `33` is a person, and the end of a number."""
        words = search_term.strip().lstrip("*")
        if not words:
            return queryset, False
        found = Q(ip=words) | Q(request_id=words)
        if words.isascii() and words.isdigit():
            found |= Q(phone__endswith=words) if len(words) == 2 else Q()
            found |= Q(person_id=int(words)) if len(words) <= LONGEST_ID else Q()
        with suppress(Refusal):  # no number
            found |= Q(phone=phones.starred(phones.parse(words, settings.PHONE_REGION)))
        return queryset.filter(found), False
