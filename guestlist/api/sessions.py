"""Sessions: list mine, end one, end all others."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from guestlist.api import caller
from guestlist.api.openapi import operation
from guestlist.lib.clock import rfc3339
from guestlist.lib.refusals import Refusal
from guestlist.signin import sessions

router = Router(tags=["Sessions"])


class Session(Schema):
    """One place where I am signed in."""

    id: str
    current: bool = Field(description="Whether this very request uses it.")
    created_at: datetime
    last_seen_at: datetime = Field(description="Written at most once an hour.")
    ip: str = Field(examples=["203.0.113.7"])
    user_agent: str


class Ended(Schema):
    """How many sessions ended."""

    ended: int


@operation(
    router.get,
    "/sessions/",
    summary="List my sessions",
    returns={200: list[Session]},
    auth=caller.signed_in,
    refusals=[],
)
def list_sessions(request: HttpRequest) -> list[dict[str, Any]]:
    """All my living sessions, newest first."""
    return [
        {
            **shown._asdict(),
            "created_at": rfc3339(shown.created_at),
            "last_seen_at": rfc3339(shown.last_seen_at),
        }
        for shown in sessions.sessions_of(request.auth)  # type: ignore[attr-defined]
    ]


@operation(
    router.delete,
    "/sessions/",
    summary="End all my other sessions",
    returns={200: Ended},
    auth=caller.signed_in,
    refusals=[],
)
def end_others(request: HttpRequest) -> dict[str, int]:
    """Ends every session of mine but the one that asks, and forgets every device of mine but its own."""
    return {"ended": sessions.end_others(request.auth, caller.address(request))}  # type: ignore[attr-defined]


@operation(
    router.delete,
    "/sessions/{session_id}/",
    summary="End one of my sessions",
    returns={200: Ended},
    auth=caller.signed_in,
    refusals=["not_found"],
)
def end_session(request: HttpRequest, session_id: str) -> dict[str, int]:
    """Ends the session with this id and forgets its device; of nobody else's session is it told whether it exists."""
    if not sessions.end(request.auth, session_id, caller.address(request)):  # type: ignore[attr-defined]
        raise Refusal("not_found")
    return {"ended": 1}
