"""The settings that a gateway cannot do without."""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def check(gateway: str, *names: str) -> None:
    """Refuse the start when one of these settings is empty or cannot stand in a header; names it, and no value."""
    missing = [name for name in names if not getattr(settings, name)]
    if missing:
        raise ImproperlyConfigured(f"{', '.join(missing)} must be set: SMS_GATEWAYS names {gateway}.")
    for name in names:
        check_ascii(name)


def check_ascii(name: str) -> None:
    """Refuse a setting with anything but printable ASCII: an encoder's error would hold its value."""
    value = str(getattr(settings, name))
    if not value.isascii() or not value.isprintable():
        raise ImproperlyConfigured(f"{name} must be one line of Latin letters, digits and marks.")
