"""Figures as people here write them."""

from decimal import Decimal

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from guestlist.dashboard import charts, verdict
from guestlist.dashboard.overview import MOST
from guestlist.dashboard.rules import Trouble
from guestlist.delivery.models import Message
from guestlist.lib import desk

NOTHING = "–"
SPACE = "\N{NO-BREAK SPACE}"
WORDS = {
    "no money": _("%(gateway)s says that there is no money: top up its account."),
    "wrong key": _("%(gateway)s does not know us: give it the right key, and restart."),
    "rests": _("%(gateway)s rests; failures in a row: %(failures)s. The overview of delivery has the reasons."),
    "waiting": _("Waiting messages: %(number)s, the oldest for %(time)s. See that what sends them runs, or run more."),
    "failures": _(
        "Of the %(number)s messages of the last 15 minutes %(failed)s failed, %(part)s."
        " The overview of delivery has the reasons."
    ),
    "none left": _("Every gateway rests: no message goes out. Ask their providers, or name another gateway."),
    "budget spent": _(
        "%(used)s of the day's %(budget)s codes are sent, %(part)s: only known devices get more until midnight (UTC)."
        " If it is no attack, raise SMS_DAILY_BUDGET."
    ),
    "budget low": _(
        "%(used)s of the day's %(budget)s codes are sent, %(part)s; from 80 %% on only known devices get any."
    ),
    "breaker": _(
        "The breaker is open: unknown devices get six digits; %(number)s short codes were guessed wrong in 24 hours."
    ),
    "paused": _("Paused, for nobody confirms the codes: %(scopes)s. End it under Pauses if that is no attack."),
    "unconfirmed": _(
        "Of the %(asked)s codes of the last hour %(confirmed)s were confirmed, %(part)s: see what arrives and who asks."
    ),
}

register = template.Library()


@register.filter
def count(number: int | None) -> str:
    """`12,345`; a dash where there is nothing to say."""
    return NOTHING if number is None else number_format(number, 0, force_grouping=True)


@register.filter
def share(part: float | None) -> str:
    """`87 %`."""
    return NOTHING if part is None else f"{number_format(100 * part, 0)}{SPACE}%"


@register.filter
def seconds(value: float | None) -> str:
    """`0.4 s`, and from a minute on whole minutes."""
    if value is None:
        return NOTHING
    if value >= 100:
        return gettext("%(number)s min") % {"number": number_format(value / 60, 0)}
    return gettext("%(number)s s") % {"number": number_format(value, 1 if value < 10 else 0)}


@register.filter
def money(cost: tuple[Decimal, str]) -> str:
    """`12.35 RUB`; small sums with more places."""
    amount, currency = cost
    return f"{number_format(amount, 2 if amount >= 1 else 4, force_grouping=True)}{SPACE}{currency}".strip()


@register.filter
def bounded(number: int | None) -> str:
    """The same of a count that stops at a limit: `10,000+`."""
    return f"{count(number)}+" if number is not None and number >= MOST else count(number)


@register.filter
def listed(number: int) -> str:
    """The same of the rows of a list."""
    return f"{count(number)}+" if number >= desk.MOST else count(number)


@register.filter
def bar(value: float, most: float) -> int:
    """How long the bar of a table's row is."""
    return charts.length(value, most)


@register.filter
def part_of(part: float, whole: float) -> float | None:
    """A share; of nothing there is none."""
    return min(1.0, part / whole) if whole else None


@register.filter
def state(name: str) -> str:
    """The state of a message, in words."""
    return str(dict(Message._meta.get_field("state").flatchoices).get(name, name))


@register.filter
def level(trouble: Trouble) -> str:
    """How loud something that is wrong is."""
    return verdict.level(trouble)


@register.filter
def country(region: str) -> str:
    """`RU`; in words where it is none."""
    return {"": gettext("unknown"), "001": gettext("no country")}.get(region, region)


@register.simple_tag
def told(trouble: Trouble) -> str:
    """What is wrong, and what to do."""
    facts = dict(trouble.facts)
    for name in ("used", "budget", "asked", "confirmed"):
        if name in facts:
            facts[name] = count(facts[name])
    if trouble.name == "waiting":
        facts["time"] = seconds(float(facts["seconds"]))
    if "share" in facts:
        facts["part"] = share(float(facts["share"]))
    return gettext(WORDS[trouble.name]) % facts
