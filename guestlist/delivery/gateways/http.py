"""Any provider that takes a message by one HTTP request: address, headers and body are templates in the settings."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from guestlist.delivery.gateways import NoMoney, Outgoing, Receipt, Refused
from guestlist.delivery.gateways.wire import Line

MARKS = Outgoing("+79000000000", "A text, 1234")
HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2
VALUE = re.compile(r"[\x20-\x7e\x80-\xff]*")


class Http:
    """Sends number and text where the templates have `{phone}` and `{text}`. A status of 2xx is sent."""

    name = "http"
    channels = ("sms",)

    def __init__(self) -> None:
        self._headers = _headers(settings.SMS_HTTP_HEADERS)
        check(settings.SMS_HTTP_METHOD, settings.SMS_HTTP_URL, settings.SMS_HTTP_BODY)
        self._line = Line(settings.SMS_HTTP_URL)

    def send(self, message: Outgoing, seconds: float) -> Receipt:
        """Send it. The status says what became of it; what else the provider answers is not read."""
        body, content_type = _body(settings.SMS_HTTP_BODY, message)
        answer = self._line.call(
            settings.SMS_HTTP_METHOD,
            _filled(settings.SMS_HTTP_URL, message, lambda value: quote(value, safe="")),
            headers={**({"content-type": content_type} if content_type else {}), **self._headers},
            body=body,
            seconds=seconds,
        )
        if 200 <= answer.status < 300:
            return Receipt()
        answer.check()
        raise NoMoney("HTTP 402") if answer.status == 402 else Refused(f"HTTP {answer.status}")


def check(method: str, url: str, body: str) -> None:
    """Refuse templates that cannot carry a message; ImproperlyConfigured names the setting, and no value."""
    address = "SMS_HTTP_URL must be the provider's address, like https://sms.example.org/send, without a name in it."
    try:
        where = urlsplit(url)
        if where.scheme not in ("http", "https") or not where.hostname or where.username or where.port == 0:
            raise ImproperlyConfigured(address)
    except ValueError:  # a port that is none, half an IPv6 address
        raise ImproperlyConfigured(address) from None
    if re.search(r"[\s\x00-\x1f]", where.netloc):
        raise ImproperlyConfigured(address)
    if body and method == "GET":
        raise ImproperlyConfigured("SMS_HTTP_BODY and SMS_HTTP_METHOD=GET contradict each other.")
    try:
        sent, content_type = _body(body, MARKS)
    except ValueError:
        raise ImproperlyConfigured("SMS_HTTP_BODY must be JSON, or a form like to={phone}&text={text}.") from None
    carried = [*_texts(sent, content_type), _filled(url, MARKS, str)]
    for hole, mark in (("{phone}", MARKS.phone), ("{text}", MARKS.text)):
        if not any(mark in text for text in carried):
            raise ImproperlyConfigured(f"SMS_HTTP_URL and SMS_HTTP_BODY carry no {hole}.")


def _texts(sent: bytes | None, content_type: str) -> list[str]:
    """All values of a body, as the provider will read them."""
    if sent is None:
        return []
    if content_type == "application/json":
        return list(_leaves(json.loads(sent)))
    return [value for _, value in parse_qsl(sent.decode())]


def _leaves(found: Any) -> Iterator[str]:
    if isinstance(found, dict | list):
        for item in found.values() if isinstance(found, dict) else found:
            yield from _leaves(item)
    elif isinstance(found, str):
        yield found


def _headers(text: str) -> dict[str, str]:
    """The headers, by names in small letters."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(_is_header(name, value) for name, value in found.items()):
        raise ImproperlyConfigured('SMS_HTTP_HEADERS must be a JSON object, like {"Authorization": "Bearer …"}.')
    return {name.lower(): value for name, value in found.items()}


def _is_header(name: str, value: object) -> bool:
    return bool(HEADER.fullmatch(name)) and isinstance(value, str) and bool(VALUE.fullmatch(value))


def _body(template: str, message: Outgoing) -> tuple[bytes | None, str]:
    """The body and its media type: JSON whose texts are filled, or a form like `to={phone}&text={text}`."""
    if not template:
        return None, ""
    begins = template.lstrip()
    if begins.startswith("<"):
        raise ValueError("neither JSON nor a form")
    if begins.startswith(("{", "[")) and not begins.startswith(("{phone}", "{text}")):
        filled = _filled_in(json.loads(template), message)
        return json.dumps(filled).encode(), "application/json"
    pairs = [(name, _filled(text, message, str)) for name, text in parse_qsl(template, keep_blank_values=True)]
    return urlencode(pairs).encode(), "application/x-www-form-urlencoded"


def _filled_in(found: Any, message: Outgoing) -> Any:
    if isinstance(found, dict):
        return {name: _filled_in(item, message) for name, item in found.items()}
    if isinstance(found, list):
        return [_filled_in(item, message) for item in found]
    return _filled(found, message, str) if isinstance(found, str) else found


def _filled(template: str, message: Outgoing, spelled: Callable[[str], str]) -> str:
    # Split first: what fills one hole may look like another.
    parts = [part.replace("{phone}", spelled(message.phone)) for part in template.split("{text}")]
    return spelled(message.text).join(parts)
