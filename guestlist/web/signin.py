"""The pages of signing in: the number, then the code."""

from typing import NamedTuple

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from guestlist.api import caller
from guestlist.api.errors import STATUS
from guestlist.delivery import actions as delivery
from guestlist.lib import clock, keys
from guestlist.lib import phone as phones
from guestlist.lib.refusals import Refusal
from guestlist.signin import actions, rules, sessions
from guestlist.web import sandbox, visitor


class Awaited(NamedTuple):
    """The code that this browser waits for, as its page tells of it."""

    digits: int
    tries_left: int
    seconds_left: int
    code: str | None  # shown in the sandbox only

    @property
    def minutes_left(self) -> int:
        """Whole minutes, rounded up."""
        return -(-self.seconds_left // 60)


def phone_form(request: HttpRequest, typed: str | None = None, refusal: Refusal | None = None) -> HttpResponse:
    """The page that asks for a number; with the one that was typed, here or a moment ago."""
    if typed is None:
        asked = visitor.phone(request)
        typed = phones.national(asked, settings.PHONE_REGION) if asked else ""
    page = render(request, "web/signin.html", {"typed": typed, "error": refusal}, status=_status(refusal))
    if refusal and "retry_after" in refusal.extra:
        page["Retry-After"] = str(refusal.extra["retry_after"])
    return page


def ask(request: HttpRequest) -> HttpResponse:
    """Send a code to the number that was typed."""
    if request.method != "POST":
        return redirect("home")
    caller.refuse_cross_site(request)
    typed = request.POST.get("phone", "")
    try:
        phone = phones.parse(typed, settings.PHONE_REGION)
        asked = actions.ask(phone, visitor.client(request))
    except Refusal as refusal:
        return phone_form(request, typed, refusal)
    answer = redirect("code")
    caller.set_cookie(answer, caller.CHALLENGE_COOKIE, asked.challenge, asked.expires_in)
    visitor.remember_phone(answer, phone)
    return answer


def code(request: HttpRequest) -> HttpResponse:
    """The page that asks for the code; a POST confirms it."""
    phone = visitor.phone(request)
    if phone is None:
        return redirect("home")
    return _confirm(request, phone) if request.method == "POST" else _code_form(request, phone)


@visitor.acts
def sign_out(request: HttpRequest, who: sessions.Caller) -> HttpResponse:
    """End this session at once; the device stays known."""
    sessions.end(who, who.session_id)
    answer = redirect("home")
    caller.forget_cookie(answer, caller.SESSION_COOKIE)
    return answer


def _confirm(request: HttpRequest, phone: str) -> HttpResponse:
    caller.refuse_cross_site(request)
    typed = request.POST.get("code", "").strip()
    if not 0 < len(typed) <= rules.LONGEST_TYPED:
        return _code_form(request, phone, error=_("Type the code from the message."), status=400)  # costs no try
    try:
        confirmed = actions.confirm(phone, typed, visitor.client(request))
    except Refusal as refusal:
        if STATUS[refusal.code] != STATUS["wrong_code"]:
            raise  # a blocked person: no other code would help
        return _code_form(request, phone, typed, _words(refusal), _status(refusal))
    answer = redirect("home")
    caller.remember_session(answer, confirmed, "cookie")
    visitor.forget_phone(answer)
    rotate_token(request)
    return answer


def _code_form(request: HttpRequest, phone: str, typed: str = "", error: str = "", status: int = 200) -> HttpResponse:
    shown = {
        "phone": phone,
        "awaited": _awaited(request, phone),
        "typed": typed,
        "error": error,
        "arrived": sandbox.arrived(phone),
    }
    return render(request, "web/code.html", shown, status=status)


def _awaited(request: HttpRequest, phone: str) -> Awaited | None:
    """What the cookie's challenge says, if it is this number's and its code still works."""
    now = clock.now()
    challenge = actions.challenge_of(keys.digest(request.COOKIES.get(caller.CHALLENGE_COOKIE, "")))
    if challenge is None or challenge.phone != phone or challenge.used_at or challenge.expires_at <= now:
        return None
    if challenge.attempts >= rules.TRIES:
        return None
    return Awaited(
        digits=challenge.digits,
        tries_left=rules.TRIES - challenge.attempts,
        seconds_left=rules.seconds(challenge.expires_at - now),
        code=actions.code_of(challenge) if delivery.is_sandbox() else None,
    )


def _words(refusal: Refusal) -> str:
    left = refusal.extra.get("attempts_left")
    if left is None:
        return str(refusal)
    tries = ngettext("%(left)d try left.", "%(left)d tries left.", left) % {"left": left}
    return f"{refusal} {tries if left else _('No tries left: ask for a new code.')}"


def _status(refusal: Refusal | None) -> int:
    return STATUS[refusal.code] if refusal else 200
