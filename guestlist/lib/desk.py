"""What the operators' site has in common: tables to look at, numbers found in any spelling, counts with an end."""

from contextlib import suppress
from typing import Any, cast

from django.conf import settings
from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from guestlist.lib import addresses
from guestlist.lib import phone as phones
from guestlist.lib.audit import Operator
from guestlist.lib.refusals import Refusal

MOST = 10_000  # rows of a list that are counted, and can be paged through
LONGEST_ID = 18  # digits that surely fit the column


def operator(request: HttpRequest) -> Operator:
    """The operator behind a request of the admin."""
    return Operator(request.user.get_username(), addresses.caller(request))


class Bounded(Paginator):  # type: ignore[type-arg]
    """Pages of the first rows of a list: a million are not counted, nor skipped over."""

    @cached_property
    def count(self) -> int:
        """How many there are, up to MOST."""
        return int(cast("QuerySet[Any]", self.object_list)[:MOST].count())


class Listed(admin.ModelAdmin):  # type: ignore[type-arg]
    """A list that costs no more with a million rows than with a page of them."""

    paginator = Bounded
    show_full_result_count = False


class LookOnly(Listed):
    """Rows that actions write; operators read them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never by hand."""
        return False


class ByPhone(Listed):
    """Searching for a phone number finds it in any spelling, by an index.

    Nothing else is searched: whatever words are typed, no table is read from end to end.
    """

    phone_field = "phone"
    search_help_text = _("A phone number in any spelling")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Rows of this number; where there are none, what `otherwise` finds."""
        words = search_term.strip()
        if not words:
            return queryset, False
        with suppress(Refusal):  # no number
            found = queryset.filter(**{self.phone_field: phones.parse(words, settings.PHONE_REGION)})
            if found.exists():
                return found, False
        return queryset.filter(self.otherwise(words)), False  # never either: of two indexes a planner may take none

    def otherwise(self, words: str) -> Q:
        """What else these words may find, by an index."""
        return Q(pk__in=[])
