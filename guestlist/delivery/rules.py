"""What is decided about messages: which gateways, in which order, for how long, and what may be told. Pure."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

LEASE = timedelta(seconds=30)  # whoever took a message up has so long; then anybody may
DEADLINE = 12.0  # seconds in which a person gets an answer, whatever gateways do
FOLLOWED, LAST = 4.0, 10.0  # seconds for a gateway behind which another one waits, and for the last one
LEAST = 1.0  # seconds; with fewer left nobody is asked any more
FAILURES = 10  # in a row, after which a gateway rests
RESTS = timedelta(seconds=30)
PROBES = timedelta(seconds=11)  # the first to ask it again has so long, while it rests for all others
FIRST_RETRY, LAST_RETRY = timedelta(seconds=5), timedelta(seconds=40)
MOST_CLAIMS = 6  # then a message has failed: one that kills whoever sends it does not go round for ever

SMS = "sms"
CHANNELS = (SMS, "telegram", "voice")


class Route(NamedTuple):
    """Gateways, in order, for the numbers of a region (ISO 3166) or that begin with these digits."""

    where: str
    gateways: tuple[str, ...]

    def fits(self, phone: str, region: str) -> bool:
        """Whether an E.164 number of this region takes this route."""
        return phone.startswith(f"+{self.where}") if self.where.isdigit() else region == self.where


class State(NamedTuple):
    """What is told of a message: queued, sent, delivered or failed, and of the last one why."""

    name: str
    reason: str | None


def routes(entries: Iterable[str], gateways: Collection[str], regions: Collection[str]) -> list[Route]:
    """Read `RU:smsru,telegram` and `1876:twilio`, those that fit more closely first. ValueError says what is wrong."""
    found: dict[str, Route] = {}
    for entry in entries:
        where, _, names = (part.strip() for part in entry.partition(":"))
        where, chosen = (
            where.upper().removeprefix("+"),
            tuple(name.strip() for name in names.split(",") if name.strip()),
        )
        are_digits = where.isascii() and where.isdigit() and len(where) <= 15 and where[0] != "0"
        if not chosen or not (where in regions or are_digits):
            raise ValueError(f"{entry!r} must be like RU:smsru,telegram or 1876:twilio")
        if unknown := next((name for name in chosen if name not in gateways), None):
            raise ValueError(f"{entry!r} names {unknown!r}, which is not in SMS_GATEWAYS")
        if where in found:
            raise ValueError(f"{where} stands there twice")
        if len(set(chosen)) < len(chosen):
            raise ValueError(f"{entry!r} names a gateway twice")
        found[where] = Route(where, chosen)
    return sorted(found.values(), key=lambda route: (len(route.where), route.where.isdigit()), reverse=True)


def order(phone: str, region: str, routes: Iterable[Route], everywhere: Sequence[str]) -> tuple[str, ...]:
    """The gateways for this number: those of the closest route, else all."""
    return next((route.gateways for route in routes if route.fits(phone, region)), tuple(everywhere))


def seconds_for(following: int, left: float) -> float:
    """How long a gateway may take, behind which so many others wait, with so much left of the deadline."""
    return min(FOLLOWED if following else LAST, left)


def retry_in(claims: int) -> timedelta:
    """How long to wait after so many vain claims."""
    return min(LAST_RETRY, FIRST_RETRY * int(2 ** min(claims - 1, 8)))


def shown(state: str, fate: str, sent_at: datetime | None, ended_at: datetime | None, now: datetime) -> State:
    """What a message's row says to whoever waits for it. What is withheld tells nothing by that."""
    has_ended = ended_at is not None and ended_at <= now
    if state == "withheld":
        state = {"delivered": "delivered", "undelivered": "failed"}.get(fate, "sent" if sent_at else "failed")
    if state == "failed" and (has_ended or sent_at is None):
        return State("failed", "undelivered" if sent_at else "not_sent")
    if state == "accepted":
        return State("queued", None)
    return State("delivered" if state == "delivered" and has_ended else "sent", None)
