"""Amazon SNS: text messages by Publish, signed with Signature Version 4. It reports no deliveries to us.

Publish: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html. Errors: the same page, and
https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html. Attributes of a text message:
https://docs.aws.amazon.com/sns/latest/dg/sms_publish-to-phone.html. The signature:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from guestlist.delivery.gateways import (
    Nonsense,
    NotHere,
    NotSent,
    Outgoing,
    Receipt,
    Refused,
    TooMany,
    WrongKey,
    needs,
)
from guestlist.delivery.gateways.codes import code as code_of
from guestlist.delivery.gateways.wire import Answer, Line
from guestlist.lib import clock

VERSION = "2010-03-31"
REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]+")
SENDER = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9](?:[A-Za-z0-9-]{0,9}[A-Za-z0-9])?")
ID, CODE = (
    re.compile(rb"<MessageId>([0-9a-fA-F-]{8,64})</MessageId>"),
    re.compile(rb"<Code>([A-Za-z0-9.]{1,60})</Code>"),
)
FAILURES: dict[str, type[NotHere | WrongKey | TooMany]] = {
    "OptedOut": NotHere,
    **dict.fromkeys(("AuthorizationError", "AccessDenied", "InvalidClientTokenId", "InvalidSecurity"), WrongKey),
    **dict.fromkeys(("UnrecognizedClient", "SignatureDoesNotMatch", "IncompleteSignature"), WrongKey),
    **dict.fromkeys(("MissingAuthenticationToken", "ExpiredToken", "RequestExpired"), WrongKey),
    **dict.fromkeys(("OptInRequired", "NotAuthorized"), WrongKey),
    **dict.fromkeys(("Throttled", "Throttling"), TooMany),
}


class Keys(NamedTuple):
    """Who signs."""

    id: str
    secret: str
    session: str = ""  # of temporary ones


class Sns:
    """Sends transactional messages, under SNS_SENDER_ID where that is set and the country allows it."""

    name = "sns"
    url = "https://sns.{region}.amazonaws.com"
    channels = ("sms",)

    def __init__(self) -> None:
        needs.check(self.name, "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        needs.check_ascii("AWS_SESSION_TOKEN")
        if not REGION.fullmatch(settings.AWS_REGION):
            raise ImproperlyConfigured("AWS_REGION must be like eu-central-1.")
        if settings.SNS_SENDER_ID and not SENDER.fullmatch(settings.SNS_SENDER_ID):
            raise ImproperlyConfigured(
                "SNS_SENDER_ID must be 1 to 11 Latin letters, digits and inner hyphens, with a letter among them."
            )
        self._keys = Keys(settings.AWS_ACCESS_KEY_ID, settings.AWS_SECRET_ACCESS_KEY, settings.AWS_SESSION_TOKEN)
        self._url = self.url.format(region=settings.AWS_REGION)
        self._line = Line(self._url)

    def send(self, message: Outgoing, seconds: float) -> Receipt:
        """Publish it. SNS takes also what it will drop: past the month's budget, or to a country that it lacks."""
        body = urlencode({"Action": "Publish", "Version": VERSION, **_form(message)}).encode()
        headers = {
            "content-type": "application/x-www-form-urlencoded; charset=utf-8",
            "host": urlsplit(self._url).netloc,
        }
        signed_headers = signed(headers, body, self._keys, settings.AWS_REGION, "sns", clock.now())
        answer = self._line.call("POST", f"{self._url}/", headers=signed_headers, body=body, seconds=seconds)
        if not 200 <= answer.status < 300:
            raise _failure(answer)
        found = ID.search(answer.body)
        if found is None:
            raise Nonsense("no MessageId")
        return Receipt(found[1].decode())


def signed(
    headers: Mapping[str, str], body: bytes, keys: Keys, region: str, service: str, now: datetime
) -> dict[str, str]:
    """The headers, by small names, of a POST to `/`, with its date and signature added."""
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    all_ = {**headers, "x-amz-date": stamp, **({"x-amz-security-token": keys.session} if keys.session else {})}
    names, lines = ";".join(sorted(all_)), "".join(f"{name}:{all_[name].strip()}\n" for name in sorted(all_))
    request = "\n".join(["POST", "/", "", lines, names, hashlib.sha256(body).hexdigest()])
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{keys.secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"AWS4-HMAC-SHA256 Credential={keys.id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**all_, "authorization": credential}


def _form(message: Outgoing) -> dict[str, str]:
    attributes = {"AWS.SNS.SMS.SMSType": "Transactional"}
    if settings.SNS_SENDER_ID:
        attributes["AWS.SNS.SMS.SenderID"] = settings.SNS_SENDER_ID
    form = {"PhoneNumber": message.phone, "Message": message.text}
    for number, (name, value) in enumerate(attributes.items(), 1):
        entry = f"MessageAttributes.entry.{number}"
        form |= {f"{entry}.Name": name, f"{entry}.Value.DataType": "String", f"{entry}.Value.StringValue": value}
    return form


def _failure(answer: Answer) -> NotSent:
    found = CODE.search(answer.body)
    code = code_of(found[1].decode()) if found else ""
    known = FAILURES.get(code.removesuffix("Exception"))
    if known is not None:
        return known(code)
    answer.check()
    # Its sentence says which parameter; it ends with the number, so that it is looked into and not kept.
    if code in ("InvalidParameter", "InvalidParameterValue") and b"PhoneNumber" in answer.body:
        return NotHere(code)
    detail = code or f"HTTP {answer.status}"
    return Refused(detail) if answer.status >= 400 else Nonsense(detail)
