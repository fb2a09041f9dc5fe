"""Network addresses as limits count them."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def caller(request: HttpRequest) -> str:
    """The caller's address: the socket's, or behind TRUSTED_PROXIES=n the n-th from the right of X-Forwarded-For.

    An IPv4-mapped IPv6 address is its IPv4; what is no address is "".
    """
    found = request.META.get("REMOTE_ADDR", "")
    if settings.TRUSTED_PROXIES:
        chain = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
        if len(chain) >= settings.TRUSTED_PROXIES:
            found = chain[-settings.TRUSTED_PROXIES]
    try:
        parsed = ipaddress.ip_address(found.partition("%")[0])  # an IPv6 zone names our own network card
    except ValueError:
        return ""
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def source(ip: str) -> str:
    """The address that limits count: an IPv4 address, or an IPv6 /64, for that is what one customer is given."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ""
    return str(address) if address.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))
