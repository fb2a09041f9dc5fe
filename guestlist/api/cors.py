"""Cross-origin calls: pages of the origins in CORS_ORIGINS use the API like apps, by bearer token and without cookies.

Credentials are never allowed: with them a listed page would act as whoever is signed in here. See
docs/decisions/0013-cors-for-bearers.md.
"""

from collections.abc import Iterable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

HEADERS = "Authorization, Content-Type, Accept-Language"
EXPOSED = "Retry-After, RateLimit, RateLimit-Policy, X-Request-ID"
MAX_AGE = 600  # seconds that a browser keeps the answer to a preflight


def origin(request: HttpRequest) -> str | None:
    """The listed origin of the page that calls the API; None for everybody else, our own pages too."""
    found = request.META.get("HTTP_ORIGIN")
    is_listed = getattr(request, "is_api", False) and found in settings.CORS_ORIGINS  # as a whole: no part of it fits
    return found if is_listed else None


def is_preflight(request: HttpRequest) -> bool:
    """Whether a browser asks, for a listed origin, if it may call."""
    return (
        request.method == "OPTIONS"
        and "Access-Control-Request-Method" in request.headers
        and origin(request) is not None
    )


def preflight(methods: Iterable[str]) -> HttpResponse:
    """The answer: what may be sent to this address."""
    answer = HttpResponse(status=204)
    del answer["Content-Type"]
    answer["Access-Control-Allow-Methods"] = ", ".join(methods)
    answer["Access-Control-Allow-Headers"] = HEADERS
    answer["Access-Control-Max-Age"] = str(MAX_AGE)
    return answer


def tell(request: HttpRequest, answer: HttpResponse) -> None:
    """Let a page of a listed origin read this answer of the API, and take every cookie out of it."""
    if not settings.CORS_ORIGINS or not getattr(request, "is_api", False):
        return
    patch_vary_headers(answer, ["Origin"])  # without a listed origin too: a cache must not give it that answer
    if (listed := origin(request)) is not None:
        answer["Access-Control-Allow-Origin"] = listed
        answer["Access-Control-Expose-Headers"] = EXPOSED
        answer.cookies.clear()  # Django's own too, whichever view set them
