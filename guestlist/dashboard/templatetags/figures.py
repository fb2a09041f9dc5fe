"""Figures as people here write them."""

from decimal import Decimal

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from guestlist.dashboard.rules import Trouble

NOTHING = "–"
SPACE = "\N{NO-BREAK SPACE}"
WORDS = {
    "no money": _("%(gateway)s says that there is no money: top up its account."),
    "wrong key": _("%(gateway)s does not know us: give it the right key, and restart."),
    "rests": _("%(gateway)s rests; failures in a row: %(failures)s. The reasons are below."),
    "waiting": _("Waiting messages: %(number)s, the oldest for %(time)s. See that what sends them runs, or run more."),
    "failures": _(
        "Of the %(number)s messages of the last 15 minutes %(failed)s failed, %(part)s. The reasons are below."
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
def country(region: str) -> str:
    """`RU`; in words where it is none."""
    return {"": gettext("unknown"), "001": gettext("no country")}.get(region, region)


@register.simple_tag
def told(trouble: Trouble) -> str:
    """What is wrong, and what to do."""
    facts = dict(trouble.facts)
    if trouble.name == "waiting":
        facts["time"] = seconds(float(facts["seconds"]))
    if trouble.name == "failures":
        facts["part"] = share(float(facts["share"]))
    return gettext(WORDS[trouble.name]) % facts
