"""Which gateways there are, and which of them may carry a message, in which order and by which channel."""

from collections.abc import Collection
from functools import cache
from importlib import import_module
from typing import NamedTuple

from django.conf import settings

from guestlist.delivery import rules
from guestlist.delivery.gateways import Gateway

CLASSES = {
    "simulated": "Simulated",
    "console": "Console",
    "twilio": "Twilio",
    "vonage": "Vonage",
    "sns": "Sns",
    "smsru": "SmsRu",
    "smsc": "Smsc",
    "smsaero": "SmsAero",
    "exolve": "Exolve",
    "telegram": "Telegram",
    "http": "Http",
    "apprise": "Apprise",
}


class Way(NamedTuple):
    """A gateway, and the channel that it would carry a message by."""

    gateway: Gateway
    channel: str


@cache
def gateways() -> dict[str, Gateway]:
    """The gateways of SMS_GATEWAYS by name, in their order. ImproperlyConfigured when one lacks a setting."""
    return {name: _made(name) for name in settings.SMS_GATEWAYS}


def ways(phone: str, region: str, channel: str) -> list[Way]:
    """The ways to a number, best first; with a channel, only those by it."""
    found = gateways()
    named = rules.order(phone, region, settings.SMS_ROUTES, tuple(found))
    there = [found[name] for name in named if name in found]
    return [Way(one, channel or one.channels[0]) for one in there if not channel or channel in one.channels]


def channels(phone: str, region: str) -> list[str]:
    """The channels that a code to this number may be asked for by, best first."""
    return list(dict.fromkeys(channel for way in ways(phone, region, "") for channel in way.gateway.channels))


def usual_channel(gateway: str) -> str:
    """The channel that this gateway carries by when none was asked for."""
    found = gateways().get(gateway)
    return found.channels[0] if found else rules.SMS


def without(ways: list[Way], failed: Collection[str]) -> list[Way]:
    """The ways whose gateways have not failed before; all, when there would be none left."""
    return [way for way in ways if way.gateway.name not in failed] or ways


def _made(name: str) -> Gateway:
    module = import_module(f"guestlist.delivery.gateways.{name}")
    made: Gateway = getattr(module, CLASSES[name])()
    return made
