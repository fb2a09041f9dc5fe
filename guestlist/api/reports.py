"""Delivery reports: providers say what became of messages, each at a secret address of its own."""

import json
from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.views.decorators.csrf import csrf_exempt

from guestlist.api import door, errors
from guestlist.delivery import actions as delivery
from guestlist.delivery.gateways import Call, reports
from guestlist.lib import keys
from guestlist.lib.refusals import Refusal

METHODS = ("POST",)
MOST = 100  # reports in one call


@csrf_exempt
def take(request: HttpRequest, name: str) -> HttpResponse:
    """Take in a provider's report, in whatever form it speaks; 404 for whoever does not know the address whole.

    Also 404 when none of its messages is known: a provider that is quicker than our own commit comes again.
    """
    gateway = delivery.reporting(name)
    if gateway is None or not keys.same(request.GET.get("key", ""), reports.key(name)):
        raise Http404
    if request.method not in METHODS:
        refused = errors.problem(Refusal("method_not_allowed"))
        refused["Allow"] = ", ".join(METHODS)
        return refused
    try:
        told = gateway.reports(_call(request))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:  # whatever shape it had
        raise Refusal("invalid_request") from error
    known = [delivery.report(name, report) for report in told[:MOST]]
    if told and not any(known):
        raise Refusal("not_found")
    return HttpResponse(gateway.answer, content_type="text/plain; charset=utf-8")


def _call(request: HttpRequest) -> Call:
    body = door.body(request)
    if request.content_type == "application/json":
        return Call(_last(request.GET), {}, json.loads(body.decode("utf-8")))
    form = QueryDict(body.decode("utf-8"), encoding="utf-8")
    return Call(_last(request.GET), _last(form), None)


def _last(values: QueryDict) -> Mapping[str, Any]:
    return {name: str(value) for name, value in values.items()}
