"""Sessions: listed, ended one by one, all others, or by signing out; and how long they live."""

import re
from datetime import datetime, timedelta

import pytest

from guestlist.lib import clock, keys
from guestlist.lib.audit import Operator
from guestlist.people import actions as people
from guestlist.people.models import Person
from guestlist.signin.models import Session
from tests.guests import is_problem

PHONE, OTHER_PHONE = "+79001112233", "+79005556677"
PROFILE, SESSIONS = "/user/user-profile/", "/user/sessions/"
BROWSER = {"Origin": "http://testserver"}


def current(guest) -> str:
    return next(one["id"] for one in guest.get(SESSIONS).json() if one["current"])


def is_alive(guest) -> bool:
    answer = guest.get(PROFILE)
    assert answer.status_code == 200 or is_problem(answer, 401, "not_signed_in")
    return answer.status_code == 200


# ---- the list


def test_my_sessions_are_listed_newest_first(guest):
    start = clock.now()
    phones = [guest(PHONE, **{"User-Agent": name}) for name in ("old", "middle", "new")]
    for hour, phone in enumerate(phones):
        with clock.at(start + timedelta(hours=hour)):
            phone.sign_in()
    with clock.at(start + timedelta(hours=2, seconds=1)):
        listed = phones[1].get(SESSIONS).json()
    assert [one["user_agent"] for one in listed] == ["new", "middle", "old"]
    assert [one["current"] for one in listed] == [False, True, False]
    assert [one["created_at"] for one in listed] == [clock.rfc3339(start + timedelta(hours=hour)) for hour in (2, 1, 0)]


def test_a_session_shows_what_the_contract_says(guest):
    alice = guest(PHONE, **{"User-Agent": "Кофеварка/1.0 " + "x" * 300}).sign_in()
    (shown,) = alice.get(SESSIONS).json()
    assert set(shown) == {"id", "current", "created_at", "last_seen_at", "ip", "user_agent"}
    assert re.fullmatch(r"[\w-]{22}", shown["id"])
    assert shown["current"] is True
    assert shown["ip"] == "127.0.0.1"
    assert len(shown["user_agent"]) == 200
    assert shown["created_at"] == shown["last_seen_at"]
    assert datetime.fromisoformat(shown["created_at"]) <= clock.now()
    assert alice.token.split(".")[1] not in str(shown)


def test_control_characters_of_a_client_are_not_kept(guest):
    alice = guest(PHONE, **{"User-Agent": "curl\x00\r\n\x1b[31m/8"}).sign_in()
    assert alice.get(SESSIONS).json()[0]["user_agent"] == "curl[31m/8"


def test_nobody_elses_session_is_listed(alice, bob):
    assert len(alice.get(SESSIONS).json()) == len(bob.get(SESSIONS).json()) == 1
    assert current(alice) != current(bob)


def test_a_session_that_is_over_is_not_listed(guest):
    start = clock.now()
    with clock.at(start):
        guest(PHONE).sign_in()
    with clock.at(start + timedelta(days=30)):
        assert len(guest(PHONE).sign_in().get(SESSIONS).json()) == 1


# ---- ending


def test_ending_one_session_ends_it_at_once_and_no_other(guest):
    laptop, phone, tablet = (guest(PHONE).sign_in() for _ in range(3))
    answer = laptop.send("delete", f"{SESSIONS}{current(phone)}/")
    assert (answer.status_code, answer.json()) == (200, {"ended": 1})
    assert [is_alive(one) for one in (laptop, phone, tablet)] == [True, False, True]


def test_a_session_can_end_itself(alice):
    assert alice.send("delete", f"{SESSIONS}{current(alice)}/").json() == {"ended": 1}
    assert not is_alive(alice)


def test_ending_all_others_leaves_the_one_that_asks(guest, bob):
    laptop, phone, tablet = (guest(PHONE).sign_in() for _ in range(3))
    assert laptop.send("delete", SESSIONS).json() == {"ended": 2}
    assert laptop.send("delete", SESSIONS).json() == {"ended": 0}
    assert [is_alive(one) for one in (laptop, phone, tablet, bob)] == [True, False, False, True]


def test_of_five_sessions_all_others_are_dead_by_token_and_by_cookie(guest):
    """C82."""
    apps = [guest(PHONE).sign_in() for _ in range(3)]
    browsers = [guest(PHONE, **BROWSER) for _ in range(2)]
    for browser in browsers:
        assert browser.confirm(browser.ask().json()["code"]).json()["token"] is None
    assert len(apps[0].get(SESSIONS).json()) == 5
    assert apps[0].send("delete", SESSIONS).json() == {"ended": 4}
    assert [is_alive(one) for one in (*apps, *browsers)] == [True, False, False, False, False]
    assert len(apps[0].get(SESSIONS).json()) == 1


def test_whoever_is_blocked_can_do_nothing_with_what_they_still_hold(guest):
    """C83: a cookie, a token, a device and a code on its way; and no second person comes of it."""
    app, browser = guest(PHONE), guest(PHONE, **BROWSER)
    confirmed = app.confirm(app.ask().json()["code"]).json()
    app.token, device = confirmed["token"], confirmed["device"]
    browser.confirm(browser.ask().json()["code"])
    waiting = guest(PHONE)
    code = waiting.ask(device=device).json()["code"]
    people.block(Person.objects.get(), Operator("olga", "203.0.113.9"))
    calls = [("get", PROFILE), ("get", SESSIONS), ("delete", SESSIONS), ("get", "/user/user-profile/activeusers/")]
    for one in (app, browser):
        for method, path in calls:
            assert is_problem(one.send(method, path), 401, "not_signed_in")
        for path in (PROFILE, "/user/user-profile/activate-code/", "/user/token/", "/user/logout/"):
            body = {"username": "Мэллори", "code": "ZZZZZZ", "audience": "reports"}
            assert is_problem(one.post(path, body), 401, "not_signed_in")
    assert is_problem(waiting.confirm(code, device=device), 403, "person_blocked")
    again = guest(PHONE)
    assert is_problem(again.confirm(again.ask().json()["code"]), 403, "person_blocked")
    assert (Person.objects.count(), Person.objects.get().username, Session.objects.count()) == (1, "", 2)


def test_signing_out_ends_this_session_at_once(guest):
    laptop, phone = guest(PHONE).sign_in(), guest(PHONE).sign_in()
    answer = laptop.post("/user/logout/", {})
    assert (answer.status_code, answer.json()) == (200, {"logout": True})
    assert (answer.cookies["guestlist_session"].value, answer.cookies["guestlist_session"]["max-age"]) == ("", 0)
    assert [is_alive(one) for one in (laptop, phone)] == [False, True]
    assert is_problem(laptop.post("/user/logout/", {}), 401, "not_signed_in")


def test_a_frozen_copy_of_the_cookies_is_worth_nothing_after_signing_out(guest):
    alice = guest(PHONE, **BROWSER).sign_in()
    frozen = alice.client.cookies["guestlist_session"].value
    alice.post("/user/logout/", {})
    thief = guest(PHONE)
    thief.client.cookies["guestlist_session"] = frozen
    assert not is_alive(thief)


@pytest.mark.parametrize(
    "id_",
    [
        "x",
        "A" * 22,
        "A" * 5000,
        "%00",
        "%00" * 22,
        "%ED%A0%80",
        "%FF",
        "%F0%9F%98%80",
        "..%2F..",
        "'%20OR%20''='",
        "null",
        "-1",
        "0",
    ],
)
def test_an_id_that_is_none_of_mine_is_not_found(alice, id_):
    assert is_problem(alice.send("delete", f"{SESSIONS}{id_}/"), 404, "not_found")
    assert is_alive(alice)


@pytest.mark.parametrize("change", ["{}%20", "%20{}", "{}%0A", "{}%00", "{}%09"])
def test_an_id_is_compared_byte_by_byte(alice, change):
    """On every database alike (C77)."""
    assert is_problem(alice.send("delete", f"{SESSIONS}{change.format(current(alice))}/"), 404, "not_found")
    assert is_alive(alice)


def test_an_id_in_another_case_is_another_id(alice):
    swapped = current(alice).swapcase()
    assert is_problem(alice.send("delete", f"{SESSIONS}{swapped}/"), 404, "not_found")
    assert is_alive(alice)


def test_another_persons_session_cannot_be_ended_nor_told_from_one_that_is_not_there(alice, bob):
    """C29."""
    theirs = alice.send("delete", f"{SESSIONS}{current(bob)}/")
    nobodys = alice.send("delete", f"{SESSIONS}{'A' * 22}/")
    assert theirs.content == nobodys.content
    assert is_problem(theirs, 404, "not_found")
    assert is_alive(bob)


# ---- lifetimes


@pytest.mark.parametrize(("headers", "days"), [({}, 30), (BROWSER, 14)])
def test_a_session_without_use_ends(guest, headers, days):
    start = clock.now()
    for seconds, alive in ((-1, True), (0, False)):
        with clock.at(start):
            alice = guest(PHONE, **headers).sign_in()
        with clock.at(start + timedelta(days=days, seconds=seconds)):
            assert is_alive(alice) is alive


@pytest.mark.parametrize(("headers", "most"), [({}, 90), (BROWSER, 30)])
def test_a_session_in_use_ends_at_the_latest(guest, headers, most):
    start = clock.now()
    with clock.at(start):
        alice = guest(PHONE, **headers).sign_in()
    for day in range(10, most, 10):
        with clock.at(start + timedelta(days=day)):
            assert is_alive(alice)
    with clock.at(start + timedelta(days=most, seconds=-1)):
        assert is_alive(alice)
    with clock.at(start + timedelta(days=most)):
        assert not is_alive(alice)


def test_the_answer_says_when_the_session_ends_without_use(guest):
    start = clock.now()
    with clock.at(start):
        app, browser = guest(PHONE), guest(PHONE, **BROWSER)
        ends = [one.confirm(one.ask().json()["code"]).json()["expires_at"] for one in (app, browser)]
    assert ends == [clock.rfc3339(start + timedelta(days=days)) for days in (30, 14)]


def test_last_seen_is_written_at_most_hourly(guest):
    start = clock.now()
    with clock.at(start):
        alice = guest(PHONE).sign_in()
    for minutes, seen in ((59, 0), (60, 60), (119, 60), (120, 120)):
        with clock.at(start + timedelta(minutes=minutes)):
            alice.profile()
            assert Session.objects.get().last_seen_at == start + timedelta(minutes=seen)
            assert Session.objects.get().expires_at == start + timedelta(minutes=seen, days=30)


@pytest.mark.parametrize(("path", "statements"), [(PROFILE, 1), (SESSIONS, 2)])
def test_a_read_within_the_hour_writes_nothing(guest, django_assert_num_queries, path, statements):
    start = clock.now()
    with clock.at(start):
        alice = guest(PHONE).sign_in()
    with clock.at(start + timedelta(minutes=59)), django_assert_num_queries(statements) as asked:
        alice.get(path)
    assert all(query["sql"].lstrip().upper().startswith("SELECT") for query in asked.captured_queries)
    with clock.at(start + timedelta(minutes=60)), django_assert_num_queries(statements + 1):
        alice.get(path)


# ---- who is calling


BAD = [
    "",
    "Bearer",
    "Bearer ",
    "Bearer x",
    "Bearer " + "A" * 22 + "." + "B" * 43,
    "Bearer null",
    "Basic YWxpY2U6c2VjcmV0",
    "Token {token}",
    "{token}",
    "Bearer {token}x",
    "Bearer x{token}",
    "Bearer {token} {token}",
    "Bearer {token},{token}",
    "Bearer\t{token}",
    'Bearer "{token}"',
    "Bearer: {token}",
    "Bearer Жетон",
    "Bearer \xff\xfe",
    "Жетон {token}",
    "Bearer \x00",
    "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
]


@pytest.mark.parametrize("authorization", BAD)
def test_a_bad_bearer_is_refused_even_beside_a_good_cookie(guest, authorization):
    alice = guest(PHONE).sign_in()
    headers = {"Authorization": authorization.format(token=alice.token)}
    for method, path in (("get", PROFILE), ("get", SESSIONS), ("delete", SESSIONS)):
        assert is_problem(alice.send(method, path, **headers), 401, "not_signed_in")
    assert is_problem(alice.send("post", "/user/logout/", {}, **headers), 401, "not_signed_in")
    alice.token = ""
    assert is_alive(alice)  # the cookie was a good one


@pytest.mark.parametrize("authorization", ["Bearer {}", "bearer {}", "BEARER {}", "Bearer  {}", "Bearer {} "])
def test_a_good_bearer_is_enough_without_cookies(guest, authorization):
    alice, app = guest(PHONE).sign_in(), guest(PHONE)
    answer = app.send("get", PROFILE, Authorization=authorization.format(alice.token))
    assert answer.json()["phone"] == PHONE


def test_the_bearer_counts_and_not_the_cookie_of_somebody_else(guest, bob):
    alice = guest(PHONE).sign_in()
    alice.client.cookies["guestlist_session"] = bob.token
    assert alice.profile()["phone"] == PHONE


def test_nobody_is_recognised_without_token_or_cookie(guest):
    for method, path in (("get", PROFILE), ("get", SESSIONS), ("delete", SESSIONS)):
        assert is_problem(guest(PHONE).send(method, path), 401, "not_signed_in")
    assert is_problem(guest(PHONE).post("/user/logout/", {}), 401, "not_signed_in")


def test_both_halves_of_a_token_must_be_true(alice, bob):
    (id_, secret), (others_id, others_secret) = alice.token.split("."), bob.token.split(".")
    for forged in (f"{id_}.{others_secret}", f"{others_id}.{secret}", f"{id_}.{keys.token(256)}", f"{id_}."):
        alice.token = forged
        assert not is_alive(alice)


@pytest.mark.parametrize(
    "cookie", ["", "x", "A" * 22 + "." + "B" * 43, "null", "\xe9", "{token}x", "{token}.", '"{token}', "%00"]
)
def test_a_cookie_that_is_no_session_is_nobody(guest, cookie):
    alice, stranger = guest(PHONE).sign_in(), guest(PHONE)
    stranger.client.cookies["guestlist_session"] = cookie.format(token=alice.token)
    assert not is_alive(stranger)


def test_the_session_of_a_blocked_person_is_nobody(alice, bob):
    Person.objects.filter(phone=PHONE).update(blocked_at=clock.now())
    assert not is_alive(alice)
    assert is_problem(alice.get(SESSIONS), 401, "not_signed_in")
    assert is_problem(alice.send("delete", SESSIONS), 401, "not_signed_in")
    assert is_alive(bob)


def test_only_digests_of_tokens_are_stored(alice):
    row = Session.objects.get()
    stored = [str(getattr(row, field.attname)) for field in row._meta.fields]
    secret = alice.token.split(".")[1]
    assert not any(secret in value for value in stored)
    assert row.secret_digest == keys.digest(secret)
