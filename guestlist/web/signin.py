"""The pages of signing in: the number, then the code."""

import re
from typing import NamedTuple

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from guestlist.api import caller
from guestlist.delivery import actions as delivery
from guestlist.lib import phone as phones
from guestlist.lib.refusals import Refusal
from guestlist.signin import actions, challenges, rules, sessions
from guestlist.web import answers, sandbox, share, visitor

CODE = re.compile(r"(?<!\d)\d{4,8}(?!\d)")  # CODE_DIGITS is 4 to 8


class Awaited(NamedTuple):
    """The code that this browser waits for, as its page tells of it."""

    digits: int
    seconds_left: int
    code: str | None  # shown in the sandbox only
    at: str  # where its message is: queued, sent, delivered, not_sent or undelivered
    channels: list[str]  # by which it can be sent: first by which it was, or would be

    @property
    def minutes_left(self) -> int:
        """Whole minutes, rounded up."""
        return -(-self.seconds_left // 60)


def phone_form(request: HttpRequest, typed: str | None = None, refusal: Refusal | None = None) -> HttpResponse:
    """The page that asks for a number; with the one that was typed, here or a moment ago."""
    if typed is None:
        asked = visitor.phone(request)
        typed = phones.national(asked, settings.PHONE_REGION) if asked else ""
    shown = {"typed": typed, "kept": share.kept(request), "error": answers.words(refusal) if refusal else ""}
    return answers.page(request, "web/signin.html", shown, refusal)


def ask(request: HttpRequest) -> HttpResponse:
    """Send a code to the number that was typed, or again to the one that is waited for."""
    if request.method != "POST":
        return redirect("home")
    caller.refuse_cross_site(request)
    typed = request.POST.get("phone", "")
    try:
        phone = phones.parse(typed, settings.PHONE_REGION)
        channel = request.POST.get("channel", "")
        asked = actions.ask(phone, visitor.client(request), channel)
    except Refusal as refusal:
        waiting_for = visitor.phone(request)
        if waiting_for == typed:  # "send again": the code that came before may still be typed
            return _code_form(request, waiting_for, resend_error=answers.words(refusal), refusal=refusal)
        return phone_form(request, typed, refusal)
    answer = redirect("code")
    caller.set_cookie(answer, caller.CHALLENGE_COOKIE, asked.challenge, asked.expires_in)
    is_again = visitor.phone(request) == phone
    then = "leave" if request.POST.get("then") == "leave" else visitor.then(request) if is_again else ""
    visitor.remember_phone(answer, phone, channel, then)
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
    sessions.sign_out(who, caller.address(request))
    answer = redirect("home")
    caller.forget_cookie(answer, caller.SESSION_COOKIE)
    return answer


def _confirm(request: HttpRequest, phone: str) -> HttpResponse:
    caller.refuse_cross_site(request)
    typed = _code_in(request.POST.get("code", "").strip())
    if not 0 < len(typed) <= rules.LONGEST_TYPED:  # costs no try
        nothing = Refusal("invalid_request")
        return _code_form(request, phone, error=_("Type the code from the message."), refusal=nothing)
    try:
        confirmed = actions.confirm(phone, typed, visitor.client(request))
    except Refusal as refusal:
        if refusal.code in ("person_blocked", "sandbox_full"):
            raise  # no other code would help
        return _code_form(request, phone, typed, error=answers.words(refusal), refusal=refusal)
    answer = redirect(visitor.then(request) or "home")
    caller.remember_session(answer, confirmed, "cookie")
    visitor.forget_phone(answer)
    rotate_token(request)
    return answer


def _code_in(typed: str) -> str:
    """What was typed; of a whole message that was pasted, the only number in it that is as long as a code."""
    found = set(CODE.findall(typed)) if any(letter.isalpha() for letter in typed) else set()
    return found.pop() if len(found) == 1 else typed


def _code_form(
    request: HttpRequest,
    phone: str,
    typed: str = "",
    error: str = "",
    resend_error: str = "",
    refusal: Refusal | None = None,
) -> HttpResponse:
    chosen = visitor.channel(request)
    if chosen not in delivery.channels(phone, phones.kind(phone).region):
        chosen = ""  # nobody chose, or it is no longer there
    awaited, resend_in = _awaited(request, phone, chosen)
    shown = {
        "phone": phone,
        "awaited": awaited,
        "chosen": chosen,
        "resend_in": resend_in,
        "typed": typed,
        "error": error if awaited or error else str(Refusal("code_expired")),
        "resend_error": resend_error,
        "arrived": sandbox.arrived(phone),
    }
    return answers.page(request, "web/code.html", shown, refusal)


def _awaited(request: HttpRequest, phone: str, chosen: str) -> tuple[Awaited | None, int]:
    """What the cookie's challenge says, if it is this number's and its code still works; seconds until the next one."""
    challenge = challenges.find(challenges.id_of(request.COOKIES.get(caller.CHALLENGE_COOKIE, "")))
    if challenge is None or challenge.phone != phone:
        return None, 0
    try:
        state = actions.state(visitor.client(request))
    except Refusal as refusal:
        return None, refusal.extra.get("resend_in", 0)
    awaited = Awaited(
        digits=challenge.digits,
        seconds_left=state.expires_in,
        code=challenges.code_of(challenge) if delivery.is_sandbox() else None,
        at=state.reason or state.delivery,
        channels=sorted(state.channels, key=lambda channel: channel != chosen),
    )
    return awaited, state.resend_in
