"""smsc.ru (SMS Centre): SMS, and calls in which a voice reads the code.

Its papers: https://smsc.ru/api/http/ (send.php, its answer and error codes; `call=1`),
https://smsc.ru/api/http/status_messages/ (the states) and https://smsc.ru/api/http/miscellaneous/callback/ (the
reports, whose address is set in the account).
"""

from collections.abc import Callable
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
    WrongKey,
    needs,
)
from guestlist.delivery.gateways.codes import code
from guestlist.delivery.gateways.prices import price
from guestlist.delivery.gateways.wire import Line

DAY = 24 * 60  # minutes; it tries no longer

REFUSALS: dict[str, Callable[[str], NotSent]] = {
    "2": WrongKey,
    "3": NoMoney,
    **dict.fromkeys(("4", "9"), TooMany),  # our address is shut out for a while; the same message too often
    **dict.fromkeys(("7", "8"), NotHere),  # a spelling that it does not know, no way to it: there may be such a number
}
STATES = {
    **dict.fromkeys(("-2", "-1", "0"), "sent"),
    **dict.fromkeys(("1", "2", "4"), "delivered"),
    **dict.fromkeys(("-3", "3", "20", "22", "23", "24", "25"), "failed"),
}


class Smsc:
    """Sends and calls through smsc.ru. SMSC_FROM is a sender's name of the account; without it, its default one."""

    name = "smsc"
    channels = ("sms", "voice")
    url = "https://smsc.ru"
    answer = "OK"

    def __init__(self) -> None:
        needs.check(self.name, "SMSC_API_KEY")
        self._line = Line(self.url)

    def send(self, message: Outgoing, seconds: float) -> Receipt:
        """Send it, or call and read the code aloud, digit by digit."""
        answer = self._line.call(
            "POST",
            f"{self.url}/sys/send.php",
            headers={"content-type": "application/x-www-form-urlencoded"},
            body=urlencode(_form(message)).encode(),
            seconds=seconds,
        )
        answer.check()
        found = answer.json()
        if "error_code" in found:
            number = code(found["error_code"])
            raise REFUSALS.get(number, Refused)(number)
        if not found.get("id"):
            raise Nonsense("no id")
        cost = price(found.get("cost"))
        return Receipt(str(found["id"]), cost, "" if cost is None else "RUB")

    def reports(self, call: Call) -> list[Report]:
        """What a call says of one message; nothing when it hands on a message that came in, which has no state."""
        said = {**call.query, **call.form}
        if "mes" in said and "status" not in said:
            return []
        if not said.get("id") or said.get("status") not in STATES:
            raise ValueError("no state that smsc.ru has")
        state, error = STATES[said["status"]], code(said.get("err"))
        reason = f"{said['status']}, err {error}" if error else said["status"]
        return [Report(said["id"], state, reason if state == "failed" else "")]


def _form(message: Outgoing) -> dict[str, str]:
    form = {
        "apikey": settings.SMSC_API_KEY,
        "phones": message.phone,  # with its plus it is taken as it is
        "charset": "utf-8",
        "fmt": "3",
        "cost": "3",  # the answer has the price
    }
    if message.channel == "voice":
        return {**form, "call": "1", "mes": _spoken(message)}
    form |= {"mes": message.text, "valid": _clock(message.lives)}
    return {**form, "sender": settings.SMSC_FROM} if settings.SMSC_FROM else form


def _spoken(message: Outgoing) -> str:
    """The words without the lines for machines, twice, with pauses between the digits of the code."""
    lines = message.text.splitlines()
    words = "\n".join(line for line in lines if line and line[0] != "@" and line != settings.ANDROID_APP_HASH)
    if not message.code:
        return words
    digits = ", ".join(message.code)
    said = words.replace(message.code, digits) if message.code in words else f"{words}\n{digits}".lstrip()
    return f"{said}\n{said}"


def _clock(seconds: int) -> str:
    """As hh:mm, from 00:01 to 24:00."""
    minutes = min(max(seconds // 60, 1), DAY)
    return f"{minutes // 60:02}:{minutes % 60:02}"
