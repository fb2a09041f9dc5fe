"""How many requests there are, and how long they take: by pattern of the address, never by the address itself."""

from functools import cache

from django.conf import settings
from django.http import HttpRequest

from guestlist.lib import metrics

REQUESTS = metrics.counter("http_requests_total", "Requests answered.", ("method", "route", "status"))
TOOK = metrics.histogram("http_request_duration_seconds", "How long the answers took.", ("route",))
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
STATIC, ADMIN = "/static", "/admin"  # each one route, for all that is below it
UNKNOWN = "unknown"  # any address that there is not, and any method


def count(request: HttpRequest, method: str | None, status: int, seconds: float) -> None:
    """Count a request that has been answered; `method` is what was asked, before the door took HEAD for GET."""
    where = _route(request, status)
    REQUESTS.labels(method if method in METHODS else UNKNOWN, where, status).inc()
    TOOK.labels(where).observe(seconds)


def _route(request: HttpRequest, status: int) -> str:
    if request.resolver_match is not None:
        return _named(request.resolver_match.route)
    is_file = status < 400 and request.path_info.startswith(settings.STATIC_URL)  # answered before a view is looked for
    return STATIC if is_file else UNKNOWN


@cache
def _named(route: str) -> str:
    """`/user/sessions/{session_id}`, for a pattern in both its spellings."""
    name = "/" + route.strip("/").replace("<", "{").replace(">", "}")
    return ADMIN if f"{name}/".startswith(f"{ADMIN}/") else name
