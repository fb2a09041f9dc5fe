"""Operators' sign-in: five wrong passwords in 15 minutes, thirty an hour, whatever LIMITS says; and their trail."""

import re
import threading
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client
from django.urls import reverse

from guestlist.lib import audit, clock, limits
from guestlist.lib.models import AuditLine
from guestlist.people.models import Person
from guestlist.signin.models import Session
from guestlist.web import operators

PASSWORD, WRONG = "long enough 42", "not the one 42"
START = datetime.fromisoformat("2026-01-31T12:00:00+00:00")
LOGIN = "/admin/login/"


@pytest.fixture(autouse=True)
def _cheap_and_forgetful(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    audit._floods.clear()
    yield
    audit._floods.clear()


@pytest.fixture
def olga(db):
    return User.objects.create_superuser("olga", password=PASSWORD)


@pytest.fixture
def operator(client, olga):
    client.force_login(olga)
    return client


def sign_in(name="olga", password=PASSWORD, ip="203.0.113.7", at=START, **headers):
    with clock.at(at):
        return Client(headers=headers, REMOTE_ADDR=ip).post(LOGIN, {"username": name, "password": password})


def statuses(*answers) -> list[int]:
    return [answer.status_code for answer in answers]


# ---- the limit


def test_the_right_password_opens_the_site(olga):
    answer = sign_in()
    assert answer.status_code == 302
    assert "guestlist_operator" in answer.cookies


@pytest.mark.parametrize("limits_", ["relaxed", "on"])
def test_after_five_wrong_ones_not_even_the_right_one_is_looked_at_for_a_quarter_of_an_hour(olga, settings, limits_):
    settings.LIMITS = limits_
    assert statuses(*(sign_in(password=WRONG) for _ in range(5))) == [200] * 5
    answer = sign_in(headers={"Accept": "text/html"})
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "900"
    assert "guestlist_operator" not in answer.cookies
    assert sign_in(at=START + timedelta(seconds=899)).status_code == 429
    assert sign_in(at=START + timedelta(seconds=900)).status_code == 302


def test_the_page_says_how_long_to_wait(olga):
    for _ in range(5):
        sign_in(password=WRONG)
    page = sign_in(Accept="text/html").content.decode()
    assert "That was too often. Try again in 15 minutes." in page


def test_only_wrong_ones_count(olga):
    for _ in range(4):
        sign_in(password=WRONG)
    assert statuses(*(sign_in() for _ in range(40))) == [302] * 40
    assert sign_in(password=WRONG).status_code == 200
    assert sign_in().status_code == 429


def test_what_is_empty_does_not_count(olga):
    for _ in range(10):
        sign_in(password="")
        sign_in(name="")
    assert sign_in().status_code == 302


@pytest.mark.parametrize(
    "names",
    [
        ["olga", "OLGA", "Olga", "oLGA", "olgA"],
        [" olga", "olga ", "  olga  ", "ol ga", "olga\u00a0"],
        ["ｏｌｇａ", "olga\u200b", "ólga", "OLGÁ", "o\u00adlga"],
    ],
)
def test_no_spelling_of_a_name_gives_more_tries(olga, names):
    for name in names:
        assert sign_in(name=name, password=WRONG).status_code == 200
    for name in ("olga", *names):
        assert sign_in(name=name).status_code == 429


def test_a_name_that_nobody_has_is_limited_alike(olga):
    known = [sign_in(password=WRONG) for _ in range(6)]
    unknown = [sign_in(name="nobody", password=WRONG, ip="203.0.113.8") for _ in range(6)]
    assert statuses(*known) == statuses(*unknown) == [200] * 5 + [429]
    assert bare(known[0]) == bare(unknown[0])


def bare(answer) -> str:
    return re.sub(r'(csrfmiddlewaretoken" value|name="username" value)="[^"]*"', "", answer.content.decode())


def test_another_address_and_another_name_have_tries_of_their_own(olga):
    User.objects.create_superuser("ivan", password=PASSWORD)
    for _ in range(5):
        sign_in(password=WRONG)
    assert statuses(sign_in(), sign_in(ip="203.0.113.8"), sign_in(name="ivan")) == [429, 302, 302]


def test_one_address_is_wrong_thirty_times_an_hour_with_any_names(olga):
    answers = [
        sign_in(name=f"name{number}", password=WRONG, at=START + timedelta(minutes=number)) for number in range(31)
    ]
    assert statuses(*answers) == [200] * 30 + [429]
    assert sign_in(at=START + timedelta(minutes=59)).status_code == 429
    assert sign_in(at=START + timedelta(minutes=60)).status_code == 302


def test_an_ipv6_address_counts_by_its_64(olga):
    for number in range(5):
        sign_in(password=WRONG, ip=f"2001:db8:1:2::{number}")
    assert sign_in(ip="2001:db8:1:2:ffff::1").status_code == 429
    assert sign_in(ip="2001:db8:1:3::1").status_code == 302


def test_behind_a_proxy_the_callers_address_counts(olga, settings):
    settings.TRUSTED_PROXIES = 1
    for _ in range(5):
        sign_in(password=WRONG, **{"X-Forwarded-For": "198.51.100.1"})
    assert sign_in(**{"X-Forwarded-For": "198.51.100.1"}).status_code == 429
    assert sign_in(**{"X-Forwarded-For": "198.51.100.1, 198.51.100.2"}).status_code == 302


def test_somebody_who_is_no_operator_counts_as_wrong(olga):
    User.objects.create_user("visitor", password=PASSWORD)
    assert statuses(*(sign_in(name="visitor") for _ in range(6))) == [200] * 5 + [429]


def test_a_wrong_one_has_counted_before_the_password_is_looked_at(olga, monkeypatch):
    """An error, or a process that is killed meanwhile, gives no try back."""

    def broken(*_, **__):
        raise RuntimeError

    monkeypatch.setattr("django.contrib.auth.forms.authenticate", broken)
    for _ in range(5):
        with pytest.raises(RuntimeError):
            sign_in()
    monkeypatch.undo()
    assert sign_in().status_code == 429


@pytest.mark.django_db(transaction=True)
def test_tries_at_the_same_moment_are_still_five():
    User.objects.create_superuser("olga", password=PASSWORD)
    found: list[int] = []

    def attempt():
        try:
            stranger = Client(REMOTE_ADDR="203.0.113.7")
            found.append(stranger.post(LOGIN, {"username": "olga", "password": WRONG}).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(20)]
    with clock.at(START):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == [200] * 5 + [429] * 15


def test_the_limits_can_be_set_by_name_and_are_checked_at_the_start(settings):
    settings.LIMIT_OVERRIDES = {"LIMIT_OPERATOR_SIGN_INS": "2/h"}
    limits.check_names(operators.POLICIES.values())
    assert limits.in_force(operators.POLICIES)["OPERATOR_SIGN_INS"].windows == ((2, 3600),)
    settings.LIMIT_OVERRIDES = {"LIMIT_OPERATOR_SIGN_INS": "never"}
    with pytest.raises(ImproperlyConfigured, match="LIMIT_OPERATOR_SIGN_INS"):
        limits.in_force(operators.POLICIES)


# ---- their trail


def trail(*events: str) -> list[tuple[str, str, str]]:
    lines = AuditLine.objects.filter(event__in=events) if events else AuditLine.objects.all()
    return list(lines.order_by("id").values_list("event", "ip", "facts"))


def test_each_sign_in_is_told_with_name_and_address_and_never_with_a_password(olga):
    sign_in(password=WRONG)
    sign_in(name="OLGA ", password=WRONG)
    sign_in(name=PASSWORD, password=WRONG)  # typed into the wrong field
    sign_in()
    names = [facts for _, _, facts in trail()]
    assert [event for event, _, _ in trail()] == ["operator.refused"] * 3 + ["operator.signed_in"]
    assert names[0] == names[3] == "by=olga"
    assert names[2] == "by=unknown"
    assert {ip for _, ip, _ in trail()} == {"203.0.113.7"}


def test_a_limited_one_is_told_with_the_policy(olga):
    for _ in range(8):
        sign_in(password=WRONG)
    assert trail("operator.limited") == [("operator.limited", "203.0.113.7", "reason=OPERATOR_SIGN_INS by=olga")]


def test_blocking_and_unblocking_are_told_with_the_operators_name(operator, alice):
    person = Person.objects.get()
    for act in ("block", "block", "unblock", "unblock"):  # the second of each changes nothing
        operator.post("/admin/people/person/", {"_selected_action": [person.pk], "action": act}, REMOTE_ADDR="10.0.0.9")
    told = trail("person.blocked", "person.unblocked")
    assert told == [("person.blocked", "10.0.0.9", "by=olga"), ("person.unblocked", "10.0.0.9", "by=olga")]
    assert {line.person_id for line in AuditLine.objects.filter(event__startswith="person.")} == {person.pk}


def test_ending_sessions_is_told_with_the_operators_name(operator, alice, bob, charlie):
    first, *others = Session.objects.order_by("created_at")
    operator.post(reverse("admin:signin_session_delete", args=[first.pk]), {"post": "yes"})
    chosen = {"_selected_action": [other.pk for other in others], "action": "delete_selected", "post": "yes"}
    operator.post("/admin/signin/session/", chosen)
    assert not Session.objects.exists()
    told = AuditLine.objects.filter(event="session.ended").order_by("id")
    assert {line.person_id for line in told} == {first.person_id, *(other.person_id for other in others)}
    assert [line.facts.partition(" ")[2] for line in told] == ["by=olga"] * 3


# ---- its page


AUDIT = "/admin/limits/auditline/"


def shown(operator, **query) -> set[str]:
    page = operator.get(AUDIT, query)
    assert page.status_code == 200, query
    return set(re.findall(r'field-phone">([^<]+)<', page.content.decode()))


def test_the_trail_is_found_by_number_last_digits_person_address_and_request(operator, guest):
    one = guest("+79001112233")
    one.client.defaults["REMOTE_ADDR"] = "198.51.100.77"
    request = one.ask().headers["X-Request-ID"]
    one.sign_in()
    guest("+79005556644").sign_in()
    alice, bob = "+7********33", "+7********44"
    assert shown(operator) >= {alice, bob}
    person = Person.objects.get(phone="+79001112233").pk
    for words in ("8 (900) 111-22-33", "+79001112233", "*33", alice.lstrip("+7"), "198.51.100.77", request):
        assert shown(operator, q=words) == {alice}, words
    assert alice in shown(operator, q=str(person))
    assert shown(operator, event="registered", q="*44") == {bob}
    for words in ("%", "' OR 1=1", "9" * 400, "\N{ARABIC-INDIC DIGIT ONE}", "анна"):
        assert shown(operator, q=words) == set(), words


def test_the_trail_can_be_read_and_nothing_else(operator, alice):
    line = AuditLine.objects.first()
    assert operator.get(f"{AUDIT}{line.pk}/change/").status_code == 200
    assert operator.post(f"{AUDIT}{line.pk}/change/", {"event": "x"}).status_code == 403
    assert operator.get(f"{AUDIT}add/").status_code == 403
    assert operator.post(f"{AUDIT}{line.pk}/delete/", {"post": "yes"}).status_code == 403
    operator.post(AUDIT, {"_selected_action": [line.pk], "action": "delete_selected", "post": "yes"})
    assert AuditLine.objects.filter(pk=line.pk, event=line.event).exists()


def test_by_month_and_by_day(operator, guest):
    with clock.at(START):
        guest("+79001112233").sign_in()
    assert shown(operator, at__year=2026, at__month=1, at__day=31) == {"+7********33"}
    assert shown(operator, at__year=2026, at__month=2) == set()
