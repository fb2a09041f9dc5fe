"""How a page tells of a refusal: in words for people, with its status, and with the time to wait."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from guestlist.api.errors import STATUS
from guestlist.lib.refusals import Refusal

MINUTE, HOUR = 60, 3600  # seconds


def page(
    request: HttpRequest, template: str, shown: Mapping[str, object], refusal: Refusal | None = None
) -> HttpResponse:
    """A page; when it tells of a refusal, with the status that the API would give."""
    answer = render(request, template, dict(shown), status=STATUS[refusal.code] if refusal else 200)
    if refusal and "retry_after" in refusal.extra:
        answer["Retry-After"] = str(refusal.extra["retry_after"])
    return answer


def words(refusal: Refusal) -> str:
    """What a person is told: the refusal's own words, unless they speak of the API; and what is left, or how long."""
    if refusal.code == "csrf_failed":
        return _("This page was open for too long, or cookies are switched off. Go back, load it again and repeat.")
    if refusal.code == "too_many_requests":
        too_often = _("That was too often.")  # xgettext sees nothing inside an f-string
        return f"{too_often} {wait(refusal.extra.get('retry_after', MINUTE))}"
    if refusal.code == "wrong_code":
        return f"{refusal} {_tries(refusal.extra['attempts_left'])}"
    if refusal.code == "invalid_request" and refusal.extra.get("errors"):
        return str(refusal.extra["errors"][0]["detail"])
    return str(refusal)


def wait(seconds: int) -> str:
    """When to try again: in seconds, minutes or hours, rounded up."""
    if seconds < 2 * MINUTE:
        return ngettext("Try again in %(n)d second.", "Try again in %(n)d seconds.", seconds) % {"n": seconds}
    if seconds < 2 * HOUR:
        minutes = -(-seconds // MINUTE)
        return ngettext("Try again in %(n)d minute.", "Try again in %(n)d minutes.", minutes) % {"n": minutes}
    hours = -(-seconds // HOUR)
    return ngettext("Try again in %(n)d hour.", "Try again in %(n)d hours.", hours) % {"n": hours}


def _tries(left: int) -> str:
    if not left:
        return _("No tries left: ask for a new code.")
    return ngettext("%(left)d try left.", "%(left)d tries left.", left) % {"left": left}
