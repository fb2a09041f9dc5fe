"""How the people of a seeded sandbox signed in: sessions, devices, codes of the last day. See people/population.

Nobody can use these sessions and devices: their digests are of no secret that there is.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings

from guestlist.lib import logs
from guestlist.lib.bulk import Filling
from guestlist.lib.phone import starred
from guestlist.people.population import Person, Population
from guestlist.signin import rules, sessions

SIGNED_IN = 0.35  # of all people, within the last days
DAYS = 14  # since the oldest of them signed in; a browser's session lives as long without use
RECENT, MOST_RECENT = 0.02, 20_000  # of all people asked for a code in the last day; at most so many
CONFIRMED = 0.88  # of the codes that were asked for; the breaker and the judgement of countries find nothing
WRONG, MOST_WRONG = 0.1, 50  # of these people guessed wrong once; at most so many
AGENTS = ("Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", "ExampleApp/3.2 (Android 15)", "ExampleApp/3.2 (iOS 18)")


class Asked(NamedTuple):
    """Somebody asked for a code, and used it or not."""

    person: Person
    challenge: str
    at: datetime
    expires_at: datetime
    used_at: datetime | None


def fillings(population: Population) -> list[Filling]:
    """The rows of this room, and the audit lines that its acts have written."""
    people = len(population.numbers)
    about, recent = int(people * SIGNED_IN), len(range(0, people, _stride(population)))
    return [
        Filling(
            "signin_session",
            "id, secret_digest, person_id, kind, created_at, last_seen_at, expires_at, ends_at, ip, user_agent, device",
            _sessions(population),
            about,
        ),
        Filling("signin_device", "digest, phone, created_at, seen_at", _devices(population), about),
        Filling(
            "signin_challenge",
            "id, phone, salt, pepper_id, digits, attempts, created_at, expires_at, used_at, device, region, address",
            _challenges(population),
            recent,
        ),
        Filling("signin_guess", "phone, device, digits, address, guessed_at", _guesses(population), MOST_WRONG),
        Filling("signin_guard", "phone, guessed_at", _guards(population), recent),
        Filling(
            "limits_auditline", "at, event, phone, person_id, ip, request_id, facts", _audit(population), 2 * recent
        ),
    ]


def asked(population: Population) -> Iterator[Asked]:
    """Who asked for a code in the last day, oldest first: some of all who are here."""
    indices = range(0, len(population.numbers), _stride(population))
    for place, index in enumerate(indices):
        person, is_used = population.person(index), population.chance(index, "confirmed") < CONFIRMED
        at = max(person.created_at, population.now - timedelta(hours=23) * (1 - place / len(indices)) - rules.LIFETIME)
        used_at = min(at + timedelta(seconds=5 + 40 * population.chance(index, "seconds")), population.now)
        challenge = population.digest(index, "challenge").hex()
        yield Asked(person, challenge, at, at + rules.LIFETIME, used_at if is_used else None)


def _stride(population: Population) -> int:
    people = len(population.numbers)
    wanted = min(MOST_RECENT, max(20, int(people * RECENT)))
    return max(1, people // wanted)


def _signed_in(population: Population) -> Iterator[tuple[Person, datetime]]:
    for person in population.people():
        if population.chance(person.rank, "signed in") < SIGNED_IN:
            ago = timedelta(days=DAYS - 1) * population.chance(person.rank, "last seen")
            yield person, max(person.created_at, population.now - ago)


def _sessions(population: Population) -> Iterator[tuple[Any, ...]]:
    for person, at in _signed_in(population):
        kind = "cookie" if population.chance(person.rank, "kind") < 0.5 else "token"
        lifetime = rules.SESSIONS[kind]
        yield (
            population.token(person.rank, "session"),
            population.digest(person.rank, "secret").hex(),
            person.id,
            kind,
            at,
            at,
            at + lifetime.idle,
            at + lifetime.most,
            _address(population, person.rank),
            AGENTS[person.rank % len(AGENTS)],
            _device(population, person.rank),
        )


def _devices(population: Population) -> Iterator[tuple[Any, ...]]:
    for person, at in _signed_in(population):
        yield _device(population, person.rank), person.phone, at, at


def _challenges(population: Population) -> Iterator[tuple[Any, ...]]:
    pepper = next(iter(settings.CODE_PEPPERS))
    for one in asked(population):
        yield (
            *(one.challenge, one.person.phone, population.token(one.person.rank, "salt"), pepper),
            *(settings.CODE_DIGITS, int(one.used_at is not None), one.at, one.expires_at, one.used_at),
            *("", "RU", _address(population, one.person.rank)),
        )


def _guesses(population: Population) -> Iterator[tuple[Any, ...]]:
    left = MOST_WRONG
    for one in asked(population):
        if left and population.chance(one.person.rank, "wrong") < WRONG:
            left -= 1
            address = _address(population, one.person.rank)
            yield one.person.phone, "", settings.CODE_DIGITS, address, one.at + timedelta(seconds=4)


def _guards(population: Population) -> Iterator[tuple[Any, ...]]:
    for one in asked(population):
        yield one.person.phone, one.at


def _audit(population: Population) -> Iterator[tuple[Any, ...]]:
    for one in asked(population):
        phone, ip = starred(one.person.phone), _address(population, one.person.rank)
        facts = logs.words({"digits": settings.CODE_DIGITS, "device": "new", "again": False})
        yield one.at, "code.asked", phone, one.person.id, ip, "", facts
        if one.used_at:
            session = sessions.short(population.token(one.person.rank, "session"))
            facts = logs.words({"kind": "token", "device": "new", "replaced": False, "session": session})
            yield one.used_at, "signed_in", phone, one.person.id, ip, "", facts


def _device(population: Population, index: int) -> str:
    return population.digest(index, "device").hex()


def _address(population: Population, index: int) -> str:
    drawn = population.digest(index, "address")
    return f"{('192.0.2', '198.51.100', '203.0.113')[drawn[0] % 3]}.{drawn[1]}"  # RFC 5737: nobody's
