"""Whatever Apprise carries (https://github.com/caronc/apprise): a service by one address, such as `twilio://…/{phone}`.

An extra, `pip install apprise`. It says only whether it worked: no price, no reports, and no reason for a failure.
"""

import importlib
import logging
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from guestlist.delivery.gateways import Late, Outgoing, Receipt, Unavailable, needs

HOLE = "{phone}"
SAMPLE = "+79000000000"


class Apprise:
    """Sends to the address in APPRISE_URL, where `{phone}` becomes the number without its plus."""

    name = "apprise"
    channels = ("sms",)

    def __init__(self) -> None:
        needs.check(self.name, "APPRISE_URL")
        if HOLE not in settings.APPRISE_URL:
            raise ImproperlyConfigured(f"APPRISE_URL carries no {HOLE}.")
        try:
            self._apprise = importlib.import_module("apprise")
        except ImportError:
            raise ImproperlyConfigured("SMS_GATEWAYS names apprise, an extra: pip install apprise.") from None
        logging.getLogger("apprise").disabled = True  # its warnings hold numbers and what providers answer
        if self._service(SAMPLE) is None:
            raise ImproperlyConfigured("APPRISE_URL is no address that Apprise knows.")

    def send(self, message: Outgoing, seconds: float) -> Receipt:
        """Send it. Apprise's own limits of time begin anew with each request: after ours it goes on by itself."""
        outcome: SimpleQueue[bool] = SimpleQueue()
        Thread(target=self._carry, args=(message, outcome), name="apprise", daemon=True).start()
        try:
            is_sent = outcome.get(timeout=seconds)
        except Empty:
            raise Late("apprise") from None
        if not is_sent:
            raise Unavailable("apprise")
        return Receipt()

    def _carry(self, message: Outgoing, outcome: SimpleQueue[bool]) -> None:
        try:
            service = self._service(message.phone)
            outcome.put(service is not None and bool(service.notify(body=message.text)))
        except Exception:  # a service's own, whose words may hold the message
            outcome.put(False)

    def _service(self, phone: str) -> Any:
        """The service for this number; None when Apprise does not know the address."""
        service = self._apprise.Apprise()
        return service if service.add(settings.APPRISE_URL.replace(HOLE, phone.lstrip("+"))) else None
