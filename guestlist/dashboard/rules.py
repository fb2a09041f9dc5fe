"""What the overview makes of what it reads: a line for each gateway and country, and what is wrong now. Pure."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any, NamedTuple

from guestlist.delivery.figures import Queue, Resting

LONGEST_WAIT = 30.0  # seconds that a message may be due
LATELY = timedelta(minutes=15)
MOST_FAILED = 0.2  # of the messages of that time
LEAST_MESSAGES = 5  # fewer say nothing
CALLS_FOR_HELP = ("no money", "wrong key")  # reasons that end only when somebody does something


class Asked(NamedTuple):
    """How often a gateway was asked for a region, with one outcome and currency; what that cost, what arrived."""

    gateway: str
    region: str
    state: str
    currency: str
    number: int
    cost: Decimal | None
    delivered: int


class Codes(NamedTuple):
    """Messages with codes that a gateway has sent to a region, and how many codes were confirmed."""

    gateway: str
    region: str
    sent: int
    confirmed: int


class Asking(NamedTuple):
    """One time that a gateway was asked: how it went, and when the message arrived, if that was reported."""

    gateway: str
    region: str
    state: str
    reason: str
    began_at: datetime
    ended_at: datetime
    arrived_at: datetime | None


class Line(NamedTuple):
    """A gateway's figures, or a region's. None: there is nothing to say it by."""

    name: str
    asked: int
    sent: int
    maybe: int
    failed: int
    delivered: int | None
    confirmed: float | None  # of the codes that were sent
    answers_in: float | None  # seconds; the middle one
    arrives_in: float | None
    costs: list[tuple[Decimal, str]]  # by currency


class Trouble(NamedTuple):
    """Something that is wrong now, by a name of ours, and the facts that its words need."""

    name: str
    facts: dict[str, Any]


Named = Asked | Codes | Asking


def by_gateway(found: Named) -> str:
    """The name that figures of a gateway stand under."""
    return found.gateway


def by_region(found: Named) -> str:
    """The name that figures of a region stand under."""
    return found.region


def lines(
    name: Callable[[Named], str],
    asked: Collection[Asked],
    codes: Collection[Codes],
    sample: Collection[Asking],
    names: Iterable[str] = (),
) -> list[Line]:
    """The figures by a name, the most asked first; these names are there even when nothing is known of them."""
    known = dict.fromkeys([*names, *map(name, asked)])
    found = [
        _line(
            each,
            [one for one in asked if name(one) == each],
            [one for one in codes if name(one) == each],
            [one for one in sample if name(one) == each],
        )
        for each in known
    ]
    return sorted(found, key=lambda line: -line.asked)


def troubles(
    resting: Iterable[Resting], waiting: Queue, messages: int, failed: int, sample: Sequence[Asking]
) -> list[Trouble]:
    """What is wrong now, the worst first; the sample is of what was asked last, newest first."""
    found: list[Trouble] = []
    newest: dict[str, Asking] = {}
    for asking in sample:
        newest.setdefault(asking.gateway, asking)
    for gateway, asking in sorted(newest.items()):
        reason = next((reason for reason in CALLS_FOR_HELP if asking.reason.startswith(reason)), None)
        if reason and asking.state != "sent":
            found.append(Trouble(reason, {"gateway": gateway}))
    found += [Trouble("rests", one._asdict()) for one in resting]
    if waiting.seconds > LONGEST_WAIT:
        found.append(Trouble("waiting", waiting._asdict()))
    if messages >= LEAST_MESSAGES and failed > MOST_FAILED * messages:
        found.append(Trouble("failures", {"number": messages, "failed": failed, "share": failed / messages}))
    return found


def _line(name: str, asked: list[Asked], codes: list[Codes], sample: list[Asking]) -> Line:
    def number(state: str) -> int:
        return sum(one.number for one in asked if one.state == state)

    sent = sum(one.sent for one in codes)
    arrived = [(one.arrived_at - one.began_at).total_seconds() for one in sample if one.arrived_at]
    return Line(
        name=name,
        asked=sum(one.number for one in asked),
        sent=number("sent"),
        maybe=number("maybe"),
        failed=number("failed"),
        delivered=sum(one.delivered for one in asked),
        confirmed=sum(one.confirmed for one in codes) / sent if sent else None,
        answers_in=_middle([(one.ended_at - one.began_at).total_seconds() for one in sample]),
        arrives_in=_middle(arrived),
        costs=_costs(asked),
    )


def _middle(seconds: list[float]) -> float | None:
    return median(seconds) if seconds else None


def _costs(asked: list[Asked]) -> list[tuple[Decimal, str]]:
    costs: dict[str, Decimal] = {}
    for one in asked:
        if one.cost is not None:
            costs[one.currency] = costs.get(one.currency, Decimal()) + one.cost
    return [(cost, currency) for currency, cost in sorted(costs.items())]
