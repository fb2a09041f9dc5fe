"""Network addresses as limits count them."""

import ipaddress
import re
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest

BY_PROXY = re.compile(  # what proxies and their makers add, by the names that WSGI gives headers
    r"HTTP_(FORWARDED|VIA|CLIENT_IP|TRUE_CLIENT_IP|CDN_LOOP|CF_.*|X_FORWARDED_.*|X_ORIGINAL_.*|X_ENVOY_.*|X_AMZN_.*"
    r"|.*_CLIENT_IP|X_.*IP)"
)


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


def is_this_machine(request: HttpRequest) -> bool:
    """Whether the caller sits on this machine: a loopback address, straight to us.

    To a proxy on the same machine everybody is loopback, so what has passed through one never is; TRUSTED_PROXIES or
    not, for a proxy may hand on an X-Forwarded-For that its caller has made up. One that adds none of these headers
    cannot be told from a caller here.
    """
    if any(BY_PROXY.fullmatch(name) for name in request.META):
        return False
    found = caller(request)
    return bool(found) and ipaddress.ip_address(found).is_loopback


@lru_cache(maxsize=4096)
def source(ip: str) -> str:
    """The address that limits count: an IPv4 address, or an IPv6 /64, for that is what one customer is given."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ""
    return str(address) if address.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))


@lru_cache(maxsize=4096)
def network(source: str, ipv4_bits: int, ipv6_bits: int) -> str:
    """The network of so many bits that a source lies in."""
    found = ipaddress.ip_network(source)
    return str(found.supernet(new_prefix=ipv4_bits if found.version == 4 else ipv6_bits))
