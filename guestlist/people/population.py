"""A believable population for a sandbox: who its people are, the same for the same seed.

The other rooms' population.py say what these people have done; `manage.py seed` writes all of it down. People have an
index, from 0 on in the order in which they came; person 0 is the one who invited many.
"""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import count, islice
from typing import Any, NamedTuple

from guestlist.lib.bulk import Filling
from guestlist.people import models
from guestlist.people.rules import ALPHABET, INVITE_LENGTH

MOST = 9_000_000  # people that there are numbers for
HOST = 0  # the index of the person who invited many
SPAN = timedelta(days=730)  # in which they all came, more each month
PLACES, STEP = 10**7, 7_654_321  # the second has no factor of the first: no number comes twice
CODES, MIX = len(ALPHABET) ** INVITE_LENGTH, 0x2545F491  # an odd factor: no code comes twice

NAMED, WITH_EMAIL, MASKED, HIDDEN, BLOCKED = 0.6, 0.35, 0.15, 0.05, 0.001  # shares of all people
INVITED = 0.4  # of those whom person 0 did not invite

FIRST = ("Анна", "Мария", "Иван", "Пётр", "Ольга", "Дмитрий", "Alice", "Bob", "Carol", "David", "Erin", "Frank")
LAST = ("Орлова", "Ким", "Белых", "Черных", "Шевченко", "Гончар", "Archer", "Baker", "Carter", "Mason", "Smith", "West")
MAILED = ("anna", "maria", "ivan", "petr", "olga", "dmitri", "alice", "bob", "carol", "david", "erin", "frank")
HOSTS = ("example.org", "example.com", "example.net")  # RFC 2606: nobody's


class Person(NamedTuple):
    """What the other rooms need to know of somebody."""

    rank: int  # from 0 on, in the order in which they came
    id: int
    phone: str
    invite_code: str
    created_at: datetime


class Population(NamedTuple):
    """All of them. `numbers` are the places of their phones and codes; ids go up from `first_id`."""

    seed: int
    numbers: Sequence[int]
    first_id: int
    invitees: int  # of person 0
    now: datetime

    def chance(self, index: int, purpose: str) -> float:
        """A fair number from 0 on and below 1: the same for the same seed, person and purpose."""
        return int.from_bytes(self.digest(index, purpose)[:6], "big") / 2**48

    def digest(self, index: int, purpose: str) -> bytes:
        """Likewise 32 bytes. Nobody can be found to whom they belong: a secret with this digest is not known."""
        text = f"{self.seed} {self.first_id} {index} {purpose}"
        return hashlib.blake2b(text.encode(), digest_size=32).digest()

    def token(self, index: int, purpose: str) -> str:
        """Likewise 128 bits as text."""
        return base64.urlsafe_b64encode(self.digest(index, purpose)[:16]).decode().rstrip("=")

    def person(self, index: int) -> Person:
        """The person with this index."""
        share = ((index + 1) / (len(self.numbers) + 1)) ** 0.5  # as a service grows
        number = self.numbers[index]
        return Person(index, self.first_id + index, phone(number), invite_code(number), self.now - SPAN * (1 - share))

    def inviter(self, index: int) -> int | None:
        """Who invited this person; None: nobody. Few invited many, and many a few."""
        if index == HOST:
            return None
        others = len(self.numbers) - 1
        if index * self.invitees // others > (index - 1) * self.invitees // others:
            return HOST
        if index < 2 or self.chance(index, "invited") >= INVITED:
            return None
        return max(1, int(index * self.chance(index, "inviter") ** 3))

    def people(self) -> Iterator[Person]:
        """All of them, in the order in which they came."""
        return map(self.person, range(len(self.numbers)))


def drawn(seed: int, people: int, invitees: int, now: datetime) -> Population:
    """A population of so many, beside whoever is there: nobody gets a number or an invite code that somebody has."""
    first_id = (models.Person.objects.order_by("-id").values_list("id", flat=True).first() or 0) + 1
    if first_id == 1:
        return Population(seed, range(1, people + 1), first_id, invitees, now)
    there = models.Person.objects.values_list("phone", "invite_code").iterator(10_000)
    taken = {text for both in there for text in both}
    free = (number for number in count(first_id) if not {phone(number), invite_code(number)} & taken)
    return Population(seed, list(islice(free, people)), first_id, invitees, now)


def phone(number: int) -> str:
    """A number that there can be; those of two neighbours differ in more than their last digits."""
    return f"+7909{number * STEP % PLACES:07}"


def invite_code(number: int) -> str:
    """The invite code at this place."""
    mixed = number * MIX % CODES
    mixed ^= mixed >> 15
    return "".join(ALPHABET[mixed >> 5 * place & 31] for place in reversed(range(INVITE_LENGTH)))


def fillings(population: Population) -> list[Filling]:
    """The rows of this room."""
    columns = "id, phone, username, email, public_id, invite_code, phone_visibility, created_at, blocked_at"
    return [Filling("people_person", columns, _people(population), len(population.numbers))]


def _people(population: Population) -> Iterator[tuple[Any, ...]]:
    for who in population.people():
        is_blocked = who.rank != HOST and population.chance(who.rank, "blocked") < BLOCKED
        yield (
            who.id,
            who.phone,
            _name(population, who.rank),
            _email(population, who),
            population.token(who.rank, "public id"),
            who.invite_code,
            _visibility(population.chance(who.rank, "visibility")),
            who.created_at,
            population.now if is_blocked else None,
        )


def _name(population: Population, index: int) -> str:
    if population.chance(index, "named") >= NAMED:
        return ""
    first, last = divmod(int(population.chance(index, "name") * len(FIRST) * len(LAST)), len(LAST))
    return f"{FIRST[first]} {LAST[last]}"


def _email(population: Population, who: Person) -> str:
    if population.chance(who.rank, "mailed") >= WITH_EMAIL:
        return ""
    first, last, *_ = population.digest(who.rank, "e-mail")
    return f"{MAILED[first % len(MAILED)]}.{who.id}@{HOSTS[last % len(HOSTS)]}"


def _visibility(chance: float) -> str:
    return "hidden" if chance < HIDDEN else "masked" if chance < HIDDEN + MASKED else "full"
