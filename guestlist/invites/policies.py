"""How many invite codes one may try: a try is a well-formed code that nobody has."""

from guestlist.lib.limits import Policy, Spend

POLICIES = {
    policy.name: policy
    for policy in (
        Policy.of("INVITE_TRIES_PER_PERSON", "10/h,30/d", "unknown invite codes tried by one person"),
        Policy.of("INVITE_TRIES_PER_ADDRESS", "60/h", "unknown invite codes tried from one address"),
    )
}


def spends(phone: str, source: str, policies: dict[str, Policy]) -> list[Spend]:
    """What one try uses, in the order in which rows are locked; a person is their number, also when they come anew."""
    return [
        Spend(policies["INVITE_TRIES_PER_PERSON"], phone),
        Spend(policies["INVITE_TRIES_PER_ADDRESS"], source),
    ]
