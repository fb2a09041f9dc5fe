"""The limits of sending: exact, true about waiting, the same for every spelling, and nothing is sent beyond them."""

from datetime import datetime, timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured

from guestlist.delivery.models import Message
from guestlist.lib import clock, limits
from guestlist.lib.databases import NoneFree
from guestlist.lib.models import AuditLine
from guestlist.signin import policies, sending
from guestlist.signin.models import Challenge
from tests.guests import is_problem
from tests.lib.test_phone import SPELLINGS

PHONE = "+79001112233"
START = datetime.fromisoformat("2026-01-31T12:00:00+00:00")


@pytest.fixture(autouse=True)
def _limits(settings):
    settings.LIMITS = "on"
    sending.in_force.cache_clear()
    yield
    sending.in_force.cache_clear()


@pytest.fixture
def only(settings):
    """`only("CODES_PER_PHONE")`: every other limit is far away."""

    def keep(*names: str) -> None:
        others = policies.POLICIES.keys() - set(names)
        settings.LIMIT_OVERRIDES = {f"LIMIT_{name}": "100000/s" for name in others - {"CODES_IN_ALL"}}
        settings.SMS_DAILY_BUDGET = 10**6
        sending.in_force.cache_clear()

    return keep


def ask(guest, phone=PHONE, ip="203.0.113.7", at=START, **body):
    stranger = guest(phone)
    stranger.client.defaults["REMOTE_ADDR"] = ip
    with clock.at(at):
        return stranger.ask(**body)


def sent() -> int:
    return Message.objects.count()


def test_a_second_code_within_a_minute_is_refused_and_sends_nothing(guest):
    assert ask(guest).status_code == 201
    answer = ask(guest, at=START + timedelta(seconds=59))
    assert is_problem(answer, 429, "too_many_requests")
    assert answer.json()["retry_after"] == int(answer.headers["Retry-After"]) == 10
    assert sent() == 1
    assert ask(guest, at=START + timedelta(seconds=60)).status_code == 201


def test_the_same_client_is_refused_too_and_told_when_it_may_ask_again(guest):
    first = ask(guest).json()
    assert first["resend_in"] == 60
    assert is_problem(
        ask(guest, at=START + timedelta(seconds=30), challenge=first["challenge"]), 429, "too_many_requests"
    )
    second = ask(guest, at=START + timedelta(seconds=60), challenge=first["challenge"]).json()
    assert (second["code"], second["challenge"]) == (first["code"], first["challenge"])


def test_a_phone_gets_three_codes_in_fifteen_minutes_five_an_hour_ten_a_day(guest, only):
    only("CODES_PAUSE", "CODES_PER_PHONE")
    times = []
    for minute in [*range(130), *range(130, 24 * 60, 10)]:
        at = START + timedelta(minutes=minute)
        if ask(guest, ip=f"198.51.100.{minute % 200}", at=at).status_code == 201:
            times.append(minute)
    assert len(times) == 10
    assert times[:5] == [0, 1, 2, 15, 16]
    for most, span in ((3, 15), (5, 60), (10, 24 * 60)):
        assert all(later - earlier >= span for earlier, later in zip(times, times[most:], strict=False))
    assert sent() == 10


@pytest.mark.parametrize(
    "spelling", ["8 (900) 111-22-33", "+7 900 111 22 33", "tel:+79001112233", "８９００１１１２２３３"]
)
def test_every_spelling_of_a_number_is_the_same_number(guest, spelling):
    ask(guest)
    assert is_problem(ask(guest, spelling), 429, "too_many_requests")


def test_what_is_stored_sent_to_and_limited_is_one_number_in_every_spelling(guest, live):
    """C23."""
    for number, spelling in enumerate(SPELLINGS):
        at = START + timedelta(days=2 * number)
        assert ask(guest, spelling, at=at).status_code == 200
        assert is_problem(ask(guest, SPELLINGS[number - 1], "198.51.100.1", at), 429, "too_many_requests")
    assert {message.phone for message in live.sent} == {PHONE}
    assert set(Challenge.objects.values_list("phone", flat=True)) == {PHONE}
    assert len(live.sent) == len(SPELLINGS)


@pytest.mark.parametrize("path", ["/user/login/", "/user/login"])
def test_every_spelling_of_the_address_counts(guest, path):
    ask(guest)
    with clock.at(START):
        assert is_problem(guest(PHONE).post(path, {"phone": PHONE}), 429, "too_many_requests")


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "CF-Connecting-IP", "True-Client-IP"])
def test_forged_headers_change_nothing(guest, only, header):
    only("CODES_PER_ADDRESS")
    answers = []
    for number in range(12):
        stranger = guest(f"+7900{number:03}0000")
        stranger.client.defaults["REMOTE_ADDR"] = "203.0.113.7"
        with clock.at(START):
            answers.append(
                stranger.send("post", "/user/login/", {"phone": stranger.phone}, **{header: f"10.0.0.{number}"})
            )
    assert [answer.status_code for answer in answers] == [201] * 10 + [429] * 2


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "CF-Connecting-IP", "True-Client-IP"])
def test_behind_a_proxy_the_address_is_the_one_it_added(guest, only, settings, header):
    """C09: whatever the client forged stands before it, or beside it."""
    only("CODES_PER_ADDRESS")
    settings.TRUSTED_PROXIES = 1
    for number in range(12):
        stranger = guest(f"+7900{number:03}0000")
        forged = {"X-Forwarded-For": "203.0.113.7", header: f"10.9.8.{number}"}
        if header == "X-Forwarded-For":
            forged = {header: f"10.9.8.{number}, 203.0.113.7"}
        with clock.at(START):
            answer = stranger.send("post", "/user/login/", {"phone": stranger.phone}, **forged)
        assert answer.status_code == (201 if number < 10 else 429)


def test_an_address_asks_for_ten_codes_in_ten_minutes_and_an_ipv6_customer_has_one_address(guest, only):
    only("CODES_PER_ADDRESS")
    for number in range(12):
        answer = ask(guest, f"+7900{number:03}0000", ip=f"2001:db8:1:2::{number:x}")
        assert answer.status_code == (201 if number < 10 else 429)
    assert ask(guest, ip="2001:db8:1:3::1").status_code == 201
    assert ask(guest, "+79005556677", ip="::ffff:203.0.113.7").status_code == 201


def test_an_address_asks_for_at_most_ten_different_phones_an_hour(guest, only):
    only("PHONES_PER_ADDRESS")
    for number in range(11):
        answer = ask(guest, f"+7900{number:03}0000", at=START + timedelta(minutes=number))
        assert answer.status_code == (201 if number < 10 else 429)
    assert ask(guest, "+79000000000", at=START + timedelta(minutes=12)).status_code == 201  # one of the ten


def test_one_address_asks_for_three_codes_an_hour_to_one_phone(guest, only):
    only("CODES_PER_PHONE_AND_ADDRESS")
    statuses = [ask(guest, at=START + timedelta(minutes=minute)).status_code for minute in range(4)]
    assert statuses == [201, 201, 201, 429]
    assert ask(guest, ip="198.51.100.1").status_code == 201


def test_numbers_side_by_side_get_twenty_codes_an_hour_unless_somebody_has_signed_in_with_them(guest, only):
    only("CODES_PER_PREFIX")
    for number in range(21):
        answer = ask(guest, f"+7900111{number:04}", ip=f"198.51.100.{number}")
        assert answer.status_code == (201 if number < 20 else 429)
    with clock.at(START):
        alice = guest("+79005550001")
        alice.sign_in()
    assert ask(guest, "+79005550001", at=START + timedelta(minutes=2)).status_code == 200


def test_the_days_budget_keeps_a_fifth_for_known_devices(guest, only, settings):
    only()
    with clock.at(START):
        owner = guest(PHONE)
        device = owner.confirm(owner.ask().json()["code"]).json()["device"]
    settings.SMS_DAILY_BUDGET = 10
    statuses = [ask(guest, f"+7900222{number:04}").status_code for number in range(10)]
    assert statuses == [201] * 7 + [429] * 3  # 8 of 10, the owner's first included
    assert [ask(guest, device=device).status_code for _ in range(3)] == [200, 200, 429]
    assert ask(guest, "+79003334455", at=START + timedelta(days=1)).status_code == 201


def test_of_a_budget_of_a_hundred_strangers_get_eighty_and_the_eightieth_raises_the_alarm(
    guest, only, settings, caplog, django_capture_on_commit_callbacks
):
    """C66."""
    only()
    with clock.at(START - timedelta(days=1)):
        owner = guest(PHONE)
        device = owner.confirm(owner.ask().json()["code"]).json()["device"]
    settings.SMS_DAILY_BUDGET = 100
    before = sent()
    for number in range(150):
        with caplog.at_level("WARNING", "guestlist.signin"), django_capture_on_commit_callbacks(execute=True):
            answer = ask(guest, f"+7900222{number:04}")
        assert answer.status_code == (201 if number < 80 else 429)
        assert len(alarms()) == len(warnings(caplog)) == (1 if number >= 79 else 0)
    assert sent() - before == 80
    statuses = [ask(guest, device=device).status_code for _ in range(25)]
    assert statuses == [200] * 20 + [429] * 5
    assert sent() - before == 100
    assert alarms() == ["used=80 budget=100"]
    assert "80 of the day's 100 codes" in warnings(caplog)[0]


def test_the_alarm_is_raised_again_the_next_day(guest, only, settings):
    only()
    settings.SMS_DAILY_BUDGET = 10
    for day in range(3):
        for number in range(9):
            ask(guest, f"+7900222{number:04}", at=START + timedelta(days=day))
        assert alarms() == ["used=8 budget=10"] * (day + 1)


def test_an_ask_of_a_known_device_can_be_the_one_that_raises_it(guest, only, settings):
    only()
    settings.SMS_DAILY_BUDGET = 10
    with clock.at(START):
        owner = guest(PHONE)
        device = owner.confirm(owner.ask().json()["code"]).json()["device"]
    for _ in range(6):
        ask(guest, device=device)
    assert alarms() == []
    ask(guest, device=device)
    assert alarms() == ["used=8 budget=10"]
    ask(guest, device=device)
    assert len(alarms()) == 1


def alarms() -> list[str]:
    return list(AuditLine.objects.filter(event="budget.low").values_list("facts", flat=True))


def warnings(caplog) -> list[str]:
    found = [record for record in caplog.records if record.name == "guestlist.signin"]
    return [record.getMessage() for record in found if record.levelname == "WARNING"]


def test_a_known_device_has_codes_of_its_own_and_twenty_a_day_in_all(guest, only):
    only("CODES_PER_PHONE", "CODES_PER_PHONE_IN_ALL")
    with clock.at(START):
        owner = guest(PHONE)
        device = owner.confirm(owner.ask().json()["code"]).json()["device"]
    for minute in range(1, 24 * 60, 7):
        ask(guest, ip=f"198.51.100.{minute % 200}", at=START + timedelta(minutes=minute))
    assert sent() == 10
    mine = [ask(guest, at=START + timedelta(minutes=minute), device=device) for minute in range(5, 24 * 60, 20)]
    assert [answer.status_code for answer in mine].count(200) == 10
    assert sent() == 20


def test_waiting_as_long_as_the_answer_says_works_twenty_times_of_twenty(guest):
    at, refused = START, 0
    while refused < 20:
        answer = ask(guest, at=at)
        if answer.status_code == 429:
            refused += 1
            at += timedelta(seconds=int(answer.headers["Retry-After"]))
            assert ask(guest, at=at).status_code == 201
        at += timedelta(seconds=1)


def test_a_refusal_counts_nowhere(guest):
    ask(guest)
    for second in range(1, 50):
        ask(guest, at=START + timedelta(seconds=second))
    assert ask(guest, at=START + timedelta(seconds=60)).status_code == 201


def test_the_refusal_does_not_tell_which_limit_it_was(guest, only):
    only("CODES_PER_PHONE")
    for second in range(3):
        ask(guest, ip=f"198.51.100.{second}")
    by_phone = ask(guest).json()
    only("CODES_PER_PREFIX")
    for number in range(20):
        ask(guest, f"+7900777{number:04}", ip=f"198.51.100.{number}")
    by_prefix = ask(guest, "+79007770099").json()
    assert {**by_phone, "retry_after": 0} == {**by_prefix, "retry_after": 0}


def test_the_headers_speak_of_the_callers_own_address_only(guest, only):
    only("CODES_PER_ADDRESS")
    answer = ask(guest)
    assert answer.headers["RateLimit-Policy"] == '"codes";q=10;w=600'
    assert answer.headers["RateLimit"] == '"codes";r=9;t=600'
    elsewhere = ask(guest, ip="198.51.100.1")
    assert elsewhere.headers["RateLimit"] == '"codes";r=9;t=600'


def test_a_confirmed_code_is_given_back_to_the_address_but_not_to_the_phone(guest, only):
    only("CODES_PER_ADDRESS")
    for number in range(15):
        alice = guest(f"+7900{number:03}0000")
        with clock.at(START):
            asked = alice.ask()
            assert asked.status_code == 201
            assert alice.confirm(asked.json()["code"]).status_code == 200
    assert ask(guest, "+79998887766", ip="127.0.0.1").headers["RateLimit"].startswith('"codes";r=9')


def test_at_most_three_times_the_figures_are_given_back(guest, only):
    only("CODES_PER_ADDRESS")
    statuses = []
    for number in range(32):
        alice = guest(f"+7900{number:03}0000")
        with clock.at(START):
            answer = alice.ask()
            statuses.append(answer.status_code)
            if answer.status_code == 201:
                alice.confirm(answer.json()["code"])
    assert statuses == [201] * 30 + [429] * 2


def test_after_a_sign_in_the_pause_is_waived_once_an_hour(guest):
    with clock.at(START):
        for _ in range(2):
            alice = guest(PHONE)
            asked = alice.ask()
            assert asked.status_code in (200, 201)
            alice.confirm(asked.json()["code"])
        assert is_problem(guest(PHONE).ask(), 429, "too_many_requests")


def test_relaxed_nothing_is_limited(guest, settings):
    settings.LIMITS = "relaxed"
    assert {ask(guest).status_code for _ in range(30)} == {201}
    assert "RateLimit" not in ask(guest).headers


@pytest.mark.parametrize("text", ["3", "3/x", "0/h", "3/0m", "3/h;5/d", "-1/h", "a/h"])
def test_a_limit_that_cannot_be_read_stops_the_start_and_is_named(settings, text):
    settings.LIMIT_OVERRIDES = {"LIMIT_CODES_PAUSE": text}
    with pytest.raises(ImproperlyConfigured, match="LIMIT_CODES_PAUSE"):
        limits.in_force(policies.POLICIES)


def test_a_misspelt_limit_stops_the_start(settings):
    settings.LIMIT_OVERRIDES = {"LIMIT_CODE_PAUSE": "1/m"}
    with pytest.raises(ImproperlyConfigured, match="LIMIT_CODE_PAUSE is no limit"):
        limits.check_names(policies.POLICIES.values())


def test_no_number_stands_in_the_table_of_limits(guest):
    from guestlist.lib.models import Usage

    ask(guest)
    text = " ".join(f"{row.id} {row.uses}" for row in Usage.objects.all())
    assert PHONE[-7:] not in text
    assert "203.0.113" not in text


def test_a_code_that_is_sent_is_told_of_though_the_database_is_gone_before_what_is_left_can_be(guest, monkeypatch):
    """Of a known device nothing has been read that says it; with Redis the thread has to find its place again."""
    with clock.at(START):
        alice = guest(PHONE).sign_in()

    def away(*_given: object) -> None:
        raise NoneFree("too many are waiting")

    monkeypatch.setattr(limits, "left", away)
    with clock.at(START + timedelta(minutes=5)):
        answer = alice.ask()
    assert answer.status_code == 200
    assert answer.json()["delivery"] == "delivered"
    assert "RateLimit" not in answer.headers
