"""sms.ru: SMS in Russia and abroad, paid in roubles.

Its papers: https://sms.ru/api/send (the request, the answer, the codes of refusals), https://sms.ru/api/status (the
states) and https://sms.ru/api/callback (the reports, whose address is added in the account's settings).
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from guestlist.delivery.gateways import (
    Call,
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
)
from guestlist.delivery.gateways.codes import code
from guestlist.delivery.gateways.prices import price
from guestlist.delivery.gateways.wire import Line

TAKEN = "100"
REFUSALS: dict[str, Callable[[str], NotSent]] = {
    # None of these says that there is no such number: 202 is a spelling that sms.ru does not know, 150 and 207 no way,
    # 209 and 215 stop lists, 214 and 550 countries switched off.
    **dict.fromkeys(("150", "202", "207", "209", "214", "215", "550"), NotHere),
    # Limits of one number or of one country: the others still get their messages, so that it need not rest.
    **dict.fromkeys(("230", "231", "232", "233", "503", "504"), NotHere),
    **dict.fromkeys(("200", "300", "301", "302"), WrongKey),
    "201": NoMoney,
    **dict.fromkeys(("206", "304", "305", "501", "502", "505", "506", "508"), TooMany),
    **dict.fromkeys(("220", "500"), Unavailable),
}

STATES = {
    **dict.fromkeys(("100", "101", "102"), "sent"),
    **dict.fromkeys(("103", "110"), "delivered"),
    **dict.fromkeys(("-1", "104", "105", "106", "107", "108", "150"), "failed"),
}


class SmsRu:
    """Sends through sms.ru. SMSRU_FROM is a sender's name that it has agreed to; without it, the account's own."""

    name = "smsru"
    channels = ("sms",)
    url = "https://sms.ru"
    answer = "100"  # anything else, and it reports the same again for days

    def __init__(self) -> None:
        needs.check(self.name, "SMSRU_API_ID")
        self._line = Line(self.url)

    def send(self, message: Outgoing, seconds: float) -> Receipt:
        """Send it. Both the request and the number in it have a code of their own."""
        # No `ttl`: with it, what does not arrive in time is paid all the same.
        form = {"api_id": settings.SMSRU_API_ID, "to": message.phone.lstrip("+"), "msg": message.text, "json": "1"}
        if settings.SMSRU_FROM:
            form["from"] = settings.SMSRU_FROM
        answer = self._line.call(
            "POST",
            f"{self.url}/sms/send",
            headers={"content-type": "application/x-www-form-urlencoded"},
            body=urlencode(form).encode(),
            seconds=seconds,
        )
        answer.check()
        found = answer.json()
        _check(found)
        sent = _only(found.get("sms"))
        _check(sent)
        cost = price(sent.get("cost"))
        return Receipt(str(sent.get("sms_id") or ""), cost, "" if cost is None else "RUB")

    def reports(self, call: Call) -> list[Report]:
        """What `data[0]`, `data[1]` … say: lines with a kind, an id, a state and a time. Other kinds are left out."""
        entries = [lines.splitlines() for name, lines in call.form.items() if name.startswith("data[")]
        if not entries or not all(entries):
            raise ValueError("no data")
        return [_report(entry) for entry in entries if entry[0] == "sms_status"]


def _only(found: Any) -> dict[str, Any]:
    """What is said of the one number that was asked for."""
    entries = list(found.values()) if isinstance(found, dict) else []
    if len(entries) != 1 or not isinstance(entries[0], dict):
        raise Nonsense("no entry for the number")
    return entries[0]


def _check(said: dict[str, Any]) -> None:
    status = code(said.get("status_code"))
    if not status:
        raise Nonsense("no status_code")
    if status != TAKEN:
        raise REFUSALS.get(status, Refused)(status)


def _report(entry: list[str]) -> Report:
    if len(entry) < 3 or entry[2] not in STATES:
        raise ValueError("no state that sms.ru has")
    state = STATES[entry[2]]
    return Report(entry[1], state, entry[2] if state == "failed" else "")
