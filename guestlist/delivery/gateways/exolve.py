"""MTS Exolve: SMS in Russia.

Its papers: https://docs.exolve.ru/docs/ru/api-reference/sms-api/sending-sms/ (SendSMS: bearer key, the fields, the
`message_id` of the answer) and https://docs.exolve.ru/docs/ru/api-reference/sms-api/ (SMS Events: the reports, whose
address is set beside the number in the account; the states are those of GetList). The papers name no codes of
refusals: the HTTP status says what there is to know.
"""

import json

from django.conf import settings

from guestlist.delivery.gateways import Call, NoMoney, Nonsense, NotHere, Outgoing, Receipt, Refused, Report, needs
from guestlist.delivery.gateways.wire import Answer, Line

NOT_PERMITTED = b"destination is not permitted"  # the only words of a refusal that are known to speak of one number
STATES = {
    **dict.fromkeys(("QUEUED", "TRANSMITTED"), "sent"),
    "DELIVERED": "delivered",
    **dict.fromkeys(("FAILED", "RETRIES_EXCEEDED", "PROHIBITED", "UNDERFUNDED"), "failed"),
}
FINAL_FIRST = ("failed", "delivered", "sent")


class Exolve:
    """Sends through MTS Exolve, from the number or the agreed name in EXOLVE_FROM."""

    name = "exolve"
    channels = ("sms",)
    url = "https://api.exolve.ru"
    answer = "OK"

    def __init__(self) -> None:
        needs.check(self.name, "EXOLVE_API_KEY", "EXOLVE_FROM")
        self._line = Line(self.url)

    def send(self, message: Outgoing, seconds: float) -> Receipt:
        """Send it. Numbers go without their plus."""
        body = {
            "number": settings.EXOLVE_FROM.lstrip("+"),
            "destination": message.phone.lstrip("+"),
            "text": message.text,
        }
        answer = self._line.call(
            "POST",
            f"{self.url}/messaging/v1/SendSMS",
            headers={"authorization": f"Bearer {settings.EXOLVE_API_KEY}", "content-type": "application/json"},
            body=json.dumps(body).encode(),
            seconds=seconds,
        )
        _check(answer)
        number = answer.json().get("message_id")
        if not isinstance(number, str | int) or not number:
            raise Nonsense("no message_id")
        return Receipt(str(number))

    def reports(self, call: Call) -> list[Report]:
        """What a call says of one message that went out; nothing when it hands on one that came in."""
        said = call.json if isinstance(call.json, dict) else {}
        if said.get("direction") == "DIRECTION_INCOMING":
            return []
        told = [str(said.get("delivery_status", "")).removeprefix("DELIVERY_"), str(said.get("status", ""))]
        states = {STATES[name]: name for part in told if (name := part.removeprefix("STATUS_")) in STATES}
        if not said.get("message_id") or not states:
            raise ValueError("no state that MTS Exolve has")
        state = next(state for state in FINAL_FIRST if state in states)
        return [Report(str(said["message_id"]), state, states[state] if state == "failed" else "")]


def _check(answer: Answer) -> None:
    if answer.status == 402:
        raise NoMoney("HTTP 402")
    answer.check()
    if answer.status >= 300:
        kind = NotHere if NOT_PERMITTED in answer.body.lower() else Refused
        raise kind(f"HTTP {answer.status}")
