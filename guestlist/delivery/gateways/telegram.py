"""Telegram Gateway: codes to people who have Telegram, from its own channel or from TELEGRAM_GATEWAY_SENDER.

Methods, states and reports: https://core.telegram.org/gateway/api. What is charged:
https://core.telegram.org/gateway/verification-tutorial. Its papers name one error only, ACCESS_TOKEN_INVALID; the
others are those that its public clients know (https://github.com/deus-developer/tgateway).
"""

import json
import re
import time
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from guestlist.delivery.gateways import (
    Call,
    Late,
    NoMoney,
    Nonsense,
    NotHere,
    NotSent,
    Outgoing,
    Receipt,
    Refused,
    Report,
    TooMany,
    Unavailable,
    WrongKey,
    needs,
    reports,
)
from guestlist.delivery.gateways.prices import price
from guestlist.delivery.gateways.wire import Line

LIVES = (30, 3600)  # seconds that a message may live: sendVerificationMessage, ttl
LONGEST_CALLBACK = 256  # bytes
CODE = re.compile(r"[0-9]{4,8}")
SENDER = re.compile(r"[A-Za-z][A-Za-z0-9_]{3,31}")
ERROR = re.compile(r"[A-Z][A-Z_]{0,38}[0-9]{0,6}")
STATES = {
    "sent": "sent",
    **dict.fromkeys(("delivered", "read"), "delivered"),
    **dict.fromkeys(("expired", "revoked"), "failed"),
}


class Telegram:
    """Sends the code alone: Telegram has texts of its own, in the language of whoever reads them."""

    name = "telegram"
    url = "https://gatewayapi.telegram.org"
    channels = ("telegram",)
    answer = ""

    def __init__(self) -> None:
        needs.check(self.name, "TELEGRAM_GATEWAY_TOKEN")
        self._sender = settings.TELEGRAM_GATEWAY_SENDER.removeprefix("@")
        if self._sender and not SENDER.fullmatch(self._sender):
            raise ImproperlyConfigured("TELEGRAM_GATEWAY_SENDER must be the name of a channel, like example_org.")
        self._headers = {
            "authorization": f"Bearer {settings.TELEGRAM_GATEWAY_TOKEN}",
            "content-type": "application/json",
        }
        self._line = Line(self.url)

    def send(self, message: Outgoing, seconds: float) -> Receipt:
        """Ask whether the number is on Telegram, which is what costs, then send the code: both within the time."""
        if not CODE.fullmatch(message.code):
            raise NotHere("no code")
        ends = time.monotonic() + seconds
        able = self._ability(message.phone, seconds)
        left = ends - time.monotonic()
        if left <= 0:
            raise Unavailable("checkSendAbility took all the time")
        sent = self._ask("sendVerificationMessage", self._body(message, able), left)
        cost = price(sent.get("request_cost"))
        return Receipt(able, cost, "" if cost is None else "credits")

    def reports(self, call: Call) -> list[Report]:
        """What a report says; nothing, when it is about a code that was entered."""
        found = call.json if isinstance(call.json, dict) else {}
        id_, delivery = found.get("request_id"), found.get("delivery_status")
        if not isinstance(id_, str) or not id_:
            raise ValueError("not a report of Telegram's")
        if delivery is None:
            return []
        status = delivery.get("status") if isinstance(delivery, dict) else None
        if not isinstance(status, str) or status not in STATES:
            raise ValueError("a state that Telegram's papers do not know")
        return [Report(id_, STATES[status], status if STATES[status] == "failed" else "")]

    def _ability(self, phone: str, seconds: float) -> str:
        """The id of a request that can be sent. Whatever goes wrong here, nothing has been sent."""
        try:
            return str(self._ask("checkSendAbility", {"phone_number": phone}, seconds)["request_id"])
        except (Late, Nonsense) as error:
            raise Unavailable(f"checkSendAbility: {type(error).__name__}") from None

    def _body(self, message: Outgoing, request_id: str) -> dict[str, Any]:
        body: dict[str, Any] = {
            "phone_number": message.phone,
            "request_id": request_id,
            "code": message.code,
            "ttl": min(max(message.lives, LIVES[0]), LIVES[1]),
        }
        if self._sender:
            body["sender_username"] = self._sender
        report_to = reports.url(self.name)
        if report_to and len(report_to.encode()) <= LONGEST_CALLBACK:
            body["callback_url"] = report_to
        return body

    def _ask(self, method: str, body: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The RequestStatus that a method answers."""
        answer = self._line.call(
            "POST", f"{self.url}/{method}", headers=self._headers, body=json.dumps(body).encode(), seconds=seconds
        )
        answer.check()
        found = answer.json()
        result = found.get("result")
        if found.get("ok") is True and isinstance(result, dict) and isinstance(result.get("request_id"), str):
            return result
        if found.get("ok") is not False:
            raise Nonsense("no request_id")
        raise _failure(found.get("error"))


def _failure(error: object) -> NotSent:
    name = error if isinstance(error, str) and ERROR.fullmatch(error) else "no error name"
    if name.startswith("PHONE_NUMBER_"):  # not on Telegram, which says nothing about text messages
        return NotHere(name)
    if name.startswith("ACCESS_TOKEN_"):
        return WrongKey(name)
    if name.startswith("FLOOD_WAIT"):
        return TooMany(name)
    return NoMoney(name) if name == "BALANCE_NOT_ENOUGH" else Refused(name)
