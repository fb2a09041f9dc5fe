"""Vonage (once Nexmo): text messages by its SMS API, with key and secret.

Requests and reports: https://developer.vonage.com/en/api/sms. Errors: https://developer.vonage.com/en/api-errors/sms.
States: https://developer.vonage.com/en/messaging/sms/guides/delivery-receipts.
"""

import re
from typing import Any
from urllib.parse import urlencode

import urllib3
from django.conf import settings

from guestlist.delivery import segments
from guestlist.delivery.gateways import (
    Call,
    NoMoney,
    Nonsense,
    NoSuchNumber,
    NotHere,
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
from guestlist.delivery.gateways.codes import code
from guestlist.delivery.gateways.prices import price
from guestlist.delivery.gateways.wire import Line

ID = re.compile(r"[0-9A-Za-z-]{1,64}")
LONGEST_CALLBACK = 100  # characters; a longer one is refused with 23, and the dashboard's is used instead
FAILURES: dict[str, type[NoSuchNumber | NotHere | WrongKey | NoMoney | TooMany | Unavailable]] = {
    "33": NoSuchNumber,  # de-activated
    **dict.fromkeys(("6", "7", "29"), NotHere),  # no such prefix here, barred here, not on a demo account's list
    **dict.fromkeys(("4", "8", "11", "14", "32"), WrongKey),
    "9": NoMoney,
    **dict.fromkeys(("1", "10"), TooMany),
    "5": Unavailable,
}
STATES = {
    "delivered": "delivered",
    **dict.fromkeys(("accepted", "buffered"), "sent"),
    **dict.fromkeys(("expired", "failed", "rejected"), "failed"),
    "unknown": "",
}


class Vonage:
    """Sends from VONAGE_FROM, a name or a number."""

    name = "vonage"
    url = "https://rest.nexmo.com"
    channels = ("sms",)
    answer = ""

    def __init__(self) -> None:
        needs.check(self.name, "VONAGE_API_KEY", "VONAGE_API_SECRET", "VONAGE_FROM")
        pair = f"{settings.VONAGE_API_KEY}:{settings.VONAGE_API_SECRET}"
        self._headers = {
            **urllib3.make_headers(basic_auth=pair),
            "content-type": "application/x-www-form-urlencoded",
        }
        self._line = Line(self.url)

    def send(self, message: Outgoing, seconds: float) -> Receipt:
        """Send it. The id is that of its first part; the price, in euros, is that of all."""
        form = {"from": settings.VONAGE_FROM, "to": message.phone.removeprefix("+"), "text": message.text}
        if segments.size(message.text).encoding == segments.UCS:
            form["type"] = "unicode"
        report_to = reports.url(self.name)
        if report_to and len(report_to) <= LONGEST_CALLBACK:
            form["callback"] = report_to
        answer = self._line.call(
            "POST",
            f"{self.url}/sms/json",
            headers=self._headers,
            body=urlencode(form).encode(),
            seconds=seconds,
        )
        answer.check()
        if answer.status >= 400:
            raise Refused(f"HTTP {answer.status}")
        return _receipt(answer.json().get("messages"))

    def reports(self, call: Call) -> list[Report]:
        """What a delivery receipt says: in a query, a form or JSON, as the account is set."""
        found: dict[str, Any] = {**call.query, **call.form, **(call.json if isinstance(call.json, dict) else {})}
        id_, status = found.get("messageId"), found.get("status")
        if not isinstance(id_, str) or not ID.fullmatch(id_) or not isinstance(status, str):
            raise ValueError("not a delivery receipt of Vonage's")
        if status not in STATES:
            raise ValueError("a state that Vonage's papers do not know")
        state = STATES[status]
        reason = (code(found.get("err-code")) or status) if state == "failed" else ""
        return [Report(id_, state, reason)] if state else []


def _receipt(parts: object) -> Receipt:
    """What was answered for each part of the message; one that failed fails them all."""
    if not isinstance(parts, list) or not parts or not all(isinstance(part, dict) for part in parts):
        raise Nonsense("no messages")
    for part in parts:
        status = code(part.get("status"))
        if not status:
            raise Nonsense("no status")
        if status != "0":
            raise FAILURES.get(status, Refused)(status)
    id_, prices = parts[0].get("message-id"), [price(part.get("message-price")) for part in parts]
    if not isinstance(id_, str) or not ID.fullmatch(id_):
        raise Nonsense("no message-id")
    known = [cost for cost in prices if cost is not None]
    return Receipt(id_, sum(known[1:], known[0]), "EUR") if known else Receipt(id_)
