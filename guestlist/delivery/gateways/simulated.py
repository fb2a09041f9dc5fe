"""The sandbox: sends nothing, takes as long as a real gateway does, and for some numbers goes wrong as one would.

The numbers are of the hundred that North America keeps for fiction, 555-0100 to 555-0199 (https://www.nanpa.com):
nobody has them. docs/sandbox.md has the table.
"""

import random
import time
from typing import NamedTuple

from django.conf import settings

from guestlist.delivery.gateways import Late, NoSuchNumber, NotSent, Outgoing, Receipt, Unavailable


class Act(NamedTuple):
    """How a number behaves."""

    arrives_in: float = 0.0  # seconds after it was sent
    copies: int = 1
    undelivered: str = ""
    fails: str = ""  # broken, silent or refused


SCRIPT = {
    "+12025550171": Act(arrives_in=20),  # late
    "+12025550172": Act(copies=2),  # twice
    "+12025550173": Act(arrives_in=90),  # the first one; those asked for again overtake it
    "+12025550174": Act(arrives_in=5, undelivered="absent subscriber"),
    "+12025550175": Act(fails="broken"),
    "+12025550176": Act(fails="silent"),
    "+12025550177": Act(fails="refused"),
}
OUT_OF_ORDER = "+12025550173"


def act_for(phone: str, again: int = 0) -> Act:
    """What the script says of this number, of the first message about the same thing or a later one."""
    return Act() if again and phone == OUT_OF_ORDER else SCRIPT.get(phone, Act())


class Simulated:
    """Waits SANDBOX_DELAY seconds (1-2 by default), drawn evenly, and calls that delivered.

    With SANDBOX_SEED the delays are the same at each run, for each number and each message to it.
    """

    name = "simulated"

    def __init__(self) -> None:
        self.channels = tuple(settings.SANDBOX_CHANNELS)

    def send(self, message: Outgoing, seconds: float) -> Receipt:
        """Wait, and do as the script says."""
        act = act_for(message.phone, message.again)
        low, high = settings.SANDBOX_DELAY
        if act.fails == "silent":
            time.sleep(seconds)
            raise _scripted(Late())
        time.sleep(min(seconds, _chance(message).uniform(low, high)))
        if act.fails == "broken":
            raise _scripted(Unavailable("HTTP 500"))
        if act.fails == "refused":
            raise NoSuchNumber()
        return Receipt(arrives_in=act.arrives_in, undelivered=act.undelivered)


def _scripted(failure: NotSent) -> NotSent:
    """Of these numbers only: the gateway does not rest from it, or anybody could keep everybody else waiting."""
    failure.is_its_fault = False
    return failure


def _chance(message: Outgoing) -> random.Random:
    seed = settings.SANDBOX_SEED
    return random.Random(f"{seed} {message.phone} {message.again}") if seed else random.Random()
