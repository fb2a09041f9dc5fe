"""Sign in: ask for a code, confirm it, sign out."""

from contextlib import suppress
from datetime import datetime
from typing import Any, Literal

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token, rotate_token
from ninja import Router, Schema, Status
from pydantic import Field

from guestlist.api import caller
from guestlist.api.body import Body
from guestlist.api.openapi import operation
from guestlist.invites import actions as invites
from guestlist.lib import phone as phones
from guestlist.lib import sql
from guestlist.lib.clock import rfc3339
from guestlist.lib.refusals import Refusal
from guestlist.signin import actions, rules, sessions

router = Router(tags=["Sign in"])

PHONE: Any = Field(description="In any usual spelling; answered in E.164.", examples=["+79001112233"], max_length=150)
TOKEN: Any = Field(None, description="For apps without a cookie jar.", max_length=150)


class Ask(Body):
    """Who wants a code, and by which channel."""

    phone: str = PHONE
    challenge: str | None = TOKEN
    device: str | None = TOKEN
    channel: Literal["sms", "telegram", "voice"] | None = Field(
        None, description="Only by this channel; without it by the first one that works.", examples=["sms"]
    )


class Asked(Schema):
    """A code is on its way."""

    code: str = Field(
        "", description="The code, which only the sandbox shows. Text: it may begin with 0.", examples=["7209"]
    )
    phone: str = Field(examples=["+79001112233"])
    challenge: str = Field(description="Binds the code to this client; the cookie holds it too.")
    code_length: int = Field(examples=[4])
    expires_in: int = Field(description="Seconds that the code lives.", examples=[300])
    resend_in: int = Field(description="Seconds after which to ask again.", examples=[60])
    attempts_left: int = Field(examples=[3])
    delivery: Literal["queued", "sent", "delivered"]


class Waiting(Body):
    """Who waits for a code."""

    challenge: str | None = TOKEN


BY_COOKIE = Waiting(challenge=None)  # no body at all


class Awaited(Schema):
    """How a code is doing."""

    delivery: Literal["queued", "sent", "delivered", "failed"]
    reason: str | None = Field(description="Of one that failed: `not_sent` or `undelivered`.", examples=["undelivered"])
    expires_in: int = Field(description="Seconds that the code still lives.", examples=[240])
    resend_in: int = Field(description="Seconds after which to ask again; 0: now.", examples=[12])
    attempts_left: int = Field(examples=[3])
    channels: list[str] = Field(description="By which it can be asked for, best first.", examples=[["sms"]])


class Confirm(Body):
    """The code that arrived."""

    phone: str = PHONE
    code: str = Field(description="The code, as text.", examples=["7209"], max_length=rules.LONGEST_TYPED)
    challenge: str | None = TOKEN
    device: str | None = TOKEN
    invite_code: str | None = Field(
        None, description="Somebody's invite code, entered at sign-up. A bad one does not stop the sign-in."
    )


class InviteOutcome(Schema):
    """What became of the invite code that was sent along."""

    status: Literal["activated", "refused"]
    code: str = Field("", description="Why it was refused.", examples=["unknown_invite"])


class Confirmed(Schema):
    """Signed in."""

    login: Literal[True]
    token: str | None = Field(description="For `Authorization: Bearer`; null for browsers, which have the cookie.")
    device: str | None = Field(description="Show it when you ask for a code next time; null for browsers.")
    expires_at: datetime = Field(description="The session ends then, unless it is used before.")
    new_user: bool
    invite: InviteOutcome | None


class LoggedOut(Schema):
    """Signed out."""

    logout: Literal[True]


@operation(
    router.post,
    "/login/",
    summary="Ask for a code",
    returns={200: Asked, 201: Asked},
    auth=caller.same_site,
    signed=False,
    refusals=["invalid_phone", "phone_not_allowed", "cross_site", "delivery_failed", "too_many_requests"],
)
def login(request: HttpRequest, payload: Ask, response: HttpResponse) -> Status[Any]:
    """Sends a code to the phone. Asking again from the same client, while the code lives, sends the same code.

    In the sandbox it takes 1-2 seconds and shows the code; **201** says that nobody has signed in with this number yet.
    With a live gateway it is always 200, without `code`, the same for known and unknown numbers.
    """
    phone = phones.parse(payload.phone, settings.PHONE_REGION)
    client = caller.client(request, payload.challenge, payload.device)
    try:
        asked = actions.ask(phone, client, payload.channel or "")
    except Refusal:
        with suppress(*sql.AWAY):  # what has been decided is not undone because its headers cannot be told
            request.allowance = actions.allowance(client)  # type: ignore[attr-defined]  # for the door
        raise
    request.allowance = asked.allowance  # type: ignore[attr-defined]
    caller.set_cookie(response, caller.CHALLENGE_COOKIE, asked.challenge, asked.expires_in)
    get_token(request)  # sets the csrftoken cookie
    shown = {name: value for name, value in asked._asdict().items() if name in Asked.model_fields and value is not None}
    return Status(201 if asked.is_known is False else 200, shown)


@operation(
    router.post,
    "/login/state/",
    summary="How is my code doing?",
    returns={200: Awaited},
    auth=caller.same_site,
    signed=False,
    refusals=["code_expired", "cross_site"],
)
def state(request: HttpRequest, payload: Waiting = BY_COOKIE) -> dict[str, Any]:
    """Says what has become of the message, when to ask again, and by which channels.

    The challenge comes as a cookie, and then no body is needed, or in the body, which wins. One that is used up, too
    old or unknown is `code_expired`.
    """
    return actions.state(caller.client(request, payload.challenge))._asdict()


@operation(
    router.post,
    "/confirm/",
    summary="Confirm the code",
    returns={200: Confirmed},
    auth=caller.same_site,
    signed=False,
    refusals=["invalid_phone", "wrong_code", "code_expired", "person_blocked", "sandbox_full", "cross_site"],
)
def confirm(request: HttpRequest, payload: Confirm, response: HttpResponse) -> dict[str, Any]:
    """Signs in, and registers who is new. Three tries a code; a code works once.

    A request with an `Origin` or `Sec-Fetch-Site` header comes from a browser: it gets cookies and no tokens.
    With a challenge (body, else cookie) only that one counts; without one, the sandbox takes the phone's newest.
    """
    phone = phones.parse(payload.phone, settings.PHONE_REGION)
    client = caller.client(request, payload.challenge, payload.device)
    confirmed = actions.confirm(phone, payload.code, client)
    caller.remember_session(response, confirmed, "cookie" if client.is_browser else "token")
    rotate_token(request)
    return {
        "login": True,
        "token": None if client.is_browser else confirmed.session.token,
        "device": None if client.is_browser else confirmed.device,
        "expires_at": rfc3339(confirmed.session.expires_at),
        "new_user": confirmed.is_new,
        "invite": _enter(confirmed.person_id, payload.invite_code, client.ip),
    }


@operation(router.post, "/logout/", summary="Sign out", returns={200: LoggedOut}, auth=caller.signed_in, refusals=[])
def logout(request: HttpRequest, response: HttpResponse) -> dict[str, bool]:
    """Ends this session at once. The device stays known."""
    who: sessions.Caller = request.auth  # type: ignore[attr-defined]
    sessions.sign_out(who, caller.address(request))
    caller.forget_cookie(response, caller.SESSION_COOKIE)
    return {"logout": True}


def _enter(person_id: int, invite_code: str | None, ip: str) -> dict[str, str] | None:
    if invite_code is None:
        return None
    try:
        invites.activate(person_id, invite_code, ip)
    except Refusal as refusal:
        return {"status": "refused", "code": refusal.code}
    except sql.AWAY:
        return {"status": "refused", "code": "unavailable"}  # the sign-in is done, and its token is told only now
    return {"status": "activated"}
