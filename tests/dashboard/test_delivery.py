"""/admin/delivery/overview/: what it counts, on the connected database; who may see it; what it says is wrong."""

import re
from datetime import datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import translation

from guestlist.dashboard import delivery
from guestlist.dashboard.templatetags import figures
from guestlist.delivery.models import Attempt, Message, Rest
from guestlist.lib import clock
from guestlist.signin.models import Challenge

NOW = datetime.fromisoformat("2026-01-31T12:00:00+00:00")
PAGE = "/admin/delivery/overview/"
PHONE = "+79001112233"
SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))


@pytest.fixture(autouse=True)
def _now(db):
    with clock.at(NOW):
        yield


@pytest.fixture
def operator(client):
    client.force_login(User.objects.create_superuser("olga", password="long enough 42"))
    return client


def message(ago=HOUR, region="RU", gateway="smsru", state="sent", **more) -> Message:
    """A message that was accepted so long ago, and sent at once."""
    at = NOW - ago
    facts = {"kind": "code", "reference": "-", "phone": PHONE, "language": "ru", "sent_at": at, **more}
    return Message.objects.create(
        **facts, region=region, gateway=gateway, state=state, created_at=at, expires_at=at + 5 * MINUTE
    )


def attempt(of: Message, gateway="smsru", state="sent", reason="", took=1.0, price=None, currency="", **more) -> None:
    began = more.get("at", of.created_at)
    Attempt.objects.create(
        message=of,
        gateway=gateway,
        channel="sms",
        state=state,
        reason=reason,
        price=price,
        currency=currency,
        began_at=began,
        ended_at=began + took * SECOND,
    )


def challenge(id_: str, asked_ago: timedelta, is_used: bool) -> str:
    at = NOW - asked_ago
    used_at = at + SECOND if is_used else None
    Challenge.objects.create(
        id=id_,
        phone=PHONE,
        salt="",
        pepper_id=1,
        digits=4,
        created_at=at,
        expires_at=at + 5 * MINUTE,
        used_at=used_at,
    )
    return id_


def read(span=DAY) -> delivery.Overview:
    return delivery.overview(span)


def line(lines, name: str):
    return next(found for found in lines if found.name == name)


def text(answer) -> str:
    assert answer.status_code == 200
    return " ".join(re.sub("<[^>]+>", " ", answer.content.decode()).split())


# ---- what it counts


def test_attempts_are_counted_by_gateway_and_by_country():
    one = message(state="delivered", ended_at=NOW - HOUR + 5 * SECOND)
    attempt(one, "telegram", "failed", "not reached by this gateway")
    attempt(one, "smsru", took=3, price=Decimal("6.20000"), currency="RUB")
    two = message(region="KZ", gateway="twilio")
    attempt(two, "smsru", "maybe", "no answer in time")
    attempt(two, "twilio", price=Decimal("0.07900"), currency="USD")
    attempt(message(), "smsru", took=5, price=Decimal("6.20000"), currency="RUB")
    found = read()
    smsru = line(found.gateways, "smsru")
    assert (smsru.asked, smsru.sent, smsru.maybe, smsru.failed, smsru.delivered) == (3, 2, 1, 0, 1)
    assert (smsru.answers_in, smsru.arrives_in, smsru.costs) == (3.0, 5.0, [(Decimal("12.4"), "RUB")])
    assert [(found.name, found.asked, found.failed) for found in found.regions] == [("RU", 3, 1), ("KZ", 2, 0)]
    assert line(found.regions, "KZ").costs == [(Decimal("0.079"), "USD")]


def test_only_the_span_is_counted():
    for ago in (MINUTE, DAY - SECOND, DAY + SECOND, 7 * DAY - SECOND, 7 * DAY + SECOND):
        attempt(message(ago))
    assert line(read().gateways, "smsru").asked == 2
    assert line(read(7 * DAY).gateways, "smsru").asked == 4


def test_what_has_not_arrived_yet_or_by_another_gateway_is_not_delivered():
    attempt(message(state="delivered", ended_at=NOW + SECOND))
    attempt(message(state="delivered", gateway="twilio", ended_at=NOW), "smsru")
    attempt(message(state="failed", ended_at=NOW))
    assert line(read().gateways, "smsru").delivered is None  # nor does it report


def test_confirmed_are_codes_used_of_messages_sent_and_what_may_still_be_typed_does_not_count():
    for number in range(4):
        message(reference=challenge(f"{number}", HOUR, is_used=number < 3))
    message(reference="0")  # sent again: one code, two messages
    message(MINUTE, reference=challenge("young", MINUTE, is_used=False))
    message(MINUTE, reference=challenge("quick", MINUTE, is_used=True))
    message(state="failed", sent_at=None, reference=challenge("unsent", HOUR, is_used=False))
    message(state="withheld", reference=challenge("withheld", HOUR, is_used=False))
    message(kind="test", reference=challenge("test", HOUR, is_used=False))
    assert [tuple(one) for one in delivery._codes(NOW - DAY, NOW)] == [("smsru", "RU", 6, 4)]


def test_the_reasons_are_told_the_most_frequent_first_with_those_for_which_nobody_was_asked():
    for _ in range(3):
        attempt(message(), state="failed", reason="no money (201)")
    attempt(message(), "twilio", "maybe", "no answer in time")
    for reason in ("no longer due", "no longer due", "asked again"):
        message(gateway="", state="failed", reason=reason, sent_at=None)
    found = [(reason.gateway, reason.words, reason.times) for reason in read().reasons]
    assert found == [("smsru", "no money (201)", 3), ("", "no longer due", 2), ("twilio", "no answer in time", 1)]


def test_of_more_than_is_read_the_newest_are_and_the_span_says_so(monkeypatch):
    monkeypatch.setattr(delivery, "READ", 4)
    for hours in range(1, 8):
        attempt(message(hours * HOUR))
    found = read()
    assert (found.is_cut, found.since) == (True, NOW - 4 * HOUR)
    assert line(found.gateways, "smsru").asked == 3
    monkeypatch.setattr(delivery, "READ", 8)
    assert not read().is_cut


def test_more_attempts_than_messages_cut_it_too(monkeypatch):
    monkeypatch.setattr(delivery, "READ", 4)
    one = message(3 * HOUR)
    for minutes in range(6):
        attempt(one, at=NOW - 2 * HOUR + minutes * MINUTE)
    assert read().since == NOW - 2 * HOUR + 2 * MINUTE


def test_reading_is_all_it_does_and_takes_the_same_statements_however_many_there_are(django_assert_num_queries):
    for _ in range(30):
        attempt(message())
    with django_assert_num_queries(10) as done:
        read()
    assert all(query["sql"].startswith("SELECT ") for query in done.captured_queries)


# ---- what is wrong


def test_where_all_is_well_it_says_so(operator):
    attempt(message())
    page = operator.get(PAGE)
    assert "All is well." in text(page)
    assert 'class="verdict act"' not in page.content.decode()


def test_it_says_what_is_wrong_and_what_to_do(operator):
    for _ in range(6):
        attempt(message(MINUTE, state="failed"), state="failed", reason="no money (201)")
    Rest.objects.create(gateway="smsru", failures=23, rests_until=NOW + MINUTE)
    Rest.objects.create(gateway="twilio", failures=10, rests_until=NOW - SECOND)
    message(45 * SECOND, state="accepted", gateway="", sent_at=None, due_at=NOW - 45 * SECOND)
    answer = operator.get(PAGE)
    assert 'class="verdict act"' in answer.content.decode()
    page = text(answer)
    for words in (
        "smsru says that there is no money: top up its account.",
        "smsru rests; failures in a row: 23.",
        "Waiting messages: 1, the oldest for 45 s.",
        "Of the 6 messages of the last 15 minutes 6 failed, 100 %.".replace("100 %", "100\xa0%"),
    ):
        assert " ".join(words.split()) in page, words
    assert "All is well." not in page
    assert "twilio rests" not in page


def test_a_message_that_was_asked_for_again_has_not_failed(operator):
    for _ in range(6):
        message(MINUTE, state="failed", reason="asked again", sent_at=None, gateway="")
    assert "All is well." in text(operator.get(PAGE))


# ---- the page


def test_an_empty_one_says_what_will_be_there(operator):
    page = text(operator.get(PAGE))
    assert "Nothing was sent in this time. What is sent will be counted here." in page
    assert "None rests." in page


def test_it_has_no_number_and_no_code_and_breaks_no_policy(operator, guest):
    code = guest(PHONE).ask().json()["code"]
    answer = operator.get(PAGE)
    page = answer.content.decode()
    assert "simulated" in page
    assert PHONE not in page
    assert PHONE[2:] not in page
    assert f">{code}<" not in page
    assert "'unsafe-inline'" not in answer.headers["Content-Security-Policy"]
    assert not re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son\w+=", page)


def test_the_week_is_a_press_away(operator):
    attempt(message(3 * DAY))
    assert "smsru" not in text(operator.get(PAGE))
    page = operator.get(PAGE, {"days": "7"})
    assert "smsru" in text(page)
    assert 'href="?days=7" aria-current="page"' in page.content.decode()
    assert "smsru" not in text(operator.get(PAGE, {"days": "x"}))


def test_a_russian_operator_reads_russian(operator):
    attempt(message())
    page = text(operator.get(PAGE, headers={"Accept-Language": "ru"}))
    for words in ("Всё в порядке.", "По шлюзам", "По странам", "Введено", "Никто не отдыхает."):
        assert words in page


@pytest.mark.parametrize("trouble", figures.WORDS)
@pytest.mark.parametrize("language", ["en", "ru"])
def test_each_trouble_has_words(trouble, language):
    facts = {"gateway": "smsru", "failures": 10, "number": 9, "seconds": 200.0, "failed": 3, "share": 1 / 3}
    facts |= {"used": 9000, "budget": 10_000, "scopes": "region:KZ", "asked": 60, "confirmed": 5}
    with translation.override(language):
        told = figures.told(SimpleNamespace(name=trouble, facts=facts))
    assert "%(" not in told
    assert bool(re.search("[а-яё]", told)) == (language == "ru")


# ---- who may see it


def test_strangers_are_asked_to_sign_in(client):
    assert client.get(PAGE).headers["Location"].startswith("/admin/login/")


def test_only_staff_who_may_view_messages_see_it_and_its_entry(client):
    ivan = User.objects.create_user("ivan", password="long enough 42", is_staff=True)
    ivan.user_permissions.add(Permission.objects.get(codename="view_rest"))
    client.force_login(ivan)
    assert client.get(PAGE).status_code == 403
    assert PAGE not in client.get("/admin/").content.decode()
    ivan.user_permissions.add(Permission.objects.get(codename="view_message"))
    assert client.get(PAGE).status_code == 200
    for page in ("/admin/", "/admin/delivery/"):
        assert f'href="{PAGE}"' in client.get(page).content.decode()
    assert PAGE not in client.get("/admin/auth/", follow=True).content.decode()


def test_it_is_only_read(operator):
    assert operator.post(PAGE).status_code == 405
