"""SMS Aero: SMS in Russia and abroad, paid in roubles.

Its papers: https://smsaero.ru/description/api/ (sms/send, Basic authentication with email and key, `callbackUrl`, the
states), and its own clients, such as https://github.com/smsaero/smsaero_python (the answers and what they refuse by).
It has no codes for refusals, only words, which are compared and never passed on.
"""

import json
from base64 import b64encode
from typing import Any, NoReturn

from django.conf import settings

from guestlist.delivery.gateways import (
    Call,
    NoMoney,
    Nonsense,
    NotHere,
    Outgoing,
    Receipt,
    Refused,
    Report,
    WrongKey,
    needs,
    reports,
)
from guestlist.delivery.gateways.prices import price
from guestlist.delivery.gateways.wire import Line

FIELDS = ("number", "sign", "text", "callbackUrl")  # what "Validation error." may complain about
REJECTED = "6"
STATES = {
    **dict.fromkeys(("0", "3", "4", "8"), "sent"),  # in the queue, handed over, waited for, at the moderator's
    "1": "delivered",
    **dict.fromkeys(("2", REJECTED), "failed"),
}


class SmsAero:
    """Sends through SMS Aero, under the sender's name SMSAERO_FROM."""

    name = "smsaero"
    channels = ("sms",)
    url = "https://gate.smsaero.ru"
    answer = "OK"  # only its status counts

    def __init__(self) -> None:
        needs.check(self.name, "SMSAERO_EMAIL", "SMSAERO_API_KEY", "SMSAERO_FROM")
        self._line = Line(self.url)
        pair = b64encode(f"{settings.SMSAERO_EMAIL}:{settings.SMSAERO_API_KEY}".encode()).decode()
        self._headers = {"authorization": f"Basic {pair}", "content-type": "application/json"}

    def send(self, message: Outgoing, seconds: float) -> Receipt:
        """Send it, with the address for its reports where there is one."""
        body = {"number": message.phone.lstrip("+"), "text": message.text, "sign": settings.SMSAERO_FROM}
        if address := reports.url(self.name):
            body["callbackUrl"] = address
        answer = self._line.call(
            "POST",
            f"{self.url}/v2/sms/send",
            headers=self._headers,
            body=json.dumps(body).encode(),
            seconds=seconds,
        )
        if answer.status == 402:
            raise NoMoney("HTTP 402")
        answer.check()
        found = answer.json()
        if found.get("success") is not True:
            _refuse(found)
        return _receipt(found.get("data"))

    def reports(self, call: Call) -> list[Report]:
        """What a call says of one message, as a form or as JSON."""
        said = {**call.query, **call.form, **(call.json if isinstance(call.json, dict) else {})}
        number, code = str(said.get("id", "")), str(said.get("status", ""))
        if not number.isdecimal() or code not in STATES:
            raise ValueError("no state that SMS Aero has")
        state = STATES[code]
        return [Report(number, state, code if state == "failed" else "")]


def _receipt(sent: Any) -> Receipt:
    if not isinstance(sent, dict) or not sent.get("id"):
        raise Nonsense("no id")
    if str(sent.get("status")) == REJECTED:
        raise Refused(f"status {REJECTED}")
    cost = price(sent.get("cost"))
    return Receipt(str(sent["id"]), cost, "" if cost is None else "RUB")


def _refuse(found: dict[str, Any]) -> NoReturn:
    """Raise what its words mean; of them, only the name of a field goes on."""
    result, words = str(found.get("result", "")).lower(), str(found.get("message", "")).lower()
    if result == "no credits" or "not enough money" in words or "no credits" in words:
        raise NoMoney("no credits")
    if "invalid credentials" in words:
        raise WrongKey("invalid credentials")
    if result == "reject":
        raise Refused("reject")
    if found.get("success") is not False:
        raise Nonsense("no success")
    data = found.get("data")
    field = next((name for name in FIELDS if isinstance(data, dict) and name in data), "")
    # A number that does not fit its own rules: another gateway may know it.
    raise NotHere(field) if field == "number" else Refused(field)
