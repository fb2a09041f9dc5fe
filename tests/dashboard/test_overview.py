"""/admin/overview/: what it counts, on the connected database; whether all is well; who may see it."""

import html
import re
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import Permission, User

from guestlist.dashboard import overview as overviews
from guestlist.dashboard.overview import Compared, Country, overview
from guestlist.delivery.models import Rest
from guestlist.invites.models import JournalLine, Tally
from guestlist.lib import clock
from guestlist.lib.models import AuditLine
from guestlist.people.models import Person
from guestlist.signin.models import Challenge, Pause
from tests.web.test_markup import Strict

NOW = datetime.fromisoformat("2026-01-31T12:30:00+00:00")
PAGE = "/admin/overview/"
SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))


@pytest.fixture(autouse=True)
def _now(db):
    with clock.at(NOW):
        yield


@pytest.fixture
def operator(client):
    client.force_login(User.objects.create_superuser("olga", password="long enough 42"))
    return client


def happened(event: str, *ago: timedelta, facts: str = "") -> None:
    AuditLine.objects.bulk_create(AuditLine(at=NOW - one, event=event, facts=facts) for one in ago)


def asked(number: int, region="RU", ago=HOUR, took: float | None = None) -> None:
    for _ in range(number):
        at = NOW - ago
        used_at = None if took is None else at + took * SECOND
        id_ = f"{Challenge.objects.count():064}"
        Challenge.objects.create(
            id=id_,
            phone="+79001112233",
            salt="",
            pepper_id=1,
            digits=4,
            created_at=at,
            expires_at=at + 5 * MINUTE,
            used_at=used_at,
            region=region,
        )


def person(number: int, ago=HOUR, **more) -> Person:
    at = NOW - ago
    facts = {"phone": f"+7900111{number:04}", "invite_code": f"{number:06}", "created_at": at, **more}
    return Person.objects.create(**facts)


def text(answer) -> str:
    assert answer.status_code == 200
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", answer.content.decode())).split())


# ---- what it counts


def test_hours_are_those_of_the_clock_and_the_last_is_not_over():
    happened("code.asked", MINUTE, 29 * MINUTE, 31 * MINUTE, 23 * HOUR, 24 * HOUR)
    happened("signed_in", MINUTE, 2 * HOUR)
    hours = overview().hours
    assert len(hours) == 24
    assert [(hour.asked, hour.confirmed) for hour in hours[-3:]] == [(0, 1), (1, 0), (2, 1)]
    assert hours[-1].begins_at == NOW - 30 * MINUTE
    assert sum(hour.asked for hour in hours) == 4  # the fifth is older than all of them


def test_today_stands_beside_the_same_hours_a_week_ago():
    week = 7 * DAY
    happened("code.asked", HOUR, 2 * HOUR, 13 * HOUR, week - HOUR, week + HOUR, week + 13 * HOUR)
    happened("signed_in", HOUR)
    happened("registered", HOUR, week + 2 * HOUR)
    JournalLine.objects.create(at=NOW - HOUR, what="activated", invitee_id=1, inviter_id=2, code="000002")
    JournalLine.objects.create(at=NOW - HOUR, what="undone", invitee_id=1, inviter_id=2, code="000002")
    found = overview()
    assert found.today == Compared(asked=2, confirmed=1, arrived=1, activated=1)
    assert found.before == Compared(asked=1, confirmed=0, arrived=1, activated=0)


def test_days_are_those_of_the_operators_zone(settings):
    person(1, 13 * HOUR)  # 23:30 of the day before in London, 02:30 of today in Moscow
    person(2, MINUTE)
    assert [day.arrived for day in overview().days[-2:]] == [1, 1]
    settings.TIME_ZONE = "Europe/Moscow"
    from django.utils import timezone

    timezone.get_default_timezone.cache_clear()
    try:
        days = overview().days
        assert [day.arrived for day in days[-2:]] == [0, 2]
        assert len(days) == 30
    finally:
        timezone.get_default_timezone.cache_clear()


def test_countries_count_what_is_confirmed_or_over():
    asked(3, "RU", took=10)
    asked(2, "RU")
    asked(1, "KZ")
    asked(4, "KZ", ago=MINUTE)  # these may still be typed
    asked(1, "US", ago=MINUTE, took=5)
    asked(1, "", took=5)  # withheld, or of no country
    asked(1, "AM", ago=DAY + HOUR)
    assert overview().countries == [Country("RU", 5, 3), Country("KZ", 1, 0), Country("US", 1, 1)]


def test_times_are_the_middle_one_and_that_of_nine_in_ten():
    for seconds in range(1, 12):
        asked(1, took=seconds)
    asked(5)
    times = overview().times
    assert (times.number, times.median, times.p90) == (11, 6.0, 10.0)


def test_limits_are_counted_with_the_refusals_that_their_lines_stand_for():
    happened("limit.refused", MINUTE, HOUR, facts="reason=CODES_PAUSE of=code.refused")
    happened("limit.refused", HOUR, facts="reason=CODES_PAUSE of=code.refused left_out=7")
    happened("limit.refused", HOUR, facts="reason=INVITE_TRIES_PER_PERSON of=invite.refused")
    happened("limit.refused", DAY + HOUR, facts="reason=CODES_PER_PREFIX")
    assert overview().limits == [("CODES_PAUSE", 10), ("INVITE_TRIES_PER_PERSON", 1)]


def test_inviters_are_told_by_their_tally_the_most_first():
    for number in range(1, 14):
        Tally.objects.create(inviter=person(number), invitees=number - 1)
    found = overview().inviters
    assert [one.invitees for one in found] == list(range(12, 2, -1))
    assert (found[0].invite_code, found[0].masked) == ("000013", "+7 900 ***-**-13")


def test_a_count_stops_at_its_limit_and_says_so(operator, monkeypatch):
    monkeypatch.setattr(overviews, "MOST", 3)
    monkeypatch.setattr("guestlist.dashboard.templatetags.figures.MOST", 3)
    happened("code.asked", *[MINUTE] * 5)
    assert overview().hours[-1].asked == 3
    assert "3+" in text(operator.get(PAGE))


def test_reading_is_all_it_does_and_takes_the_same_statements_however_many_there_are(django_assert_num_queries):
    overview()  # the breaker's statistics are kept for an hour
    with django_assert_num_queries(130) as done:
        overview()
    assert all(query["sql"].startswith("SELECT ") for query in done.captured_queries)
    asked(20, took=5)
    happened("code.asked", *[MINUTE] * 30)
    with django_assert_num_queries(130):
        overview()


# ---- whether all is well


def level(page: str) -> str:
    return re.search(r'class="verdict (\w+)"', page)[1]


@pytest.mark.parametrize("address", [PAGE, "/admin/"])
def test_all_is_well_is_said_in_words(operator, address):
    page = operator.get(address)
    assert "All is well." in text(page)
    assert level(page.content.decode()) == "ok"


@pytest.mark.parametrize("address", [PAGE, "/admin/"])
def test_something_to_look_at_is_said_in_words(operator, address):
    Pause.objects.create(scope="region:KZ", region="KZ", seconds=900, ends_at=NOW + MINUTE)
    Pause.objects.create(scope="region:AM", region="AM", seconds=900, ends_at=NOW + MINUTE, is_dry=True)
    Pause.objects.create(scope="region:US", region="US", seconds=900, ends_at=NOW - MINUTE)
    page = operator.get(address)
    assert "Have a look." in text(page)
    assert "Paused, for nobody confirms the codes: region:KZ." in text(page)
    assert level(page.content.decode()) == "look"


@pytest.mark.parametrize("address", [PAGE, "/admin/"])
def test_something_to_do_is_said_in_words(operator, address):
    Rest.objects.create(gateway="simulated", failures=10, rests_until=NOW + MINUTE)
    page = operator.get(address)
    assert "Act now." in text(page)
    assert "Every gateway rests" in text(page)
    assert level(page.content.decode()) == "act"


def test_an_hour_in_which_hardly_anybody_confirms_is_worth_a_look(operator):
    happened("code.asked", *[MINUTE] * 60)
    happened("signed_in", *[MINUTE] * 5)
    page = text(operator.get(PAGE))
    assert "Of the 60 codes of the last hour 5 were confirmed" in page


def test_a_spent_budget_is_told(operator, settings, monkeypatch):
    monkeypatch.setattr("guestlist.signin.sending.budget_used", lambda now: 9_000)
    assert "9,000 of the day's 10,000 codes are sent, 90" in text(operator.get(PAGE))


# ---- the page


def test_each_chart_has_its_figures_as_a_table(operator):
    happened("code.asked", *[MINUTE] * 7)
    happened("signed_in", *[MINUTE] * 4)
    page = operator.get(PAGE).content.decode()
    row = re.search(r'<tr><th scope="row">01/31/2026 noon</th>(.*?)</tr>', page)
    assert row, page
    assert re.findall(">([^<]+)</td>", row[1]) == ["7", "4", "57\xa0%"]
    assert page.count("<details>") == 2
    assert len(re.findall(r'<svg [^>]*role="img"', page)) == 3


def test_an_empty_one_says_what_will_be_there(operator):
    page = text(operator.get(PAGE))
    for words in ("Nobody asked for a code in 24 hours.", "No code was confirmed in 24 hours.", "None did."):
        assert words in page


def test_it_has_no_number_and_no_code_and_breaks_no_policy(operator, guest, alice, bob):
    bob.activate(alice.profile()["invite_code"])
    code = guest("+79003334455").ask().json()["code"]
    for address in (PAGE, "/admin/", "/admin/login/"):
        page = operator.get(address).content.decode()
        assert Strict(page).found == []
        assert "+79001112233" not in page
        assert f">{code}<" not in page
    assert alice.profile()["invite_code"] in operator.get(PAGE).content.decode()


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_charts_attributes_are_plain_numbers_in_every_language(operator, language):
    happened("code.asked", *[MINUTE] * 7, 2 * HOUR)
    page = operator.get(PAGE, headers={"Accept-Language": language}).content.decode()
    tags = re.findall(r"<(?:rect|text|line) [^>]*>", page)
    values = re.findall(r' (?:x|y|width|height|x1|x2|y1|y2)="([^"]*)"', " ".join(tags))
    assert len(values) > 200
    assert all(value.isdigit() for value in values), [value for value in values if not value.isdigit()]


def test_a_russian_operator_reads_russian(operator):
    page = text(operator.get(PAGE, headers={"Accept-Language": "ru"}))
    for words in ("Всё в порядке.", "Коды по часам", "Новые люди", "Кто привёл больше всех", "Предохранитель"):
        assert words in page
    assert "Conversion" not in page


# ---- who may see it


def test_strangers_are_asked_to_sign_in(client):
    assert client.get(PAGE).headers["Location"].startswith("/admin/login/")


def test_only_staff_who_may_view_all_that_it_tells_see_it(client):
    ivan = User.objects.create_user("ivan", password="long enough 42", is_staff=True)
    client.force_login(ivan)
    for codename in ("view_message", "view_challenge", "view_person"):
        ivan.user_permissions.add(Permission.objects.get(codename=codename))
    assert client.get(PAGE).status_code == 403
    index = client.get("/admin/").content.decode()
    assert PAGE not in index
    assert "verdict" not in index
    ivan.user_permissions.add(Permission.objects.get(codename="view_auditline"))
    assert client.get(PAGE).status_code == 200
    index = client.get("/admin/").content.decode()
    assert index.index(f'href="{PAGE}"') < index.index("/admin/people/")


def test_it_is_only_read(operator):
    assert operator.post(PAGE).status_code == 405
