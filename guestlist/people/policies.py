"""How often a person may take along what is held of them."""

from guestlist.lib.limits import Policy

POLICIES = {
    policy.name: policy
    for policy in (Policy.of("EXPORTS_PER_PERSON", "10/h", "exports of what is held of one person"),)
}
