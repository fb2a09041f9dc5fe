"""The overview of the service, read in one go: is all well, today and a week ago, by hour, day, country and limit."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from statistics import median, quantiles
from typing import NamedTuple

from django.conf import settings
from django.utils import timezone

from guestlist.dashboard import delivery, overview_sql, verdict
from guestlist.delivery import figures, routing
from guestlist.lib import clock, sql
from guestlist.lib import phone as phones
from guestlist.signin import guard, sending

MOST = 10_000  # counted of one event in an hour or a day
NEWEST = 50_000  # challenges for countries
SAMPLE = 5_000  # challenges for times, refusals for limits
COUNTRIES, INVITERS, PAUSES = 12, 10, 20
HOURS, DAYS = 24, 30
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
REASON = re.compile(r"\breason=([A-Z_]+)\b")
LEFT_OUT = re.compile(r"\bleft_out=(\d{1,9})\b")

Count = Callable[[datetime, datetime], int]


class Hour(NamedTuple):
    """Codes asked for and confirmed in an hour of the clock, the last of which is not over."""

    begins_at: datetime
    asked: int
    confirmed: int


class Day(NamedTuple):
    """People who came, and invite codes that were entered, on a day of the operators' zone."""

    begins_at: datetime
    arrived: int
    activated: int


class Compared(NamedTuple):
    """Figures of today until now, or of the same hours a week ago."""

    asked: int
    confirmed: int
    arrived: int
    activated: int


class Country(NamedTuple):
    """Codes of the last day to a region that have been confirmed or are over, and how many were confirmed."""

    region: str
    asked: int
    confirmed: int


class Times(NamedTuple):
    """Seconds from ask to confirmation: the middle one, and the one that nine of ten are below; of so many."""

    number: int
    median: float | None
    p90: float | None


class Inviter(NamedTuple):
    """A person, and how many have entered their code."""

    person_id: int
    invitees: int
    invite_code: str
    name: str
    phone: str

    @property
    def masked(self) -> str:
        """Their number as others may see it."""
        return phones.masked(self.phone)


class Overview(NamedTuple):
    """All of the page."""

    now: datetime
    verdict: verdict.Verdict
    state: verdict.State
    breaker: guard.Breaker
    resting: list[figures.Resting]
    waiting: figures.Queue
    today: Compared
    before: Compared
    hours: list[Hour]
    days: list[Day]
    countries: list[Country]
    times: Times
    limits: list[tuple[str, int]]
    inviters: list[Inviter]


def overview() -> Overview:
    """Everything about the service, now."""
    now = clock.now()
    judged = judge(now)
    here = timezone.localtime(now)
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0)
    return Overview(
        now=now,
        verdict=judged.verdict,
        state=judged.state,
        breaker=judged.breaker,
        resting=judged.resting,
        waiting=judged.waiting,
        today=_compared(midnight, now),
        before=_compared(midnight - WEEK, now - WEEK),
        hours=_hours(here),
        days=_days(midnight, now),
        countries=_countries(now),
        times=_times(now),
        limits=_limits(now),
        inviters=_inviters(),
    )


class Judged(NamedTuple):
    """The verdict, and what it was given by."""

    verdict: verdict.Verdict
    state: verdict.State
    breaker: guard.Breaker
    resting: list[figures.Resting]
    waiting: figures.Queue


def judge(now: datetime) -> Judged:
    """Whether all is well, by a few short reads."""
    troubles, resting, waiting = delivery.at_this_moment(now)
    breaker = guard.breaker(now)
    state = verdict.State(
        is_breaker_open=breaker.is_open,
        wrong_today=breaker.day,
        budget=settings.SMS_DAILY_BUDGET,
        budget_used=sending.budget_used(now),
        paused=[scope for (scope,) in sql.rows(overview_sql.PAUSED, now, False, PAUSES)],
        asked=_events("code.asked", now - HOUR, now),
        confirmed=_events("signed_in", now - HOUR, now),
        resting=[one.gateway for one in resting],
        gateways=list(routing.gateways()),
    )
    return Judged(verdict.verdict(troubles, state), state, breaker, resting, waiting)


def _events(event: str, since: datetime, until: datetime) -> int:
    return int(sql.rows(overview_sql.EVENTS, event, since, until, MOST)[0][0])


def _arrived(since: datetime, until: datetime) -> int:
    return int(sql.rows(overview_sql.PEOPLE, since, until, MOST)[0][0])


def _activated(since: datetime, until: datetime) -> int:
    return int(sql.rows(overview_sql.JOURNAL, since, until, "activated", MOST)[0][0])


_asked: Count = partial(_events, "code.asked")
_confirmed: Count = partial(_events, "signed_in")
_registered: Count = partial(_events, "registered")


def _compared(since: datetime, until: datetime) -> Compared:
    # By the trail, which knows people who have left since.
    counts = (_asked, _confirmed, _registered, _activated)
    return Compared(*(count(since, until) for count in counts))


def _hours(here: datetime) -> list[Hour]:
    # In steps of absolute time: where clocks are changed, two hours have one name.
    began = here.replace(minute=0, second=0, microsecond=0).astimezone(UTC)
    edges = [*(began - HOUR * number for number in reversed(range(HOURS))), began + HOUR]
    return [Hour(since, _asked(since, until), _confirmed(since, until)) for since, until in pairwise(edges)]


def _days(midnight: datetime, now: datetime) -> list[Day]:
    edges = [*(midnight - DAY * number for number in reversed(range(DAYS))), now]
    return [Day(since, _arrived(since, until), _activated(since, until)) for since, until in pairwise(edges)]


def _countries(now: datetime) -> list[Country]:
    rows = sql.rows(overview_sql.COUNTRIES, now - DAY, NEWEST, now, COUNTRIES)
    return [Country(region, int(asked), int(confirmed)) for region, asked, confirmed in rows]


def _times(now: datetime) -> Times:
    rows = sql.rows(overview_sql.CONFIRMED_IN, now - DAY, SAMPLE)
    seconds = [(sql.moment(used) - sql.moment(asked)).total_seconds() for asked, used in rows]
    if not seconds:
        return Times(0, None, None)
    last = quantiles(seconds, n=10, method="inclusive")[-1] if len(seconds) > 1 else seconds[0]
    return Times(len(seconds), median(seconds), last)


def _inviters() -> list[Inviter]:
    tallies = sql.rows(overview_sql.INVITERS, 0, INVITERS)
    if not tallies:
        return []
    holes, ids = sql.padded([inviter_id for inviter_id, _ in tallies])
    named = {row[0]: row[1:] for row in sql.rows(overview_sql.NAMED.format(holes=holes), *ids)}
    # Who is deleted a moment ago has no name any more.
    return [Inviter(id_, invitees, *named[id_]) for id_, invitees in tallies if id_ in named]


def _limits(now: datetime) -> list[tuple[str, int]]:
    """How often each limit refused in a day, those included that the trail only counts; the most frequent first."""
    fired: Counter[str] = Counter()
    for (facts,) in sql.rows(overview_sql.REFUSED, "limit.refused", now - DAY, now, SAMPLE):
        if reason := REASON.search(facts):
            left_out = LEFT_OUT.search(facts)
            fired[reason[1]] += 1 + (int(left_out[1]) if left_out else 0)
    return fired.most_common()
