"""Invite codes: enter somebody's, page through who entered mine."""

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import Field

from guestlist.api import caller, profile, profile_sql
from guestlist.api.body import Body
from guestlist.api.openapi import operation
from guestlist.invites import actions, preview
from guestlist.lib.clock import rfc3339

router = Router(tags=["Invite codes"])

REFUSALS = ["malformed_invite", "own_invite", "invite_loop", "unknown_invite", "already_activated", "too_many_requests"]


class Enter(Body):
    """Somebody's invite code."""

    code: str = Field(
        description="In any case, with spaces or dashes, or as a pasted link; O counts as 0, I and L as 1.",
        examples=["7k2m-9q"],
    )


class Activated(Schema):
    """It is entered, for good."""

    activated_profile: profile.Profile


class Preview(Schema):
    """Whose code it is."""

    code: str = Field(description="As we write it.", examples=["7K2M9Q"])
    inviter: str | None = Field(
        description="Their name, else their number masked; null when they hide it.", examples=["+7 900 ***-**-33"]
    )


class Invitee(Schema):
    """Somebody who entered my invite code."""

    phone: str | None = Field(examples=["+79005556677"])
    activated_at: datetime


class Invitees(Schema):
    """A page of them, oldest first."""

    items: list[Invitee]
    next: str | None = Field(description="The path of the next page; null on the last.")


def activate(request: HttpRequest, payload: Enter) -> HttpResponse:
    """Enters another person's invite code: once, ever. The same code again is answered like the first time."""
    actions.activate(request.auth.person_id, payload.code, caller.address(request))  # type: ignore[attr-defined]
    return profile.shown(request, wrap="activated_profile")


for path, name in (
    ("/user/user-profile/activate-code/", "activate_code"),
    ("/user-profile/activate-code/", "activate_code_alias"),
):
    operation(
        router.post,
        path,
        summary="Enter somebody's invite code" + (" (second address)" if name.endswith("alias") else ""),
        returns={200: Activated},
        auth=caller.signed_in,
        refusals=REFUSALS,
        operation_id=name,
    )(activate)


@operation(
    router.post,
    "/user/user-profile/activate-code/preview/",
    summary="Whose invite code is it?",
    returns={200: Preview},
    auth=caller.signed_in,
    refusals=REFUSALS,
)
def look(request: HttpRequest, payload: Enter) -> dict[str, str | None]:
    """Looks before the one leap: whose code it is, or the refusal that entering it would give. Changes nothing.

    An unknown code counts as a try, here as there.
    """
    found = preview.preview(request.auth.person_id, payload.code, caller.address(request))  # type: ignore[attr-defined]
    return found._asdict()


@operation(
    router.get,
    "/user/user-profile/activeusers/",
    summary="Who entered my invite code",
    returns={200: Invitees},
    auth=caller.signed_in,
    refusals=["invalid_request"],
)
def activeusers(
    request: HttpRequest,
    cursor: Annotated[
        str,
        Field(description="Where the page begins; stands in `next`, which may also be given whole.", max_length=150),
    ] = "",
    limit: Annotated[int, Field(ge=1, le=actions.PAGE)] = actions.PAGE,
) -> dict[str, Any]:
    """Pages of them, oldest first, at most 100 each."""
    page = actions.invitees_of(request.auth.person_id, cursor, limit)  # type: ignore[attr-defined]
    items = [{"phone": one.phone, "activated_at": rfc3339(one.activated_at)} for one in page.invitees]
    return {"items": items, "next": f"{profile_sql.NEXT_PAGE.format(page.next)}&limit={limit}" if page.next else None}
