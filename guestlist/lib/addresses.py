"""Network addresses as limits count them."""

import ipaddress


def source(ip: str) -> str:
    """The address that limits count: an IPv4 address, or an IPv6 /64, for that is what one customer is given."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ""
    return str(address) if address.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))
