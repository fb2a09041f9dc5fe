"""Gateways carry messages: one small module each, behind one protocol."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, Protocol, runtime_checkable

LONGEST_DETAIL = 40  # characters of a provider's own error code


class Outgoing(NamedTuple):
    """What a gateway is given: an E.164 number and what is to be said."""

    phone: str
    text: str
    code: str = ""  # the digits in the text; empty: a notice that has none
    channel: str = ""  # one of the gateway's own: sms, telegram, voice
    language: str = "en"
    lives: int = 300  # seconds that the message is of use
    again: int = 0  # how many messages about the same thing went before it


class Receipt(NamedTuple):
    """The gateway has taken the message."""

    id: str = ""  # the provider's, which its reports name
    price: Decimal | None = None
    currency: str = ""  # ISO 4217, or what the provider calls its own
    arrives_in: float | None = None  # seconds, where that is known: in the sandbox
    undelivered: str = ""  # it will not arrive then, for this reason: in the sandbox's script


class NotSent(Exception):
    """The gateway did not take the message. The words are for operators: a reason, a provider's code, and no text.

    `is_final`: no other gateway would reach this number. `is_its_fault`: it would fail for any number, so that it had
    better rest. `maybe_sent`: nobody knows whether it was.
    """

    is_final, is_its_fault, maybe_sent = False, True, False

    def __init__(self, reason: str, detail: str = "") -> None:
        kept = "".join(letter for letter in str(detail) if letter.isascii() and letter.isprintable())
        super().__init__(f"{reason} ({kept[:LONGEST_DETAIL]})" if kept else reason)
        self.reason = reason


class NoSuchNumber(NotSent):
    """There is no such number, or it takes no messages: no gateway would reach it."""

    is_final, is_its_fault = True, False

    def __init__(self, detail: str = "") -> None:
        super().__init__("no such number", detail)


class NotHere(NotSent):
    """The number is out of this gateway's reach; another one may have it."""

    is_its_fault = False

    def __init__(self, detail: str = "") -> None:
        super().__init__("not reached by this gateway", detail)


class WrongKey(NotSent):
    """The provider does not know us."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("wrong key", detail)


class NoMoney(NotSent):
    """The account is empty."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("no money", detail)


class TooMany(NotSent):
    """The provider takes no more for now."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("too many for the provider", detail)


class Refused(NotSent):
    """The provider will not carry it as it is: a sender that is not registered, a text that it does not like.

    It may be for this number alone, so nobody can make a gateway rest by such numbers.
    """

    is_its_fault = False

    def __init__(self, detail: str = "") -> None:
        super().__init__("refused by the provider", detail)


class Unavailable(NotSent):
    """The provider cannot be reached, or says that it is broken."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("provider unavailable", detail)


class Late(NotSent):
    """No answer came in time: it may have been sent."""

    maybe_sent = True

    def __init__(self, detail: str = "") -> None:
        super().__init__("no answer in time", detail)


class Nonsense(NotSent):
    """The answer is none that the provider's papers know: it may have been sent."""

    maybe_sent = True

    def __init__(self, detail: str = "") -> None:
        super().__init__("an answer that makes no sense", detail)


class Call(NamedTuple):
    """A delivery report as it came: everything that a provider may put its words into."""

    query: Mapping[str, str]
    form: Mapping[str, str]  # of a form, the last value of each name
    json: Any  # of a JSON body; None: it was none


class Report(NamedTuple):
    """What a provider says has become of a message."""

    id: str  # as in the receipt
    state: str  # sent, delivered or failed
    reason: str = ""  # a provider's code, for operators


class Gateway(Protocol):
    """Carries one message at a time, from many threads at once.

    Made once, at the start: ImproperlyConfigured names the setting that is missing or does not fit, and no value.
    """

    name: str
    channels: Sequence[str]  # what it can carry by; the first one when nobody asked for one

    def send(self, message: Outgoing, seconds: float) -> Receipt:
        """Carry the message, or raise NotSent; within so many seconds. Holds no database connection meanwhile."""


@runtime_checkable
class Reporting(Gateway, Protocol):
    """A gateway whose provider reports what became of messages, to the address that `reports.url` gives."""

    answer: str  # what the provider wants to hear

    def reports(self, call: Call) -> list[Report]:
        """What a call says; nothing when it says nothing that we keep. ValueError: it is no report."""
