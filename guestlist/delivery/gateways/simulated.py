"""The sandbox: sends nothing, takes as long as a real gateway does."""

import random
import time

from django.conf import settings

from guestlist.delivery.gateways import Outgoing


class Simulated:
    """Waits SANDBOX_DELAY seconds (1-2 by default), drawn evenly, and calls that delivered."""

    name = "simulated"

    def send(self, message: Outgoing) -> None:
        """Wait."""
        low, high = settings.SANDBOX_DELAY
        time.sleep(random.uniform(low, high))
