"""What the operators' site has in common: tables to look at, and numbers found in any spelling."""

import re
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from guestlist.lib import addresses
from guestlist.lib import phone as phones
from guestlist.lib.audit import Operator
from guestlist.lib.refusals import Refusal


def operator(request: HttpRequest) -> Operator:
    """The operator behind a request of the admin."""
    return Operator(request.user.get_username(), addresses.caller(request))


CODE = re.compile("[0-9A-Za-z]{6}")


class LookOnly(admin.ModelAdmin):  # type: ignore[type-arg]
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


class ByPhone(admin.ModelAdmin):  # type: ignore[type-arg]
    """Searching for a phone number finds it in any spelling, for an invite code in any case; here are their columns."""

    phone_field = "phone"
    code_field = ""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Rows of this number or this code, when the words are one; else Django's own search."""
        words = search_term.strip()
        if self.code_field and CODE.fullmatch(words):
            found = queryset.filter(**{self.code_field: words.upper()})
            if found.exists():
                return found, False
        if self.phone_field:
            with suppress(Refusal):
                return queryset.filter(**{self.phone_field: phones.parse(words, settings.PHONE_REGION)}), False
        return super().get_search_results(request, queryset, search_term)
