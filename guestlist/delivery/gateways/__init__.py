"""Gateways carry messages: one small module each, behind one protocol."""

from typing import NamedTuple, Protocol


class Outgoing(NamedTuple):
    """What a gateway is given: an E.164 number and a text."""

    phone: str
    text: str


class NotSent(Exception):
    """The gateway did not take the message; the words are for operators and hold no code."""


class Gateway(Protocol):
    """Carries one message at a time, from many threads at once."""

    name: str

    def send(self, message: Outgoing) -> None:
        """Carry the message, or raise NotSent. May take seconds; holds no database connection meanwhile."""
