"""The other sandbox: messages stand in the terminal of whoever started the service."""

import sys

from guestlist.delivery.gateways import Outgoing, Receipt


class Console:
    """Writes number and text to stderr, never to the log: logs are kept, and sent elsewhere."""

    name = "console"
    channels = ("sms",)

    def send(self, message: Outgoing, seconds: float) -> Receipt:
        """Write it."""
        print(f"\nTo {message.phone}:\n{message.text}\n", file=sys.stderr, flush=True)  # noqa: T201  # what it is for
        return Receipt(arrives_in=0.0)
