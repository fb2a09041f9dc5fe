"""Tokens for other services, and the keys that those verify them with."""

from typing import Literal

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext
from ninja import Router, Schema
from pydantic import Field

from guestlist.api import caller
from guestlist.api.body import Body
from guestlist.api.openapi import operation
from guestlist.lib.refusals import Refusal
from guestlist.signin import tokens

router = Router(tags=["Tokens for other services"])


class Wanted(Body):
    """For whom."""

    audience: str = Field(
        description="The service that the token is for: one of JWT_AUDIENCES.",
        examples=["https://reports.example.org"],
        max_length=200,
    )


class Minted(Schema):
    """A token."""

    access_token: str = Field(description="A JWT, for that service only: it opens nothing here.")
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="Seconds that it lives.", examples=[600])


@operation(
    router.post,
    "/token/",
    summary="A token for another service",
    returns={200: Minted},
    auth=caller.signed_in,
    refusals=["too_many_requests"],
)
def mint(request: HttpRequest, payload: Wanted) -> dict[str, str | int]:
    """A JWT of ten minutes that tells one other service who I am, which it verifies without asking here.

    The public keys are at /.well-known/jwks.json.
    """
    if payload.audience not in settings.JWT_AUDIENCES:
        detail = gettext("This service makes no tokens for that audience.")
        raise Refusal("invalid_request", errors=[{"field": "audience", "detail": detail}])
    minted = tokens.mint(request.auth, payload.audience, caller.address(request))  # type: ignore[attr-defined]
    return {"access_token": minted.token, "token_type": "Bearer", "expires_in": minted.expires_in}


def jwks(request: HttpRequest) -> HttpResponseBase:
    """The public keys, as a JWK Set (RFC 7517): the newest signs, older ones verify until they are dropped."""
    answer = JsonResponse({"keys": tokens.public_keys()})
    answer["Cache-Control"] = "public, max-age=300"
    return answer
