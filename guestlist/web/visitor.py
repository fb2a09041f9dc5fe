"""Who looks at a page: the session in the cookie, and the number that a code has just been sent to.

Pages know cookies only. An Authorization header is not theirs: a proxy in front may ask for one.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from guestlist.api import caller, profile_sql
from guestlist.lib.refusals import Refusal
from guestlist.signin import actions, sessions

PHONE_COOKIE = f"{caller.PREFIX}guestlist_phone"
PHONE_KEPT = 600  # seconds: longer than a code lives, so that a new one can be asked for without typing again
SALT = "guestlist.web.phone"

Act = Callable[[HttpRequest, sessions.Caller], HttpResponse]


class Visitor(NamedTuple):
    """Somebody who is signed in, and their profile as the API shows it."""

    caller: sessions.Caller
    profile: dict[str, Any]


def signed_in(request: HttpRequest) -> Visitor | None:
    """Who looks, session and profile by one statement; None for everybody who is not signed in."""
    shown = _presented(request)
    profile = profile_sql.profile(shown) if shown else None
    return Visitor(sessions.Caller(profile["id"], shown.id), profile) if shown and profile else None


def acts(act: Act) -> Callable[[HttpRequest], HttpResponse]:
    """The view of an act that needs a session: by POST only; everybody else is led to the first page."""

    @wraps(act)
    def view(request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return redirect("home")
        shown = _presented(request)
        who = sessions.recognise(shown) if shown else None
        if who is None:
            messages.error(request, str(Refusal("not_signed_in")))
            return redirect("home")
        return act(request, who)

    return view


def client(request: HttpRequest) -> actions.Client:
    """The browser in front of us: it gets a session by cookie, whatever headers it sends."""
    return caller.client(request)._replace(
        challenge=request.COOKIES.get(caller.CHALLENGE_COOKIE),
        device=request.COOKIES.get(caller.DEVICE_COOKIE),
        session=request.COOKIES.get(caller.SESSION_COOKIE),
        is_browser=True,
    )


def remember_phone(answer: HttpResponse, phone: str, channel: str = "", then: str = "") -> None:
    """Keep an E.164 number between asking and confirming, signed, so that it stands in no address.

    With the channel that was chosen: whoever asks again wants the same one; and with the page that is wanted next.
    """
    kept = f"{phone} {channel} {then}".strip()
    caller.set_cookie(answer, PHONE_COOKIE, signing.dumps(kept, salt=SALT), PHONE_KEPT)


def forget_phone(answer: HttpResponse) -> None:
    """The number is confirmed, or no longer wanted."""
    caller.forget_cookie(answer, PHONE_COOKIE)


def phone(request: HttpRequest) -> str | None:
    """The number that a code was sent to from this browser, within the last 10 minutes."""
    return _kept(request)[0] or None


def channel(request: HttpRequest) -> str:
    """The channel that was chosen for it; "" when none was."""
    return _kept(request)[1]


def then(request: HttpRequest) -> str:
    """The name of the page that is wanted after the sign-in; "" for the first page."""
    return _kept(request)[2]


def _kept(request: HttpRequest) -> tuple[str, str, str]:
    try:
        kept = str(signing.loads(request.COOKIES.get(PHONE_COOKIE, ""), salt=SALT, max_age=PHONE_KEPT))
    except signing.BadSignature:
        return "", "", ""
    phone, channel, then = [*kept.split(" "), "", ""][:3]
    return phone, channel, then


def _presented(request: HttpRequest) -> sessions.Presented | None:
    return sessions.presented(request.COOKIES.get(caller.SESSION_COOKIE, ""))
