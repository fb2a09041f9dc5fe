"""Twilio: text messages, and calls that read the code out.

Messages: https://www.twilio.com/docs/messaging/api/message-resource. Calls:
https://www.twilio.com/docs/voice/api/call-resource, read out by https://www.twilio.com/docs/voice/twiml/say.
Error codes: https://www.twilio.com/docs/api/errors. Reports:
https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks.
"""

import re
from collections.abc import Sequence
from urllib.parse import urlencode

import urllib3
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from guestlist.delivery.gateways import (
    Call,
    NoMoney,
    Nonsense,
    NoSuchNumber,
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
from guestlist.delivery.gateways.codes import code
from guestlist.delivery.gateways.prices import price
from guestlist.delivery.gateways.wire import Answer, Line

ACCOUNT, SERVICE = re.compile(r"AC[0-9a-fA-F]{32}"), re.compile(r"MG[0-9a-fA-F]{32}")
NUMBER, SID = re.compile(r"\+[1-9][0-9]{6,14}"), re.compile(r"[A-Z]{2}[0-9a-fA-F]{32}")
LONGEST_NAME = 11  # letters of an alphanumeric sender
LONGEST_IN_QUEUE = 14_400  # seconds; error 90007 allows 36 000 today, the older 21624 this much
SPOKEN = {"en": ("en-US", "Your code is"), "ru": ("ru-RU", "Ваш код")}

FAILURES: dict[str, type[NoSuchNumber | NotHere | WrongKey | NoMoney | TooMany | Unavailable]] = {
    **dict.fromkeys(("21211", "21217"), NoSuchNumber),
    # No route, a region that is not enabled, blocked or unsubscribed, unverified while on trial, no mobile number.
    **dict.fromkeys(("13224", "13225", "13226", "13227", "21214", "21215", "21216", "21219"), NotHere),
    **dict.fromkeys(("21408", "21608", "21610", "21612", "21614", "21635"), NotHere),
    "20003": WrongKey,
    **dict.fromkeys(("10001", "20005"), NoMoney),  # "not active", most often for want of funds
    **dict.fromkeys(("10004", "14107", "20429", "21611"), TooMany),
    "21730": Unavailable,
}
STATES = {
    **dict.fromkeys(("accepted", "scheduled", "queued", "sending", "initiated", "ringing", "in-progress"), ""),
    **dict.fromkeys(("sent", "partially_delivered"), "sent"),
    **dict.fromkeys(("delivered", "read", "completed"), "delivered"),
    **dict.fromkeys(("failed", "undelivered", "canceled", "busy", "no-answer"), "failed"),
}


class Twilio:
    """Sends from a number, a name or, when TWILIO_FROM is its SID, a Messaging Service. Only a number can call."""

    name = "twilio"
    url = "https://api.twilio.com"
    channels: Sequence[str] = ("sms", "voice")
    answer = ""

    def __init__(self) -> None:
        needs.check(self.name, "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM")
        if not ACCOUNT.fullmatch(settings.TWILIO_ACCOUNT_SID):
            raise ImproperlyConfigured("TWILIO_ACCOUNT_SID must be AC and 32 hexadecimal digits.")
        if not NUMBER.fullmatch(settings.TWILIO_FROM):
            self.channels = ("sms",)
            if len(settings.TWILIO_FROM) > LONGEST_NAME and not SERVICE.fullmatch(settings.TWILIO_FROM):
                raise ImproperlyConfigured(
                    "TWILIO_FROM must be a number like +15005550006, a short code, a name of at most 11 letters, or"
                    " the SID of a Messaging Service: MG and 32 hexadecimal digits."
                )
        pair = f"{settings.TWILIO_ACCOUNT_SID}:{settings.TWILIO_AUTH_TOKEN}"
        self._headers = {
            **urllib3.make_headers(basic_auth=pair),
            "content-type": "application/x-www-form-urlencoded",
        }
        self._line = Line(self.url)

    def send(self, message: Outgoing, seconds: float) -> Receipt:
        """Text it, or call and read its code out. A price is told only where Twilio knows it at once."""
        kind, form = ("Calls", _spoken(message)) if message.channel == "voice" else ("Messages", _written(message))
        if report_to := reports.url(self.name):
            form["StatusCallback"] = report_to
        answer = self._line.call(
            "POST",
            f"{self.url}/2010-04-01/Accounts/{settings.TWILIO_ACCOUNT_SID}/{kind}.json",
            headers=self._headers,
            body=urlencode({"To": message.phone, **form}).encode(),
            seconds=seconds,
        )
        if not 200 <= answer.status < 300:
            raise _failure(answer)
        found = answer.json()
        sid, cost = found.get("sid"), price(str(found.get("price")).removeprefix("-"))  # what it takes has a minus
        if not isinstance(sid, str) or not SID.fullmatch(sid):
            raise Nonsense("no sid")
        return Receipt(sid, cost, "" if cost is None else code(found.get("price_unit")))

    def reports(self, call: Call) -> list[Report]:
        """What a status callback says, of a message or of a call."""
        sid = call.form.get("MessageSid") or call.form.get("CallSid") or ""
        status = call.form.get("MessageStatus") or call.form.get("CallStatus") or ""
        if not SID.fullmatch(sid) or status not in STATES:
            raise ValueError("not a status callback of Twilio's")
        state = STATES[status]
        reason = (code(call.form.get("ErrorCode", "")) or status) if state == "failed" else ""
        return [Report(sid, state, reason)] if state else []


def _written(message: Outgoing) -> dict[str, str]:
    sender = "MessagingServiceSid" if SERVICE.fullmatch(settings.TWILIO_FROM) else "From"
    lives = str(min(max(message.lives, 1), LONGEST_IN_QUEUE))
    return {sender: settings.TWILIO_FROM, "Body": message.text, "ValidityPeriod": lives}


def _spoken(message: Outgoing) -> dict[str, str]:
    """A call that says the digits one by one, twice."""
    if not message.code:
        raise NotHere("no code to read")
    language, words = SPOKEN.get(message.language.partition("-")[0].lower(), SPOKEN["en"])
    sentence = f'<Say language="{language}">{words}: {", ".join(message.code)}.</Say>'
    return {"From": settings.TWILIO_FROM, "Twiml": f'<Response>{sentence}<Pause length="1"/>{sentence}</Response>'}


def _failure(answer: Answer) -> NotSent:
    """What an error says. Its code counts more than its status: a region that is not enabled may be 401."""
    try:
        found = code(answer.json().get("code"))
    except Nonsense:
        found = ""
    if found in FAILURES:
        return FAILURES[found](found)
    answer.check()
    detail = found or f"HTTP {answer.status}"
    return Refused(detail) if answer.status >= 400 else Nonsense(detail)
