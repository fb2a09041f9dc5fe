"""What lists about people have in common on the operators' site: whoever is meant is found first, by an index."""

from contextlib import suppress
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from guestlist.lib import phone as phones
from guestlist.lib.desk import LONGEST_ID, Listed
from guestlist.lib.refusals import Refusal
from guestlist.people import rules
from guestlist.people.models import Person

MOST = 400  # rows about one person by one field, of lists that are searched by several


class ByPerson(Listed):
    """A list that is searched by whom it is about: a number or an invite code in any spelling, or an id.

    Nothing else is searched: whatever words are typed, no table is read from end to end.
    """

    person_fields: tuple[str, ...] = ("id",)
    search_help_text = _("A phone number or an invite code in any spelling, or an id")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Rows about whoever is meant."""
        words = search_term.strip()
        if not words:
            return queryset, False
        ids = meant_by(words)
        found = [queryset.filter(**{f"{field}__in": ids}) for field in self.person_fields]
        if len(found) == 1:
            return found[0], False
        # Each field by its own index, and then together: a planner that has to choose one for both may take neither.
        keys = {key for some in found for key in some.order_by().values_list("pk", flat=True)[:MOST]}
        return queryset.filter(pk__in=keys), False


def meant_by(words: str) -> list[int]:
    """The ids of the people whom these words may mean, four at most; of people who are gone only their own id."""
    wanted = {"public_id": words}
    with suppress(Refusal):  # what is no code
        wanted["invite_code"] = rules.canonical(words)
    with suppress(Refusal):  # what is no number
        wanted["phone"] = phones.parse(words, settings.PHONE_REGION)
    # One after another: of several indexes for one statement a planner may take none.
    found = [
        id_
        for field, value in wanted.items()
        for id_ in Person.objects.filter(**{field: value}).values_list("pk", flat=True)
    ]
    if words.isascii() and words.isdigit() and len(words) <= LONGEST_ID:
        found.append(int(words))
    return found
