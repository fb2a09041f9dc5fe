"""The API's addresses, each with and without its last slash, each behind the door."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from ninja.errors import HttpError, ValidationError

from guestlist.api import body, invites, metrics, people, profile, reports, service, sessions, signin, tokens
from guestlist.api.door import View, door
from guestlist.api.openapi import GuestlistAPI

HOT = ("user/user-profile/", "user/login/", "user/confirm/")  # found first
PLAIN = {"user/user-profile/": profile.read}  # a read without parameters, whose answer ninja would only pass on

api = GuestlistAPI(parser=body.StrictParser(), renderer=body.Renderer())
api.add_router("/user", signin.router)
api.add_router("/user", people.router)  # the profile's, with what leads out of it
api.add_router("", invites.router)
api.add_router("/user", sessions.router)
api.add_router("/user", tokens.router)
api.add_router("", service.router)
api.add_exception_handler(Exception, body.passed_on)
api.add_exception_handler(HttpError, body.unreadable)
api.add_exception_handler(ValidationError, body.invalid)


def document(request: HttpRequest) -> HttpResponseBase:
    """openapi.json."""
    answer = JsonResponse(api.get_openapi_schema())
    answer["Cache-Control"] = "public, max-age=300"
    return answer


def _views() -> dict[str, tuple[set[str], View]]:
    """Each address of ninja's, with its methods and its view."""
    found: dict[str, tuple[set[str], View]] = {}
    for pattern in api.urls[0]:
        route = str(pattern.pattern)
        if not route:
            continue  # ninja's root, which shows nothing
        view = pattern.callback
        if view is None:
            continue
        methods = {method for router in api._get_bound_routers() for method in _methods(router, route)}
        found[route] = (methods, view)
    return found


def _methods(router: Any, route: str) -> Iterator[str]:
    for path_, view in router.path_operations.items():
        full = f"{router.prefix}{path_}".strip("/").replace("{", "<").replace("}", ">")
        if full == route.strip("/"):
            for operation in view.operations:
                yield from operation.methods


def _read_plainly(route: str, view: View) -> View:
    read = PLAIN.get(route)
    if read is None:
        return view
    return lambda request, **kwargs: read(request) if request.method == "GET" else view(request, **kwargs)


def _patterns() -> Iterator[URLPattern]:
    for route, (methods, view) in sorted(_views().items(), key=lambda found: found[0] not in HOT):
        guarded = door(_read_plainly(route, view), methods)
        yield path(route, guarded)
        yield path(route.rstrip("/"), guarded)
    yield path("openapi.json", door(document, {"GET"}))
    yield path(".well-known/jwks.json", door(tokens.jwks, {"GET"}))
    yield path("metrics", metrics.show)  # not behind the door: to most it is no address at all
    yield path("metrics/", metrics.show)
    yield path("gateways/<slug:name>/report/", reports.take)  # nor these: providers speak as they speak
    yield path("gateways/<slug:name>/report", reports.take)


urlpatterns = list(_patterns())
