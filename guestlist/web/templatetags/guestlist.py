"""What the pages' templates ask for: how a number or a browser reads, and whether this is the sandbox."""

import re

from django import template
from django.conf import settings
from django.utils.translation import gettext as _

from guestlist.delivery import actions as delivery
from guestlist.lib import phone as phones
from guestlist.lib.refusals import Refusal
from guestlist.web import answers

register = template.Library()

E164 = re.compile(r"\+\d+")
# The first that fits: browsers name their relatives too.
BROWSERS = {
    "YaBrowser": "Yandex",
    "Edg": "Edge",
    "OPR": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox": "Firefox",
    "FxiOS": "Firefox",
    "CriOS": "Chrome",
    "Chrome": "Chrome",
    "Safari": "Safari",
}
SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


@register.simple_tag
def is_sandbox() -> bool:
    """Whether the gateway only pretends."""
    return delivery.is_sandbox()


@register.filter
def in_words(refusal: Refusal) -> str:
    """A refusal as people are told of it."""
    return answers.words(refusal)


@register.filter
def waited(seconds: int) -> str:
    """Seconds as a sentence that says when to try again."""
    return answers.wait(seconds)


@register.filter
def written(phone: str) -> str:
    """A number as people here write it; a masked one stays as it is."""
    return phones.national(phone, settings.PHONE_REGION) if E164.fullmatch(phone) else phone


@register.filter
def client_name(user_agent: str) -> str:
    """A User-Agent in words: `Firefox on Linux`; of an app, its name."""
    browser = next((name for mark, name in BROWSERS.items() if f"{mark}/" in user_agent), None)
    system = next((name for mark, name in SYSTEMS.items() if mark in user_agent), None)
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or re.split(r"[/ ;(]", user_agent.strip(), maxsplit=1)[0] or _("Unknown client")
