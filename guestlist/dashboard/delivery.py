"""The overview of delivery, read in one go: is anything wrong now, and how it went by gateway and by country."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from guestlist.dashboard import delivery_sql, rules
from guestlist.delivery import actions, figures, routing
from guestlist.lib import clock, sql

READ = 50_000  # of messages, and of attempts, the newest of the span
SAMPLE = 5_000  # of attempts the newest: what medians are taken of
NEWEST = 500  # of attempts, to see what gateways said last
REASONS = 12
CODES_KEPT = timedelta(days=1)  # a challenge is gone a day after its end
CODE_LIVES = timedelta(seconds=300)  # until then it may still be confirmed
CENT = Decimal("0.00001")  # as prices are kept


class Reason(NamedTuple):
    """Why messages did not go out, how often, and when last. With no gateway: none was asked."""

    gateway: str
    words: str
    times: int
    last_at: datetime


class Overview(NamedTuple):
    """All of the page."""

    now: datetime
    since: datetime
    is_cut: bool  # there is more in the span than is read
    troubles: list[rules.Trouble]
    gateways: list[rules.Line]
    regions: list[rules.Line]
    reasons: list[Reason]
    waiting: figures.Queue
    resting: list[figures.Resting]


def overview(span: timedelta) -> Overview:
    """Everything about the last so many hours, until now."""
    now = clock.now()
    since = _since(now - span, now)
    asked = [_asked(row) for row in sql.rows(delivery_sql.ASKED, now, since, now)]
    codes = _codes(max(since, now - CODES_KEPT), now)
    sample = _sample(since, now)
    waiting = figures.queue(now)
    resting = figures.resting(now)
    messages, failed = sql.rows(delivery_sql.FAILED, max(since, now - rules.LATELY), now)[0]
    return Overview(
        now=now,
        since=since,
        is_cut=since > now - span,
        troubles=rules.troubles(resting, waiting, int(messages), int(failed), sample),
        gateways=[
            line if line.delivered or actions.reporting(line.name) else line._replace(delivered=None)
            for line in rules.lines(rules.by_gateway, asked, codes, sample, routing.gateways())
        ],
        regions=rules.lines(rules.by_region, asked, codes, sample),
        reasons=_reasons(since, now),
        waiting=waiting,
        resting=resting,
    )


def at_this_moment(now: datetime) -> tuple[list[rules.Trouble], list[figures.Resting], figures.Queue]:
    """What is wrong with delivery now, which gateways rest, and what waits: without what the whole page reads."""
    resting, waiting = figures.resting(now), figures.queue(now)
    messages, failed = sql.rows(delivery_sql.FAILED, _since(now - rules.LATELY, now), now)[0]
    newest = _sample(now - CODES_KEPT, now, NEWEST)
    return rules.troubles(resting, waiting, int(messages), int(failed), newest), resting, waiting


def _since(wanted: datetime, now: datetime) -> datetime:
    since = wanted
    for statement in (delivery_sql.NEWEST_MESSAGES, delivery_sql.NEWEST_ATTEMPTS):
        number, oldest = sql.rows(statement, since, now, READ)[0]
        if number >= READ:
            since = sql.moment(oldest)
    return since


def _asked(row: tuple[Any, ...]) -> rules.Asked:
    gateway, region, state, currency, number, cost, delivered = row
    price = None if cost is None else Decimal(str(cost)).quantize(CENT)  # SQLite adds up as floats
    return rules.Asked(gateway, region, state, currency, int(number), price, int(delivered))


def _codes(since: datetime, now: datetime) -> list[rules.Codes]:
    rows = sql.rows(delivery_sql.CONFIRMED, since, now, now - CODE_LIVES)
    return [rules.Codes(gateway, region, int(sent), int(confirmed)) for gateway, region, sent, confirmed in rows]


def _sample(since: datetime, now: datetime, most: int = SAMPLE) -> list[rules.Asking]:
    return [
        rules.Asking(gateway, region, state, reason, sql.moment(began), sql.moment(ended), sql.maybe_moment(arrived))
        for gateway, region, state, reason, began, ended, arrived in sql.rows(delivery_sql.SAMPLE, since, now, most)
    ]


def _reasons(since: datetime, now: datetime) -> list[Reason]:
    rows = [
        *(("", *row) for row in sql.rows(delivery_sql.NOBODY_ASKED, since, now)),
        *sql.rows(delivery_sql.REASONS, since, now, REASONS),
    ]
    found = [Reason(gateway, words, int(times), sql.moment(last)) for gateway, words, times, last in rows]
    return sorted(found, key=lambda reason: -reason.times)[:REASONS]
