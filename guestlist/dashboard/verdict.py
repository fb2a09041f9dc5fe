"""Whether all is well with the service: what is wrong now, and how soon somebody must do something. Pure."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from guestlist.dashboard.rules import Trouble

OK, LOOK, ACT = "ok", "look", "act"
LOUDNESS = (OK, LOOK, ACT)
# What is not named here can wait until somebody has looked.
CALLS = ("no money", "wrong key", "waiting", "failures", "none left", "budget spent")
BUDGET_LOW = 0.6  # of the day's codes; from FOR_ANYBODY on those that are left are for known devices
FOR_ANYBODY = 0.8
LEAST_ASKED = 50  # fewer codes in an hour say nothing
LEAST_CONFIRMED = 0.35  # of them; from there on countries alarm too


class State(NamedTuple):
    """What the verdict is given by, beside delivery's own troubles."""

    is_breaker_open: bool
    wrong_today: int
    budget: int
    budget_used: int
    paused: Collection[str]
    asked: int  # in the last hour
    confirmed: int
    resting: Collection[str]
    gateways: Collection[str]


class Verdict(NamedTuple):
    """One word for all of it, and the troubles behind it, the loudest first."""

    level: str
    troubles: list[Trouble]
    levels: Mapping[str, str]


def verdict(delivery: Sequence[Trouble], state: State) -> Verdict:
    """Judge."""
    found = [*delivery, *_troubles(state)]
    if state.gateways and set(state.gateways) <= set(state.resting):
        found = [Trouble("none left", {}), *found]
    found.sort(key=lambda trouble: -LOUDNESS.index(level(trouble)))
    loudest = level(found[0]) if found else OK
    return Verdict(loudest, found, {trouble.name: level(trouble) for trouble in found})


def level(trouble: Trouble) -> str:
    """How loud one is."""
    return ACT if trouble.name in CALLS else LOOK


def _troubles(state: State) -> list[Trouble]:
    found = []
    used = state.budget_used / state.budget
    budget = {"used": state.budget_used, "budget": state.budget, "share": used}
    if used >= FOR_ANYBODY:
        found.append(Trouble("budget spent", budget))
    elif used >= BUDGET_LOW:
        found.append(Trouble("budget low", budget))
    if state.is_breaker_open:
        found.append(Trouble("breaker", {"number": state.wrong_today}))
    if state.paused:
        found.append(Trouble("paused", {"scopes": ", ".join(sorted(state.paused))}))
    if state.asked >= LEAST_ASKED and state.confirmed <= LEAST_CONFIRMED * state.asked:
        share = state.confirmed / state.asked
        found.append(Trouble("unconfirmed", {"asked": state.asked, "confirmed": state.confirmed, "share": share}))
    return found
