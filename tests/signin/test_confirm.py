"""POST /user/confirm/: sign in with the code."""

import re
from datetime import datetime, timedelta

import pytest

from guestlist.lib import clock
from guestlist.people.models import Person
from guestlist.signin.models import Challenge, Device, Session
from tests.guests import is_problem, wrong

PHONE = "+79001112233"


def test_the_right_code_signs_in_and_registers(guest):
    alice = guest(PHONE)
    answer = alice.confirm(alice.ask().json()["code"])
    body = answer.json()
    assert answer.status_code == 200
    assert set(body) == {"login", "token", "device", "expires_at", "new_user", "invite"}
    assert (body["login"], body["new_user"], body["invite"]) == (True, True, None)
    assert datetime.fromisoformat(body["expires_at"]) > clock.now() + timedelta(days=29)
    person = Person.objects.get()
    assert person.phone == PHONE
    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{6}", person.invite_code)


def test_the_second_sign_in_is_the_same_person(guest):
    first, second = guest(PHONE).sign_in(), guest("8 900 111 22 33").sign_in()
    assert first.profile()["id"] == second.profile()["id"]


def test_who_is_known_is_not_new(guest):
    guest(PHONE).sign_in()
    alice = guest(PHONE)
    assert alice.confirm(alice.ask().json()["code"]).json()["new_user"] is False


def test_a_wrong_code_spends_a_try(guest):
    alice = guest(PHONE)
    code = alice.ask().json()["code"]
    for left in (2, 1, 0):
        answer = alice.confirm(wrong(code))
        assert is_problem(answer, 400, "wrong_code")
        assert answer.json()["attempts_left"] == left
    assert not Person.objects.exists()


def test_after_three_wrong_codes_the_right_one_is_refused(guest):
    alice = guest(PHONE)
    code = alice.ask().json()["code"]
    for _ in range(3):
        alice.confirm(wrong(code))
    answer = alice.confirm(code)
    assert is_problem(answer, 400, "code_expired")
    assert answer.json()["code_length"] == 4
    assert answer.json()["resend_in"] == 0
    assert not Session.objects.exists()


def test_a_code_works_once(guest):
    alice = guest(PHONE)
    asked = alice.ask().json()
    assert alice.confirm(asked["code"]).status_code == 200
    assert is_problem(alice.confirm(asked["code"], challenge=asked["challenge"]), 400, "code_expired")
    assert is_problem(guest(PHONE).confirm(asked["code"]), 400, "code_expired")
    assert Session.objects.count() == 1


@pytest.mark.parametrize(("seconds", "status"), [(299, 200), (300, 400), (301, 400)])
def test_a_code_lives_300_seconds(guest, seconds, status):
    alice, start = guest(PHONE), clock.now()
    with clock.at(start):
        code = alice.ask().json()["code"]
    with clock.at(start + timedelta(seconds=seconds)):
        assert alice.confirm(code).status_code == status


@pytest.mark.parametrize(("short_of", "status"), [(1_000_000, 200), (1, 200), (0, 400), (-1_000_000, 400)])
def test_a_live_code_lives_as_long_to_the_microsecond(guest, live, short_of, status):
    """C13, in the other way through: limits look at the challenge before a try is spent."""
    alice, start = guest(PHONE), clock.now()
    with clock.at(start):
        assert alice.ask().json()["expires_in"] == 300
    with clock.at(start + timedelta(seconds=300) - timedelta(microseconds=short_of)):
        answer = alice.confirm(live.code_for(PHONE))
        assert answer.status_code == 200 if status == 200 else is_problem(answer, 400, "code_expired")


def test_a_code_that_nobody_asked_for_is_expired(guest):
    assert is_problem(guest(PHONE).confirm("1234"), 400, "code_expired")


def test_a_challenge_of_another_phone_is_expired_and_spends_no_try(guest):
    alice = guest(PHONE)
    asked = alice.ask().json()
    mallory = guest("+79005556677")
    mallory.ask()
    assert is_problem(mallory.confirm("0000", challenge=asked["challenge"]), 400, "code_expired")
    assert is_problem(mallory.confirm(asked["code"], challenge=asked["challenge"]), 400, "code_expired")
    assert Challenge.objects.get(phone=PHONE).attempts == 0
    assert set(Challenge.objects.values_list("attempts", flat=True)) == {0}


def test_an_unknown_challenge_is_expired_and_counts_against_nobody(guest):
    alice = guest(PHONE)
    code = alice.ask().json()["code"]
    assert is_problem(guest(PHONE).confirm(code, challenge="x" * 22), 400, "code_expired")
    assert Challenge.objects.get().attempts == 0
    assert alice.confirm(code).status_code == 200


def test_without_a_challenge_the_sandbox_takes_the_newest_living_one(guest):
    first = guest(PHONE).ask().json()["code"]
    second = guest(PHONE).ask().json()["code"]
    bare = guest(PHONE)
    if first != second:  # by chance, once in 10 000
        assert is_problem(bare.confirm(first), 400, "wrong_code")
    assert bare.confirm(second).status_code == 200


def test_guesses_of_one_client_cost_another_client_nothing(guest):
    alice, mallory = guest(PHONE), guest(PHONE)
    code = alice.ask().json()["code"]
    guessed = mallory.ask().json()["code"]
    for _ in range(3):
        mallory.confirm(wrong(guessed))
    assert alice.confirm(code).status_code == 200


@pytest.mark.parametrize("spell", [" {} ", "{0:.2}-{0:.4}", "\N{NO-BREAK SPACE}{}"])
def test_spaces_and_dashes_in_a_code_are_forgiven(guest, spell):
    alice = guest(PHONE)
    code = alice.ask().json()["code"]
    typed = f"{code[:2]}-{code[2:]}" if "-" in spell else spell.format(code)
    assert alice.confirm(typed).status_code == 200


def test_digits_of_other_scripts_are_forgiven(guest):
    alice = guest(PHONE)
    code = alice.ask().json()["code"]
    assert alice.confirm(code.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))).status_code == 200


@pytest.mark.parametrize("typed", ["", "1", "12345", "abcd", "\N{SNOWMAN}" * 4, "-1", "1e3", "²³¹⁰"])
def test_what_cannot_be_a_code_is_a_wrong_one(guest, typed):
    alice = guest(PHONE)
    alice.ask()
    assert is_problem(alice.confirm(typed), 400, "wrong_code")


def test_a_blocked_person_is_refused_only_after_the_right_code(guest):
    alice = guest(PHONE).sign_in()
    Person.objects.update(blocked_at=clock.now())
    again = guest(PHONE)
    code = again.ask().json()["code"]
    assert is_problem(again.confirm(wrong(code)), 400, "wrong_code")
    assert is_problem(again.confirm(code), 403, "person_blocked")
    assert is_problem(again.confirm(code), 400, "code_expired")
    assert is_problem(alice.get("/user/user-profile/"), 401, "not_signed_in")


def test_confirming_ends_the_session_that_was_presented(guest):
    alice = guest(PHONE).sign_in()
    before = alice.token
    alice.sign_in()
    assert alice.token != before
    assert Session.objects.count() == 1
    stale = guest(PHONE)
    stale.token = before
    assert is_problem(stale.get("/user/user-profile/"), 401, "not_signed_in")


def test_a_planted_session_cookie_never_becomes_true(guest):
    mallory_planted = "A" * 22 + "." + "B" * 43
    alice = guest(PHONE)
    alice.client.cookies["guestlist_session"] = mallory_planted
    answer = alice.confirm(alice.ask().json()["code"])
    assert answer.cookies["guestlist_session"].value not in ("", mallory_planted)
    thief = guest(PHONE)
    thief.token = mallory_planted
    assert is_problem(thief.get("/user/user-profile/"), 401, "not_signed_in")


@pytest.mark.parametrize("kind", ["made up", "expired", "ended", "the attacker's own", "another person's"])
@pytest.mark.parametrize("headers", [{}, {"Origin": "http://testserver"}])
def test_a_session_that_was_planted_before_the_sign_in_is_worth_nothing_after_it(guest, kind, headers):
    """C30, with every cookie that the attacker knew; an app is planted one by its bearer."""
    mallory, start = guest("+79005556677"), clock.now()
    with clock.at(start - timedelta(days=91 if kind == "expired" else 0)):
        mallory.sign_in()
    if kind == "ended":
        mallory.post("/user/logout/", {})
    planted = "A" * 22 + "." + "B" * 43 if kind == "made up" else mallory.token
    alice = guest(PHONE, **headers)
    code = alice.ask().json()["code"]
    alice.client.cookies["guestlist_session"] = planted
    frozen = {name: morsel.value for name, morsel in alice.client.cookies.items()}
    if not headers:
        alice.token = planted
    answer = alice.confirm(code, **({} if headers else {"challenge": frozen["guestlist_challenge"]}))
    (id_, secret), old = answer.cookies["guestlist_session"].value.split("."), planted.split(".")
    assert id_ != old[0]
    assert secret != old[1]
    assert len(secret) * 6 >= 128
    thief = guest(PHONE)
    for name, value in frozen.items():
        thief.client.cookies[name] = value
    assert is_problem(thief.get("/user/user-profile/"), 401, "not_signed_in")
    assert is_problem(thief.confirm(code), 400, "code_expired")
    assert set(Session.objects.values_list("person__phone", flat=True)) - {PHONE} <= {mallory.phone}


def test_a_browser_gets_cookies_and_no_tokens(guest):
    for header in ({"Origin": "http://testserver"}, {"Sec-Fetch-Site": "same-origin"}):
        browser = guest(PHONE, **header)
        answer = browser.confirm(browser.ask().json()["code"])
        assert (answer.json()["token"], answer.json()["device"]) == (None, None)
        assert answer.cookies["guestlist_session"]["httponly"]
        assert answer.cookies["guestlist_device"]["httponly"]
        assert browser.get("/user/user-profile/").status_code == 200


def test_an_app_gets_tokens_and_cookies_that_say_the_same(guest):
    app = guest(PHONE)
    answer = app.confirm(app.ask().json()["code"])
    assert answer.cookies["guestlist_session"].value == answer.json()["token"]
    assert answer.cookies["guestlist_device"].value == answer.json()["device"]


def test_under_https_the_cookies_have_the_host_prefix():
    """Names are settled at start, so this starts another process."""
    import os
    import subprocess
    import sys

    script = (
        "import django; django.setup()\n"
        "from guestlist.api import caller; from django.conf import settings\n"
        "print(caller.SESSION_COOKIE, caller.CHALLENGE_COOKIE, caller.DEVICE_COOKIE,"
        " settings.CSRF_COOKIE_SECURE, settings.CSRF_COOKIE_NAME)"
    )
    found = subprocess.run(
        [sys.executable, "-c", script],
        env={
            **os.environ,
            "PUBLIC_URL": "https://guests.example.org",
            "SANDBOX": "yes",
            "DJANGO_SETTINGS_MODULE": "guestlist.settings",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == [
        "__Host-guestlist_session",
        "__Host-guestlist_challenge",
        "__Host-guestlist_device",
        "True",
        "csrftoken",
    ]


def test_the_device_stays_the_same_and_is_kept_only_as_a_digest(guest):
    alice = guest(PHONE)
    first = alice.confirm(alice.ask().json()["code"]).json()["device"]
    again = guest(PHONE)
    second = again.confirm(again.ask().json()["code"], device=first).json()["device"]
    assert first == second
    assert Device.objects.count() == 1
    assert Device.objects.get().digest != first


def test_two_people_may_share_a_device(guest):
    alice, bob = guest(PHONE), guest("+79005556677")
    device = alice.confirm(alice.ask().json()["code"]).json()["device"]
    assert bob.confirm(bob.ask().json()["code"], device=device).json()["device"] == device
    assert set(Device.objects.values_list("phone", flat=True)) == {PHONE, "+79005556677"}


def test_an_invented_device_is_not_taken_over(guest):
    charlie = guest("+79008889900")
    assert charlie.confirm(charlie.ask().json()["code"], device="x" * 22).json()["device"] != "x" * 22


def test_a_phone_has_at_most_ten_devices_and_the_oldest_is_forgotten(guest):
    start = clock.now()
    for hour in range(11):
        with clock.at(start + timedelta(hours=hour)):
            guest(PHONE).sign_in()
    assert Device.objects.count() == 10
    assert Device.objects.order_by("seen_at")[0].seen_at == start + timedelta(hours=1)


def test_an_invite_code_can_be_entered_at_sign_up(guest):
    alice = guest(PHONE).sign_in()
    bob = guest("+79005556677")
    answer = bob.confirm(bob.ask().json()["code"], invite_code=alice.profile()["invite_code"])
    assert answer.json()["invite"] == {"status": "activated"}
    assert alice.profile()["activeusers"] == [{"phone": "+79005556677"}]


@pytest.mark.parametrize(
    ("entered", "code"), [("ZZZZZZ", "unknown_invite"), ("?", "malformed_invite"), ("", "malformed_invite")]
)
def test_a_bad_invite_code_does_not_stop_the_sign_in(guest, entered, code):
    bob = guest(PHONE)
    answer = bob.confirm(bob.ask().json()["code"], invite_code=entered)
    assert answer.status_code == 200
    assert answer.json()["invite"] == {"status": "refused", "code": code}


def test_an_old_pepper_in_the_ring_still_opens_living_codes(guest, settings):
    alice = guest(PHONE)
    code = alice.ask().json()["code"]
    settings.CODE_PEPPERS = {2: b"n" * 32, **settings.CODE_PEPPERS}
    assert alice.confirm(code).status_code == 200


def test_codes_of_a_pepper_that_is_gone_are_refused(guest, settings):
    alice = guest(PHONE)
    code = alice.ask().json()["code"]
    settings.CODE_PEPPERS = {2: b"n" * 32}
    assert is_problem(alice.confirm(code), 400, "code_expired")
