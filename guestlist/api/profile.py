"""My profile: read it, edit it."""

import json
from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import Field

from guestlist.api import caller, profile_sql
from guestlist.api.body import Body
from guestlist.api.openapi import operation
from guestlist.lib.refusals import Refusal
from guestlist.people import actions as people
from guestlist.people.rules import LONGEST_TEXT
from guestlist.signin import sessions

router = Router(tags=["Profile"])


class ListedInvitee(Schema):
    """Somebody who entered my invite code."""

    phone: str | None = Field(description="In full, masked, or null: as that person wishes.", examples=["+79005556677"])


class Profile(Schema):
    """Me."""

    id: int = Field(examples=[17])
    phone: str = Field(examples=["+79001112233"])
    username: str
    email: str
    invite_code: str = Field(description="My own code, to share.", examples=["7K2M9Q"])
    activate_code: bool = Field(description="Whether I have entered somebody's invite code.")
    active_user_code: str | None = Field(description="Which one.", examples=["3ZX81B"])
    activeusers: list[ListedInvitee] = Field(description="Who entered mine, oldest first, at most 100 here.")
    activeusers_count: int = Field(description="How many they are in all.")
    activeusers_next: str | None = Field(description="The path of the next page, if there is one.")


class Edit(Body):
    """What to change; each field is optional."""

    username: str = Field(
        "", description=f"At most {LONGEST_TEXT} characters; an empty text clears it.", examples=["Анна"]
    )
    email: str = Field("", description="An empty text clears it.", examples=["anna@example.org"])
    phone_visibility: Literal["full", "masked", "hidden"] = Field(
        "full", description="How my number stands in the list of the person who invited me."
    )


def shown(request: HttpRequest, wrap: str | None = None) -> HttpResponse:
    """The profile of whoever calls, by one statement; inside an object under the name `wrap`, if given."""
    found = profile_sql.profile(caller.credentials(request))
    if found is None:
        raise Refusal("not_signed_in")
    text = json.dumps({wrap: found} if wrap else found, ensure_ascii=False)
    return HttpResponse(text, content_type="application/json")


@operation(router.get, "/user-profile/", summary="My profile", returns={200: Profile}, refusals=[])
def read(request: HttpRequest) -> HttpResponse:
    """My number, my invite code, whose code I entered, and who entered mine."""
    return shown(request)


@operation(
    router.post,
    "/user-profile/",
    summary="Edit my profile",
    returns={200: Profile},
    auth=caller.signed_in,
    refusals=["invalid_username", "invalid_email"],
)
def edit(request: HttpRequest, payload: Edit) -> HttpResponse:
    """Changes the fields that are sent; nothing else of a profile can be written. PATCH does the same."""
    who: sessions.Caller = request.auth  # type: ignore[attr-defined]
    sent: dict[str, Any] = payload.dict(exclude_unset=True)
    people.edit(who.person_id, sent.get("username"), sent.get("email"), sent.get("phone_visibility"))
    return shown(request)


operation(
    router.patch,
    "/user-profile/",
    summary="Edit my profile",
    returns={200: Profile},
    auth=caller.signed_in,
    refusals=["invalid_username", "invalid_email"],
    operation_id="profile_patch",
)(edit)
