"""The page behind a shared link, and its QR code: it keeps the code through the sign-in, and tells nothing of anybody.

Whether somebody has the code is not looked up here: a page without limits would be the place to guess at codes.
"""

from functools import lru_cache
from io import BytesIO

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import condition, require_safe

from guestlist.api import caller
from guestlist.invites import rules
from guestlist.lib import keys
from guestlist.lib.refusals import Refusal
from guestlist.web import answers, visitor

COOKIE = f"{caller.PREFIX}guestlist_invite"
KEPT = 86_400  # seconds: who is invited in the evening signs in the next morning
SALT = "guestlist.web.invite"
SCALE, QUIET = 8, 4  # pixels a module, and modules around it, as ISO/IEC 18004 asks
DRAWN = 256  # pictures that a process remembers, some kilobytes each


def link(code: str) -> str:
    """The address to pass on, under our own name whatever a request calls us."""
    return f"{settings.PUBLIC_URL}/i/{code}"


@require_safe
def invitation(request: HttpRequest, typed: str) -> HttpResponse:
    """What somebody sees who was sent a link. The code is kept here and entered by nobody but them."""
    code = _read(typed)
    who = visitor.signed_in(request)
    shown = {"code": code, "link": link(code or ""), "who": who.profile if who else None}
    answer = answers.page(request, "web/invitation.html", shown, None if code else Refusal("not_found"))
    answer["Cache-Control"] = "no-store"
    if code:
        caller.set_cookie(answer, COOKIE, signing.dumps(code, salt=SALT), KEPT)
    return answer


@require_safe
@condition(etag_func=lambda request, typed, kind: _etag(typed, kind))
def qr(request: HttpRequest, typed: str, kind: str) -> HttpResponse:
    """The link as a QR code, svg or png. The same for ever, and so for caches."""
    code = _read(typed)
    if code is None:
        raise Refusal("not_found")
    answer = HttpResponse(_drawn(link(code), kind), content_type={"svg": "image/svg+xml", "png": "image/png"}[kind])
    answer["Cache-Control"] = "public, max-age=86400"
    return answer


def kept(request: HttpRequest) -> str:
    """The code of the link that was opened in this browser within the last day; "" when there was none."""
    try:
        return str(signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=KEPT))
    except signing.BadSignature:
        return ""


def forget(answer: HttpResponse) -> None:
    """The code is entered, or cannot be."""
    caller.forget_cookie(answer, COOKIE)


def _read(typed: str) -> str | None:
    try:
        return rules.canonical(typed)
    except Refusal:
        return None


def _etag(typed: str, kind: str) -> str | None:
    code = _read(typed)
    return f'"{keys.digest(f"{link(code)} {kind}")[:16]}"' if code else None


@lru_cache(maxsize=DRAWN)
def _drawn(text: str, kind: str) -> bytes:
    import segno  # only who is shown a picture needs it

    picture = BytesIO()
    segno.make_qr(text, error="m").save(picture, kind=kind, scale=SCALE, border=QUIET, light="#fff")
    return picture.getvalue()
