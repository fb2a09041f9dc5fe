"""Where delivery reports come in: one secret address for each gateway, derived, so that nothing has to be kept."""

from urllib.parse import urlencode

from django.conf import settings

from guestlist.lib import keys

KEY_BYTES = 16


def key(name: str) -> str:
    """What the address of this gateway's reports holds as `key`."""
    return keys.mac(settings.REPORTS_SUBKEY, name)[:KEY_BYTES].hex()


def url(name: str) -> str:
    """The address for this gateway's reports; empty while no provider could reach it: PUBLIC_URL is not https."""
    if not settings.HTTPS:
        return ""
    return f"{settings.PUBLIC_URL}/gateways/{name}/report/?{urlencode({'key': key(name)})}"
