"""The service itself: its health, and the sandbox's inbox."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from guestlist.api import caller
from guestlist.api.openapi import operation
from guestlist.delivery import actions as delivery
from guestlist.delivery import stamp
from guestlist.lib import phone as phones
from guestlist.lib import sql
from guestlist.lib.clock import rfc3339
from guestlist.lib.refusals import Refusal

router = Router(tags=["Service"])

INBOX = 50

_is_migrated = False


class Health(Schema):
    """All is well."""

    status: Literal["ok"]


class Message(Schema):
    """A message as the phone would show it."""

    id: int = Field(description="One that arrives twice stands here twice, with the same id.")
    phone: str = Field(examples=["+79001112233"])
    channel: Literal["sms", "telegram", "voice"] = Field(description="By which it came.")
    text: str
    code: str = Field(description="The code in the text; it may begin with 0.", examples=["7209"])
    at: datetime = Field(description="When it arrived.")


class Inbox(Schema):
    """The newest messages; the last to arrive is the first."""

    messages: list[Message]


@operation(
    router.get, "/health/live/", summary="Is the process alive?", returns={200: Health}, signed=False, refusals=[]
)
def live(request: HttpRequest) -> dict[str, str]:
    """Touches nothing but the process."""
    return {"status": "ok"}


@operation(router.get, "/health/ready/", summary="Can it serve?", returns={200: Health}, signed=False, refusals=[])
def ready(request: HttpRequest) -> dict[str, str]:
    """Asks the database, whether its tables are those of this version, and whether it is live or a sandbox's as we are.

    503 until then.
    """
    global _is_migrated
    if not _is_migrated:
        sql.row("SELECT 1")
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise Refusal("unavailable", retry_after=5)
        _is_migrated = True
    stamp.check_before_serving()  # each time: another process may have made the database live
    return {"status": "ok"}


def messages_for(request: HttpRequest, phone: str | None) -> list[delivery.Arrived]:
    """The newest messages of the sandbox; to those who reach it from elsewhere, only their own."""
    if not settings.IS_OPEN:
        return delivery.inbox(INBOX, phone)
    mine = caller.own_phones(request)
    return [message for own in mine if phone in (None, own) for message in delivery.inbox(INBOX, own)]


@operation(
    router.get,
    "/sandbox/inbox/",
    summary="The sandbox's inbox",
    returns={200: Inbox},
    signed=False,
    refusals=["not_found", "invalid_phone", "invalid_request"],
)
def inbox(
    request: HttpRequest, phone: Annotated[str, Field(description="Only messages to this number.", max_length=150)] = ""
) -> dict[str, list[dict[str, Any]]]:
    """The messages that the sandbox "sent"; with a live gateway there is no such address.

    Browsers that ask for text/html get a page.
    """
    if not delivery.is_sandbox():
        raise Refusal("not_found")
    arrived = messages_for(request, phones.parse(phone, settings.PHONE_REGION) if phone else None)
    return {"messages": [{**message._asdict(), "at": rfc3339(message.at)} for message in arrived]}
