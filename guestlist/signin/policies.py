"""Who may ask for how many codes: every policy by name, in words. LIMIT_<NAME> in the environment overrides one."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from guestlist.lib.addresses import network
from guestlist.lib.limits import Policy, Spend
from guestlist.lib.policy import Window

RESERVE = 0.2  # of the day's budget, kept for known devices
NEVER = 10**6  # uses that no window sees

POLICIES = {
    policy.name: policy
    for policy in (
        Policy.of("CODES_PAUSE", "1/60s", "codes to one phone: a minute apart"),
        Policy.of("CODES_PER_PHONE", "3/15m,5/h,10/d", "codes to one phone: unknown devices together, each known one"),
        Policy.of("CODES_PER_PHONE_IN_ALL", "20/d", "codes to one phone, all devices together"),
        Policy.of("CODES_PER_PHONE_AND_ADDRESS", "3/h,4/d", "codes from one address to one phone", is_volatile=True),
        Policy.of(
            "CODES_PER_ADDRESS", "10/10m,30/h,100/d", "codes asked for by one address, or IPv6 /64", is_volatile=True
        ),
        Policy.of(
            "PHONES_PER_ADDRESS",
            "10/h",
            "different phones that one address asks codes for",
            is_distinct=True,
            is_volatile=True,
        ),
        Policy.of(
            "CODES_PER_NETWORK",
            "100/10m,300/h,1000/d",
            "codes asked for by one IPv4 /24",
            is_counted=True,
            is_volatile=True,
        ),
        Policy.of(
            "CODES_PER_SITE", "40/10m,120/h,400/d", "codes asked for by one IPv6 /48", is_counted=True, is_volatile=True
        ),
        Policy.of(
            "CODES_PER_PREFIX",
            "20/h",
            "codes to numbers of nobody that differ only in their last 4 digits",
            is_volatile=True,
        ),
        Policy.of(
            "CODES_WHILE_SLOWED",
            "30/60s",
            "codes to PHONE_REGION while so few are confirmed that it is slowed",
            is_volatile=True,
        ),
        Policy.of("CODES_IN_ALL", "10000/d", "codes in all (SMS_DAILY_BUDGET)", is_counted=True),
        Policy.of("PAUSE_WAIVED", "1/h", "sign-ins of one phone after which the pause is waived"),
        Policy.of("TOKENS_PER_PERSON", "120/h", "tokens for other services minted by one person"),
    )
}


class Asking(NamedTuple):
    """One ask, as the limits see it."""

    phone: str
    tag: str  # stands for the phone where a row may not name it
    device: str  # digest of the known device; empty: an unknown one
    source: str  # the address, see lib.addresses
    is_known: bool  # somebody has signed in with this number
    slowed: str = ""  # the region of the number, when codes to it are slowed


def spends(asking: Asking, policies: Mapping[str, Policy], budget: int, soft: Collection[str] = ()) -> list[Spend]:
    """What one ask uses, in the order in which rows are locked: phone, address, prefix, country, day.

    Those named in `soft` refuse nothing.
    """
    used = phone_spends(asking, policies)
    if not asking.device:
        used += address_spends(asking, policies)
        used.append(_prefix_spend(asking, policies["CODES_PER_PREFIX"]))
        if asking.slowed:
            used.append(Spend(policies["CODES_WHILE_SLOWED"], asking.slowed))
    used.append(in_all(policies, budget if asking.device else unreserved(budget)))
    return [spend._replace(is_soft=spend.policy.name in soft) for spend in used]


def dry(names: Collection[str]) -> set[str]:
    """Which policies are only recorded, given the names in DRY_RUN: slowing is a part of CONVERSION."""
    return {*names, "CODES_WHILE_SLOWED"} if "CONVERSION" in names else set(names)


def unreserved(budget: int) -> int:
    """What of the day's budget anybody may use; when it is used up, operators are told."""
    return max(1, int(budget * (1.0 - RESERVE)))


def in_all(policies: Mapping[str, Policy], most: int) -> Spend:
    """What an ask uses of the day's budget."""
    return Spend(policies["CODES_IN_ALL"].at_most(most), "all")


def phone_spends(asking: Asking, policies: Mapping[str, Policy]) -> list[Spend]:
    """What an ask uses of its phone: these decide when the same client may ask again."""
    whose = f"{asking.phone} {asking.device}"  # unknown devices share the empty name
    return [
        Spend(policies["CODES_PAUSE"], whose),
        Spend(policies["CODES_PER_PHONE"], whose),
        Spend(policies["CODES_PER_PHONE_IN_ALL"], asking.phone),
    ]


def _prefix_spend(asking: Asking, policy: Policy) -> Spend:
    """A number that somebody has signed in with is spared, but counted by itself: doing less would take less time."""
    if not asking.is_known:
        return Spend(policy, asking.phone[:-4])
    spared = tuple(Window(NEVER, window.seconds) for window in policy.windows)
    return Spend(policy._replace(windows=spared), asking.phone)


def address_spends(asking: Asking, policies: Mapping[str, Policy]) -> list[Spend]:
    """What an ask uses of its address; a confirmed one gives back what is not only counted."""
    found = [
        Spend(policies["CODES_PER_PHONE_AND_ADDRESS"], f"{asking.source} {asking.phone}", asking.tag),
        Spend(policies["CODES_PER_ADDRESS"], asking.source, asking.tag),
        Spend(policies["PHONES_PER_ADDRESS"], asking.source, asking.tag),
    ]
    if asking.source:
        name = "CODES_PER_SITE" if ":" in asking.source else "CODES_PER_NETWORK"
        found.append(Spend(policies[name], network(asking.source, 24, 48)))
    return found
