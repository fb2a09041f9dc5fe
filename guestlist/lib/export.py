"""Lists as CSV: what the page shows, as it shows it, streamed, and with no cell that a spreadsheet would run."""

import csv
import re
from collections.abc import Iterator
from datetime import datetime
from io import StringIO
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import label_for_field, lookup_field
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils import translation
from django.utils.timezone import localtime

from guestlist.lib import audit, clock, sql
from guestlist.lib.desk import Listed, operator
from guestlist.lib.refusals import Refusal

PAGE = 1000  # rows that are read at once
MOST = 100_000  # rows of a file, the newest
BEGINS_A_FORMULA = tuple("=+-@＝＋－＠")  # also full-width: some spreadsheets take those too
CONTROLS = ("\t", "\r", "\n")
# Where the comma is the decimal one, spreadsheets take the semicolon for what stands between cells, quoted or not.
ANOTHER_CELL = re.compile(rf"([;\t\r\n][\s\"]*)(?=[{re.escape(''.join(BEGINS_A_FORMULA))}])")
BOM = "\ufeff"  # by which spreadsheets know UTF-8


class Exported(Listed):
    """A list that can be taken along, as it is filtered and searched; its rows are numbered, and the newest come first.

    Who may look at it may take it: a line of the audit trail says who did.
    """

    exports = True

    def get_urls(self) -> list[URLPattern]:
        """Those of the admin, and `export/`."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        return [path("export/", self.admin_site.admin_view(self.export), name=name), *super().get_urls()]

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """The rows of the list that this address without its `export/` would show, as a file."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        names = [name for name in self.get_list_display(request) if isinstance(name, str)]
        found = self._found(request)
        by = operator(request)
        audit.record("list.exported", ip=by.ip, list=self.opts.model_name, by=by.name)
        language = translation.get_language()
        head = [str(label_for_field(name, self.model, self)) for name in names]
        answer = StreamingHttpResponse(
            self._lines(found, names, head, language), content_type="text/csv; charset=utf-8"
        )
        file = f"{self.opts.model_name}-{clock.now():%Y-%m-%d}.csv"
        answer["Content-Disposition"] = f'attachment; filename="{file}"'
        return answer

    def _found(self, request: HttpRequest) -> QuerySet[Any]:
        try:
            found: QuerySet[Any] = self.get_changelist_instance(request).queryset
            return found
        except IncorrectLookupParameters as error:
            raise Refusal("invalid_request") from error

    def _lines(self, found: QuerySet[Any], names: list[str], head: list[str], language: str | None) -> Iterator[str]:
        yield BOM + line(head)
        last, left = None, MOST
        while left > 0:
            page = found.order_by("-pk") if last is None else found.order_by("-pk").filter(pk__lt=last)
            rows = list(page[: min(PAGE, left)])
            with translation.override(language):
                text = "".join(line([self._value(name, row) for name in names]) for row in rows)
            sql.let_go()  # whoever reads slowly keeps no connection
            yield text
            if len(rows) < PAGE:
                return
            last, left = rows[-1].pk, left - len(rows)

    def _value(self, name: str, row: Any) -> Any:
        field, _, value = lookup_field(name, row, self)
        choices = dict(getattr(field, "flatchoices", None) or ())
        return choices.get(value, value)


def line(values: list[Any]) -> str:
    """A line of CSV, as RFC 4180 has it."""
    text = StringIO()
    csv.writer(text).writerow(map(cell, values))
    return text.getvalue()


def cell(value: Any) -> str:
    """A cell's text: times with their zone, and nothing that begins a formula."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return localtime(value).isoformat(timespec="seconds")
    text = ANOTHER_CELL.sub(r"\1'", str(value))
    return f"'{text}" if text.startswith(CONTROLS) or text.strip().startswith(BEGINS_A_FORMULA) else text
