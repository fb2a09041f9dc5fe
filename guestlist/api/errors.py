"""The one table from refusals to statuses, and problem+json (RFC 9457) for everything that goes wrong."""

import logging
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from guestlist.lib import sql
from guestlist.lib.logs import request_id
from guestlist.lib.refusals import Refusal

STATUS = {
    "not_found": 404,
    "method_not_allowed": 405,
    "length_required": 411,
    "too_large": 413,
    "unsupported_media_type": 415,
    "invalid_request": 400,
    "invalid_host": 400,
    "csrf_failed": 403,
    "cross_site": 403,
    "forbidden": 403,
    "not_signed_in": 401,
    "internal_error": 500,
    "unavailable": 503,
    "too_many_requests": 429,
    "invalid_phone": 400,
    "phone_not_allowed": 403,
    "wrong_code": 400,
    "code_expired": 400,
    "person_blocked": 403,
    "sandbox_full": 403,  # not 503: waiting does not help
    "delivery_failed": 503,
    "confirm_again": 409,
    "invalid_username": 400,
    "invalid_email": 400,
    "malformed_invite": 400,
    "unknown_invite": 404,
    "own_invite": 400,
    "invite_loop": 400,
    "already_activated": 409,
}
DATABASE_RETRY = 5  # seconds

log = logging.getLogger("guestlist.api")


def problem(refusal: Refusal) -> HttpResponse:
    """The answer to a refusal, in the caller's language; its `code` is never translated."""
    status = STATUS[refusal.code]
    body = {
        "type": f"urn:guestlist:problem:{refusal.code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": str(refusal),
        "code": refusal.code,
        **refusal.extra,
    }
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        body["request_id"] = request_id.get()
    answer = JsonResponse(
        body, status=status, content_type="application/problem+json", json_dumps_params={"ensure_ascii": False}
    )
    if status == HTTPStatus.UNAUTHORIZED:
        answer["WWW-Authenticate"] = "Bearer"
    if "retry_after" in refusal.extra:
        answer["Retry-After"] = str(refusal.extra["retry_after"])
    return answer


def refusal_for(error: Exception) -> Refusal | None:
    """The refusal that an exception amounts to; None when it is a fault of ours."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, sql.AWAY):
        log.error("database away: %s", error)
        return Refusal("unavailable", retry_after=DATABASE_RETRY)
    return None


def answer(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """A problem; or, for somebody who looks with a browser, a page that says the same."""
    if not wants_page(request):
        return problem(refusal)
    status = STATUS[refusal.code]
    shown = {"refusal": refusal, "status": status, "request_id": request_id.get()}
    page = render(request, "web/problem.html", shown, status=status)
    if "retry_after" in refusal.extra:
        page["Retry-After"] = str(refusal.extra["retry_after"])
    return page


def wants_page(request: HttpRequest) -> bool:
    """Whether the caller asks for HTML by name, outside the API: that answers problems, whoever asks."""
    return not getattr(request, "is_api", False) and "text/html" in request.headers.get("Accept", "")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's 400: a request that cannot be read."""
    return answer(request, Refusal("invalid_request"))


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF failure, on the pages and the operators' site."""
    return answer(request, Refusal("csrf_failed"))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's 403: operators without the permission."""
    return answer(request, Refusal("forbidden"))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's 404."""
    return answer(request, Refusal("not_found"))


def broken(request: HttpRequest) -> HttpResponse:
    """Django's 500: what nobody foresaw. The traceback is in the log, under the request id."""
    try:
        return answer(request, Refusal("internal_error"))
    except Exception:  # whatever broke the request may break the page too
        log.exception("the page that says so broke too")
        return problem(Refusal("internal_error"))
