"""Leave: take along everything that the service holds about me, or have it deleted."""

from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Schema
from pydantic import Field

from guestlist.api import caller, profile
from guestlist.api.openapi import operation
from guestlist.lib import clock
from guestlist.people import holders
from guestlist.signin import leaving

router = profile.router


class Deleted(Schema):
    """I am not here any more."""

    deleted: Literal[True]


class HeldProfile(Schema):
    """My row."""

    id: int
    public_id: str | None = Field(description="By which other services know me.")
    phone: str = Field(examples=["+79001112233"])
    username: str
    email: str
    invite_code: str = Field(examples=["7K2M9Q"])
    phone_visibility: Literal["full", "masked", "hidden"]
    created_at: datetime
    blocked_at: datetime | None


class Entered(Schema):
    """The code that I entered."""

    code: str = Field(examples=["3ZX81B"])
    activated_at: datetime


class HeldInvitee(Schema):
    """Somebody who entered my code, as they wish to be seen."""

    phone: str | None
    activated_at: datetime


class HeldInvites(Schema):
    """Invite codes, mine and the one that I entered."""

    entered: Entered | None
    invitees: list[HeldInvitee]


class HeldSession(Schema):
    """A place where I am signed in."""

    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    ip: str
    user_agent: str


class HeldDevice(Schema):
    """A device that has signed in to my number."""

    created_at: datetime
    seen_at: datetime


class HeldCode(Schema):
    """A code that was asked for to my number, by me or not."""

    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    digits: int


class HeldGuess(Schema):
    """A wrong guess at a code to my number."""

    guessed_at: datetime
    digits: int


class HeldSignIn(Schema):
    """What signing in left."""

    sessions: list[HeldSession]
    devices: list[HeldDevice]
    codes: list[HeldCode]
    wrong_guesses: list[HeldGuess]


class HeldMessage(Schema):
    """A message to my number."""

    created_at: datetime
    kind: str = Field(examples=["code"])
    channel: str
    language: str


class HeldLine(Schema):
    """A line of the audit trail about me; address and program of what I did myself."""

    at: datetime
    event: str = Field(examples=["signed_in"])
    ip: str
    agent: str


class Export(Schema):
    """Everything the service holds about me."""

    exported_at: datetime
    profile: HeldProfile
    invites: HeldInvites
    sign_in: HeldSignIn
    messages: list[HeldMessage]
    trail: list[HeldLine]


@operation(
    router.delete,
    "/user-profile/",
    summary="Delete me",
    returns={200: Deleted},
    auth=caller.signed_in,
    refusals=["confirm_again"],
)
def delete(request: HttpRequest, response: HttpResponse) -> dict[str, bool]:
    """Deletes me and what is held of me, for good, and ends all my sessions; it cannot be undone.

    Only within five minutes after a sign-in, else `confirm_again`: sign in anew and repeat. My invite code is never
    given to anybody again, and my number remembers for LEDGER_MONTHS that it has entered a code.
    """
    leaving.leave(request.auth, caller.address(request))  # type: ignore[attr-defined]
    forget_me(response)
    return {"deleted": True}


@operation(
    router.get,
    "/export/",
    summary="Everything that is held about me",
    returns={200: Export},
    auth=caller.signed_in,
    refusals=["too_many_requests"],
)
def export(request: HttpRequest) -> dict[str, Any]:
    """My profile, invite codes, sessions, devices, codes that were asked for, messages, and lines of the audit trail.

    Of others only what they show me anyway. Nothing of it could sign anybody in.
    """
    return exported(request.auth.person_id, caller.address(request))  # type: ignore[attr-defined]


def exported(person_id: int, ip: str) -> dict[str, Any]:
    """What is held of a person, with its times as JSON has them."""
    found: dict[str, Any] = _written({"exported_at": clock.now(), **holders.export(person_id, ip)})
    return found


def forget_me(answer: HttpResponse) -> None:
    """Drop the cookies of somebody who has left."""
    for name in (caller.SESSION_COOKIE, caller.DEVICE_COOKIE, caller.CHALLENGE_COOKIE):
        caller.forget_cookie(answer, name)


def _written(found: Any) -> Any:
    if isinstance(found, datetime):
        return clock.rfc3339(found)
    if isinstance(found, dict):
        return {name: _written(value) for name, value in found.items()}
    return [_written(value) for value in found] if isinstance(found, list) else found
