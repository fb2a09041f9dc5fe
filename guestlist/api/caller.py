"""Who is calling: a cookie or a bearer token becomes a person; and what else the client shows of itself."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.datastructures import MultiValueDict

from guestlist.api import cors
from guestlist.lib import addresses
from guestlist.lib.refusals import Refusal
from guestlist.people.rules import CONTROL
from guestlist.signin import actions, challenges, rules, sessions

PREFIX = "__Host-" if settings.HTTPS else ""
SESSION_COOKIE = f"{PREFIX}guestlist_session"
CHALLENGE_COOKIE = f"{PREFIX}guestlist_challenge"
DEVICE_COOKIE = f"{PREFIX}guestlist_device"


def credentials(request: HttpRequest) -> sessions.Presented:
    """The session that the request shows, not yet looked up; CSRF is checked when it came by cookie.

    With an Authorization header, whatever it says, cookies are not read. Refuses with `not_signed_in`.
    """
    if "HTTP_AUTHORIZATION" in request.META:
        scheme, _, token = request.META["HTTP_AUTHORIZATION"].partition(" ")
        shown = sessions.presented(token.strip()) if scheme.lower() == "bearer" else None
        by_cookie = False
    else:
        shown = sessions.presented(_cookies(request).get(SESSION_COOKIE, ""))
        by_cookie = True
    if shown is None:
        raise Refusal("not_signed_in")
    request.by_cookie = by_cookie  # type: ignore[attr-defined]
    return shown


def signed_in(request: HttpRequest) -> sessions.Caller:
    """Who is calling, by one statement. Refuses with `not_signed_in`, then `csrf_failed`."""
    caller = sessions.recognise(credentials(request))
    if caller is None:
        raise Refusal("not_signed_in")
    if request.by_cookie and request.method not in ("GET", "HEAD"):  # type: ignore[attr-defined]
        check_csrf(request)
    return caller


def client(request: HttpRequest, challenge: str | None = None, device: str | None = None) -> actions.Client:
    """The client in front of us; what stands in the body wins over cookies, and with Authorization none are read."""
    cookies = {} if "HTTP_AUTHORIZATION" in request.META else _cookies(request)
    return actions.Client(
        challenge=challenge or cookies.get(CHALLENGE_COOKIE),
        device=device or cookies.get(DEVICE_COOKIE),
        session=_session_to_replace(request),
        is_browser=is_browser(request),
        ip=address(request),
        user_agent=CONTROL.sub("", request.headers.get("User-Agent", "")),
    )


def own_phones(request: HttpRequest) -> list[str]:
    """The numbers that this client asked a code for, or is signed in with."""
    token = _cookies(request).get(CHALLENGE_COOKIE)
    asked = challenges.phone_asked(token) if token else None
    try:
        signed = sessions.phone_of(sessions.recognise(credentials(request)))
    except Refusal:
        signed = None
    return list(dict.fromkeys(phone for phone in (asked, signed) if phone))


def is_browser(request: HttpRequest) -> bool:
    """Whether a page in a browser sends this: only browsers set these headers, and pages cannot unset them.

    A page of an origin in CORS_ORIGINS has no cookies here, and so counts as an app.
    """
    is_page = "HTTP_ORIGIN" in request.META or "HTTP_SEC_FETCH_SITE" in request.META
    return is_page and cors.origin(request) is None


def address(request: HttpRequest) -> str:
    """The caller's address, behind TRUSTED_PROXIES too."""
    return addresses.caller(request)


def refuse_cross_site(request: HttpRequest) -> None:
    """Signing in is refused to other sites' pages, with cookies or without; no such header is fine (apps, curl)."""
    if request.META.get("HTTP_SEC_FETCH_SITE") == "cross-site":
        raise Refusal("cross_site")
    origin = request.META.get("HTTP_ORIGIN")
    if origin is not None and origin not in (settings.PUBLIC_URL, f"{request.scheme}://{request.get_host()}"):
        raise Refusal("cross_site")


def same_site(request: HttpRequest) -> bool:
    """The same, as what ninja asks before it reads a body; the API is open to CORS_ORIGINS, the pages never are."""
    if cors.origin(request) is None:
        refuse_cross_site(request)
    return True


def check_csrf(request: HttpRequest) -> None:
    """Django's own check, by header only: the token's cookie against X-CSRFToken, and the Origin or Referer.

    A browser that says that another site's page sends this is believed before that.
    """
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise Refusal("csrf_failed")
    request._post, request._files = QueryDict(), MultiValueDict()  # type: ignore[attr-defined]  # a form is never read
    checker = _CsrfCheck(lambda _: HttpResponse())
    checker.process_request(request)
    if checker.process_view(request, HttpResponse, (), {}) is not None:
        raise Refusal("csrf_failed")


def remember_session(answer: HttpResponse, confirmed: actions.Confirmed, kind: str) -> None:
    """Set the cookies of a new session and its device, and drop the challenge's."""
    lasts = rules.seconds(rules.SESSIONS[kind].most)
    set_cookie(answer, SESSION_COOKIE, confirmed.session.token, lasts)
    set_cookie(answer, DEVICE_COOKIE, confirmed.device, rules.seconds(rules.DEVICE_LIFETIME))
    forget_cookie(answer, CHALLENGE_COOKIE)


def set_cookie(answer: HttpResponse, name: str, value: str, seconds: int) -> None:
    """A cookie that scripts cannot read and other sites do not send."""
    answer.set_cookie(name, value, max_age=seconds, secure=settings.HTTPS, httponly=True, samesite="Lax")


def forget_cookie(answer: HttpResponse, name: str) -> None:
    """Delete a cookie, with the attributes that its prefix demands."""
    set_cookie(answer, name, "", 0)


class _CsrfCheck(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


def _cookies(request: HttpRequest) -> dict[str, str]:
    return request.COOKIES if cors.origin(request) is None else {}


def _session_to_replace(request: HttpRequest) -> str | None:
    if "HTTP_AUTHORIZATION" not in request.META:
        return _cookies(request).get(SESSION_COOKIE)
    scheme, _, token = request.META["HTTP_AUTHORIZATION"].partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
