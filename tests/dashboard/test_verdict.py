"""Whether all is well, in one word; and bars that are as high as their figures."""

import pytest

from guestlist.dashboard import charts, verdict
from guestlist.dashboard.charts import Figure
from guestlist.dashboard.rules import Trouble

WELL = verdict.State(
    is_breaker_open=False,
    wrong_today=0,
    budget=10_000,
    budget_used=0,
    paused=[],
    asked=0,
    confirmed=0,
    resting=[],
    gateways=["smsru", "twilio"],
)


def judged(*delivery: str, **state) -> tuple[str, list[str]]:
    found = verdict.verdict([Trouble(name, {}) for name in delivery], WELL._replace(**state))
    return found.level, [trouble.name for trouble in found.troubles]


def test_where_nothing_is_wrong_all_is_well():
    assert judged() == ("ok", [])


@pytest.mark.parametrize(
    ("used", "told"),
    [(5_999, ("ok", [])), (6_000, ("look", ["budget low"])), (8_000, ("act", ["budget spent"]))],
)
def test_the_days_codes_are_looked_at_before_they_are_spent(used, told):
    assert judged(budget_used=used) == told


@pytest.mark.parametrize(
    ("asked", "confirmed", "level"), [(49, 0, "ok"), (50, 18, "ok"), (50, 17, "look"), (1000, 350, "look")]
)
def test_few_confirmed_codes_are_worth_a_look_when_there_are_enough(asked, confirmed, level):
    assert judged(asked=asked, confirmed=confirmed)[0] == level


def test_one_gateway_that_rests_is_looked_at_and_when_none_is_left_somebody_must_act():
    assert judged("rests", resting=["smsru"]) == ("look", ["rests"])
    assert judged("rests", resting=["smsru", "twilio"]) == ("act", ["none left", "rests"])


def test_a_breaker_and_a_pause_are_worth_a_look():
    assert judged(is_breaker_open=True, paused=["region:KZ"]) == ("look", ["breaker", "paused"])


def test_the_loudest_is_told_first_and_names_the_whole():
    assert judged("rests", "no money", is_breaker_open=True) == ("act", ["no money", "rests", "breaker"])


# ---- bars


def test_bars_stand_on_zero_and_are_as_high_as_their_share_of_the_highest():
    marks = charts.chart([Figure("a", "a", 10, 5), Figure("b", "b", 20, 20), Figure("c", "c", 0, 0)]).marks
    whole = charts.BOTTOM - charts.TOP
    assert [mark.whole.height for mark in marks] == [whole // 2, whole, 0]
    assert [mark.part.height for mark in marks] == [whole // 4, whole, 0]
    assert {bar.y + bar.height for mark in marks for bar in (mark.whole, mark.part)} == {charts.BOTTOM}
    assert marks[0].whole.x < marks[1].whole.x < marks[2].whole.x < charts.WIDTH


def test_a_part_that_is_more_than_its_whole_fits_too():
    (mark,) = charts.chart([Figure("a", "a", 10, 40)]).marks
    assert (mark.whole.height * 4, mark.part.height) == (charts.BOTTOM - charts.TOP,) * 2


def test_the_highest_is_told_and_every_so_manieth_is_labelled_from_the_last():
    marks = charts.chart([Figure(str(number), "", float(number == 2)) for number in range(7)], every=3).marks
    assert [mark.figure.label for mark in marks if mark.is_told] == ["2"]
    assert [mark.figure.label for mark in marks if mark.is_labelled] == ["0", "3", "6"]


def test_nothing_at_all_is_a_chart_without_bars():
    assert charts.chart([]).marks == []
    assert [mark.whole.height for mark in charts.chart([Figure("a", "a", None)]).marks] == [0]
    assert (charts.length(0, 0), charts.length(1, 10**9), charts.length(5, 5)) == (0, charts.LEAST, charts.WHOLE)
