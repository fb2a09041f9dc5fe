"""What the people of a seeded sandbox have entered: activations, ledger, tally, journal. See people/population."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings

from guestlist.lib import keys
from guestlist.lib.bulk import Filling
from guestlist.people.population import INVITED, Person, Population

SOON = timedelta(days=3)  # after they came, nearly all of them at once


class Entered(NamedTuple):
    """Who entered whose code, and when."""

    invitee: Person
    inviter: Person
    at: datetime


def fillings(population: Population) -> list[Filling]:
    """The rows of this room, each kind behind those that it refers to."""
    people, invitees = len(population.numbers), population.invitees
    about = invitees + int((people - invitees) * INVITED)
    return [
        Filling(
            "invites_activation",
            "invitee_id, inviter_id, code, loop_key, activated_at",
            (
                (one.invitee.id, one.inviter.id, one.inviter.invite_code, _loop_key(one), one.at)
                for one in _entered(population)
            ),
            about,
        ),
        Filling(
            "invites_ledgerline",
            "digest, activated_at, expires_at",
            ((_digest(one.invitee.phone), one.at, None) for one in _entered(population)),
            about,
        ),
        Filling("invites_tally", "inviter_id, invitees", _tallies(population), about // 4),
        Filling(
            "invites_journalline",
            "at, what, invitee_id, inviter_id, code, actor, reason",
            (
                (one.at, "activated", one.invitee.id, one.inviter.id, one.inviter.invite_code, "", "")
                for one in _entered(population)
            ),
            about,
        ),
    ]


def _entered(population: Population) -> Iterator[Entered]:
    for invitee in population.people():
        inviter = population.inviter(invitee.rank)
        if inviter is not None:
            at = invitee.created_at + SOON * population.chance(invitee.rank, "entered") ** 4
            yield Entered(invitee, population.person(inviter), min(at, population.now))


def _tallies(population: Population) -> Iterator[tuple[Any, ...]]:
    found = Counter(map(population.inviter, range(len(population.numbers))))
    found.pop(None, None)
    for inviter, invitees in sorted(found.items(), key=str):
        yield population.first_id + (inviter or 0), invitees


def _digest(phone: str) -> str:
    return keys.mac(settings.LEDGER_SUBKEY, "v1", phone).hex()


def _loop_key(one: Entered) -> str | None:
    if settings.INVITE_LOOPS != "refuse":
        return None
    return f"{min(one.invitee.id, one.inviter.id)}:{max(one.invitee.id, one.inviter.id)}"
