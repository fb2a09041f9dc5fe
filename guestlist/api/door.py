"""The door: what is done to every request and answer, and what is checked before an API view is entered."""

import secrets
import threading
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, cast

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import Resolver404, resolve
from django.utils import translation
from django.utils.cache import patch_vary_headers

from guestlist.api import cors, errors, traffic
from guestlist.lib import sql
from guestlist.lib.logs import request_id
from guestlist.lib.refusals import Refusal

View = Callable[..., HttpResponseBase]
CSRF = CsrfViewMiddleware(lambda _: HttpResponse())

LARGEST_BODY = 16 * 1024
ARRIVED, LATE = "guestlist.arrived", "guestlist.late"  # what the gate notes: when it came, and that no turn came
POLICY = (
    "default-src 'none'; script-src 'self'; style-src {style}; img-src 'self' data:; font-src 'self';"
    " connect-src 'self';{worker} form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
STRICT_POLICY = POLICY.format(style="'self'", worker="")
READER_POLICY = POLICY.format(style="'self' 'unsafe-inline'", worker=" worker-src blob:;")
READERS = ("/docs", "/redoc")  # Swagger UI and ReDoc write style elements of their own
PUBLIC = ("/static/", "/openapi.json", "/docs", "/redoc", "/.well-known/", "/i/")  # everything else is somebody's own

OPERATORS = "/admin"  # may take long, and come one by one
SHORT = "/user"  # people's API: it has no use for what stands between the door and the pages

before_first_request: Callable[[], None] | None = None  # set by the server: what must hold before anything is served
_turn = threading.Lock()


class Door:
    """Gives the request an id, the answer its headers, and refusals their form."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._go_short = convert_exception_to_response(self._enter)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request."""
        started, method = request.META.get(ARRIVED) or time.perf_counter(), request.method
        mark = request_id.set(secrets.token_hex(8))
        try:
            answer = self._answer(request)
            answer["X-Request-ID"] = request_id.get()
        finally:
            request_id.reset(mark)
        is_reader = request.path_info.rstrip("/") in READERS
        answer["Content-Security-Policy"] = READER_POLICY if is_reader else STRICT_POLICY
        answer["X-Content-Type-Options"] = "nosniff"
        answer["Referrer-Policy"] = "same-origin"
        answer["Cross-Origin-Opener-Policy"] = "same-origin"
        if settings.HTTPS:
            answer["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        if answer.cookies or answer.status_code >= HTTPStatus.BAD_REQUEST or not request.path_info.startswith(PUBLIC):
            answer["Cache-Control"] = "no-store"
        if (allowance := getattr(request, "allowance", None)) is not None:
            most, seconds = allowance.window
            answer["RateLimit-Policy"] = f'"codes";q={most};w={seconds}'
            answer["RateLimit"] = f'"codes";r={allowance.left};t={allowance.reset}'
        cors.tell(request, answer)
        if not answer.streaming and "Content-Length" not in answer and answer.status_code != HTTPStatus.NO_CONTENT:
            answer["Content-Length"] = str(len(answer.content))
        traffic.count(request, method, answer.status_code, time.perf_counter() - started)
        return answer

    def _answer(self, request: HttpRequest) -> HttpResponse:
        try:
            if LATE in request.META:
                raise Refusal("unavailable", retry_after=errors.DATABASE_RETRY)
            if not request.path_info.startswith("/health/"):  # probes call a process by its address
                request.get_host()  # not ours: not answered, whether or not anything reads it
                if not request.path_info.startswith("/metrics"):  # they say so themselves when the database is away
                    _check_once()
            if request.path_info.startswith(OPERATORS) and _has_nul(request):
                raise Refusal("invalid_request")  # PostgreSQL knows no such text, and Django's lists pass it on
        except DisallowedHost:
            return errors.problem(Refusal("invalid_host"))
        except Refusal as refusal:
            request.is_api = request.path_info.startswith(SHORT)  # type: ignore[attr-defined]  # no view says it here
            return errors.answer(request, refusal)
        return self._shortly(request) or self.get_response(request)

    def _shortly(self, request: HttpRequest) -> HttpResponse | None:
        """The answer of an API view, past the middleware that only pages need; None for everything else."""
        if not request.path_info.startswith(SHORT):
            return None
        try:
            match = resolve(request.path_info)
        except Resolver404:
            return None
        if not hasattr(match.func, "is_behind_the_door"):
            return None
        request.resolver_match = match
        language = _language(request)
        translation.activate(language)
        answer = cast(HttpResponse, self._go_short(request))
        answer.headers.setdefault("Content-Language", language)
        patch_vary_headers(answer, ("Accept-Language",))
        return answer

    def _enter(self, request: HttpRequest) -> HttpResponseBase:
        view, args, kwargs = request.resolver_match  # type: ignore[misc]
        CSRF.process_request(request)
        try:
            answer = view(request, *args, **kwargs)
        except Exception as error:
            refused = self.process_exception(request, error)
            if refused is None:
                raise
            answer = refused
        return CSRF.process_response(request, answer)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """A refusal, or a database that is away, becomes an answer; anything else goes on to be a 500."""
        refusal = errors.refusal_for(error)
        return None if refusal is None else errors.answer(request, refusal)


def door(view: View, methods: Iterable[str]) -> View:
    """An API view behind the checks before it, in this order: method 405, length 411 and 413, media type 415."""
    allowed = sorted({*methods, *(["HEAD"] if "GET" in methods else [])})

    def enter(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        request.is_api = True  # type: ignore[attr-defined]
        if cors.is_preflight(request):
            return cors.preflight(allowed)
        if request.method not in allowed:
            refused = errors.problem(Refusal("method_not_allowed"))
            refused["Allow"] = ", ".join(allowed)
            return refused
        _check_body(request)
        if request.method == "HEAD":
            request.method = "GET"  # the server leaves the body out
        return view(request, *args, **kwargs)

    enter.is_behind_the_door = True  # type: ignore[attr-defined]
    enter.csrf_exempt = True  # type: ignore[attr-defined]  # api/caller checks it, for those recognised by cookie
    return enter


def body(request: HttpRequest) -> bytes:
    """A body of any media type, for views that are not the API's; refused when it is too large or not as long as said.

    It is read while no database connection is held.
    """
    length = _length(request)
    return _read_body(request, length) if length else b""


def _language(request: HttpRequest) -> str:
    """As Django's LocaleMiddleware has it, without its look at addresses, of which none has a language here."""
    if "HTTP_ACCEPT_LANGUAGE" not in request.META and "HTTP_COOKIE" not in request.META:
        return settings.LANGUAGE_CODE
    return translation.get_language_from_request(request)


def _has_nul(request: HttpRequest) -> bool:
    return "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", "")


def _check_once() -> None:
    # One thread at a time, which keeps no connection: all that a volley at a new process holds would be too many.
    global before_first_request
    if before_first_request is None:
        return
    if not _turn.acquire(timeout=sql.PATIENCE):
        raise Refusal("unavailable", retry_after=errors.DATABASE_RETRY)
    try:
        if before_first_request is not None:
            before_first_request()
            before_first_request = None  # it did not raise
    finally:
        sql.let_go()
        _turn.release()


def _check_body(request: HttpRequest) -> None:
    length = _length(request)
    if length and request.method not in ("GET", "HEAD"):
        if not _is_json(request):
            raise Refusal("unsupported_media_type")
        _read_body(request, length)


def _length(request: HttpRequest) -> int:
    if "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
        raise Refusal("length_required")
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit()):
        raise Refusal("invalid_request")
    if len(length) > 9 or int(length) > LARGEST_BODY:
        raise Refusal("too_large")
    return int(length)


def _read_body(request: HttpRequest, length: int) -> bytes:
    # Now, while no database connection is held: a body may come a byte at a time, or end before its end.
    try:
        body = request.body
    except UnreadablePostError as error:
        raise Refusal("invalid_request") from error
    if len(body) != length:
        raise Refusal("invalid_request")
    return body


def _is_json(request: HttpRequest) -> bool:
    if request.content_type != "application/json" or request.headers.get("Content-Encoding", "identity") != "identity":
        return False
    return (request.content_params or {}).get("charset", "utf-8").lower().strip('"') in ("utf-8", "utf8")
