"""/metrics: what operators watch, for Prometheus. To everybody else there is nothing at this address."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from guestlist.api import errors
from guestlist.lib import addresses, keys, metrics
from guestlist.lib.refusals import Refusal

METHODS = ("GET", "HEAD")


@csrf_exempt
def show(request: HttpRequest) -> HttpResponse:
    """The metrics in Prometheus' text format; 404, as at any address that is none, to whoever may not read them."""
    if not _may_read(request):
        raise Http404
    if request.method not in METHODS:
        refused = errors.problem(Refusal("method_not_allowed"))
        refused["Allow"] = ", ".join(METHODS)
        return refused
    return HttpResponse(metrics.exposition(), content_type=metrics.CONTENT_TYPE)


def _may_read(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if settings.METRICS_TOKEN and scheme.lower() == "bearer" and keys.same(token.strip(), settings.METRICS_TOKEN):
        return True
    return addresses.is_this_machine(request)
