"""Any provider that takes a message by one HTTP request: address, headers and body are templates in the settings."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from guestlist.delivery.gateways import NotSent, Outgoing

TIMEOUT = urllib3.Timeout(connect=2.0, total=10.0)  # seconds
ANSWER = 2048  # bytes of an answer that are read, so that its connection can be used again
HOLES = ("{phone}", "{text}")


class Http:
    """Sends number and text where the templates have `{phone}` and `{text}`. A status of 2xx is sent."""

    name = "http"

    def __init__(self) -> None:
        self._headers = _headers(settings.SMS_HTTP_HEADERS)
        check(settings.SMS_HTTP_METHOD, settings.SMS_HTTP_URL, settings.SMS_HTTP_BODY)
        self._pool = _pool(settings.SMS_HTTP_URL)

    def send(self, message: Outgoing) -> None:
        """Send it; within 10 s, or not at all. What the provider answers may hold the text, so it is not repeated."""
        body, content_type = _body(settings.SMS_HTTP_BODY, message)
        try:
            answer = self._pool.request(
                settings.SMS_HTTP_METHOD,
                _filled(settings.SMS_HTTP_URL, message, lambda value: quote(value, safe="")),
                body=body,
                headers={**content_type, **self._headers},
                timeout=TIMEOUT,
                retries=False,
                preload_content=False,
            )
            answer.read(ANSWER)
            answer.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise NotSent(f"no answer from the provider: {type(error).__name__}") from None  # its words hold the URL
        if not 200 <= answer.status < 300:
            raise NotSent(f"the provider answered {answer.status}")


def check(method: str, url: str, body: str) -> None:
    """Refuse templates that cannot carry a message; ImproperlyConfigured names the setting, and no value."""
    where = urlsplit(url)
    if where.scheme not in ("http", "https") or not where.hostname:
        raise ImproperlyConfigured("SMS_HTTP_URL must be the provider's address, like https://sms.example.org/send.")
    if body and method == "GET":
        raise ImproperlyConfigured("SMS_HTTP_BODY and SMS_HTTP_METHOD=GET contradict each other.")
    try:
        _body(body, Outgoing("", ""))
    except ValueError:
        raise ImproperlyConfigured("SMS_HTTP_BODY begins like JSON and is none.") from None
    for hole in HOLES:
        if hole not in url + body:
            raise ImproperlyConfigured(f"SMS_HTTP_URL and SMS_HTTP_BODY have no {hole}.")


def _headers(text: str) -> dict[str, str]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ImproperlyConfigured('SMS_HTTP_HEADERS must be a JSON object, like {"Authorization": "Bearer …"}.')
    return found


def _pool(url: str) -> Any:
    where = urlsplit(url)
    proxy = getproxies().get(where.scheme)
    if proxy and not proxy_bypass(str(where.hostname)):
        return urllib3.ProxyManager(proxy, maxsize=settings.WEB_THREADS)
    return urllib3.PoolManager(maxsize=settings.WEB_THREADS)


def _body(template: str, message: Outgoing) -> tuple[bytes | None, dict[str, str]]:
    """The body and its media type: JSON whose texts are filled, or a form like `to={phone}&text={text}`."""
    if not template:
        return None, {}
    if template.lstrip().startswith('{"'):
        filled = _filled_in(json.loads(template), message)
        return json.dumps(filled).encode(), {"Content-Type": "application/json"}
    pairs = [(name, _filled(text, message, str)) for name, text in parse_qsl(template, keep_blank_values=True)]
    return urlencode(pairs).encode(), {"Content-Type": "application/x-www-form-urlencoded"}


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
