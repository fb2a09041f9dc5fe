"""Which gateway for which number, for how long, and what is told of a message."""

from datetime import UTC, datetime, timedelta

import pytest

from guestlist.delivery import rules
from guestlist.delivery.rules import Route, State

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
EARLIER, LATER = NOW - timedelta(seconds=5), NOW + timedelta(seconds=5)
GATEWAYS, REGIONS = ["smsru", "telegram", "twilio"], {"RU", "KZ", "US", "JM"}


def routes(*entries: str) -> list[Route]:
    return rules.routes(entries, GATEWAYS, REGIONS)


def test_the_closest_route_decides_whatever_its_place():
    found = routes("RU:smsru,telegram", "1:telegram", "1876:twilio", "KZ:twilio", "770:smsru")
    for phone, region, expected in [
        ("+79001112233", "RU", ("smsru", "telegram")),
        ("+77012345678", "KZ", ("smsru",)),  # 770 says more than the region
        ("+77112345678", "KZ", ("twilio",)),
        ("+18765550101", "JM", ("twilio",)),
        ("+12025550101", "US", ("telegram",)),
        ("+491512345678", "DE", tuple(GATEWAYS)),
    ]:
        assert rules.order(phone, region, found, GATEWAYS) == expected


@pytest.mark.parametrize("where", ["ru", "+1876", " RU "])
def test_a_route_is_read_forgivingly(where):
    assert routes(f"{where}: twilio , smsru")[0].gateways == ("twilio", "smsru")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("RU", "must be like"),
        ("RU:", "must be like"),
        ("XX:smsru", "must be like"),
        ("12x:smsru", "must be like"),
        (":smsru", "must be like"),
        ("1234567890123456:smsru", "must be like"),
        ("٧:smsru", "must be like"),
        ("07:smsru", "must be like"),
        ("RU:smsru,smsru", "twice"),
        ("RU:vonage", "'vonage'"),
    ],
)
def test_a_route_that_leads_nowhere_is_refused_and_named(entry, said):
    with pytest.raises(ValueError, match=said):
        routes(entry)


def test_two_routes_for_one_place_are_refused():
    with pytest.raises(ValueError, match="RU stands there twice"):
        routes("RU:smsru", "ru:twilio")


def test_a_gateway_has_less_time_when_another_one_waits_and_all_have_twelve_seconds():
    assert rules.seconds_for(1, 12.0) == 4.0
    assert rules.seconds_for(0, 12.0) == 10.0
    assert rules.seconds_for(0, 4.0) == 4.0
    assert rules.DEADLINE <= 12.0
    assert timedelta(seconds=2 * rules.DEADLINE) < rules.LEASE  # whoever sends is done long before another may begin


def test_retries_come_slower_and_slower():
    waits = [rules.retry_in(claims).total_seconds() for claims in range(1, 8)]
    assert waits == sorted(waits)
    assert waits[0] == 5
    assert waits[-1] == 40


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (("accepted", "", None, None), State("queued", None)),
        (("sent", "", EARLIER, None), State("sent", None)),
        (("delivered", "", EARLIER, EARLIER), State("delivered", None)),
        (("delivered", "", EARLIER, LATER), State("sent", None)),
        (("failed", "", EARLIER, EARLIER), State("failed", "undelivered")),
        (("failed", "", EARLIER, LATER), State("sent", None)),
        (("failed", "", None, EARLIER), State("failed", "not_sent")),
        (("withheld", "", EARLIER, None), State("sent", None)),
        (("withheld", "delivered", EARLIER, LATER), State("sent", None)),
        (("withheld", "delivered", EARLIER, EARLIER), State("delivered", None)),
        (("withheld", "undelivered", EARLIER, LATER), State("sent", None)),
        (("withheld", "undelivered", EARLIER, EARLIER), State("failed", "undelivered")),
        (("withheld", "", None, EARLIER), State("failed", "not_sent")),
    ],
)
def test_what_is_told_of_a_message(row, told):
    assert rules.shown(*row, NOW) == told
