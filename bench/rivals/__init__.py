"""Who is measured side by side: Guestlist, three systems that do the same work, and the limits of the machine."""

from bench.rivals.allauth import Allauth
from bench.rivals.bare_django import BareDjango
from bench.rivals.better_auth import BetterAuth
from bench.rivals.drf import Drf
from bench.rivals.guestlist import Guestlist
from bench.rivals.limit import Limit
from bench.rivals.pgbench import Pgbench
from bench.rivals.rival import Rival

SUBJECT = "guestlist"
ALL: dict[str, Rival] = {
    rival.name: rival
    for rival in (
        Guestlist(),
        Guestlist("guestlist, relaxed", LIMITS="relaxed"),
        BetterAuth(),
        Allauth(),
        Drf(),
        BareDjango(),
        Limit(),
        Pgbench(),
    )
}
