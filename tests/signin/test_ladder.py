"""The ladder: wrong guesses make a phone's codes longer, never a lock; known devices are not touched by it."""

import itertools
from collections import Counter
from datetime import timedelta

import pytest

from guestlist.lib import addresses, clock
from guestlist.signin import guard, policies, rules, sending
from guestlist.signin.models import Guess
from tests.guests import Guest, is_problem, wrong

PHONE = "+79001112233"


@pytest.fixture(autouse=True)
def _limits(settings, monkeypatch):
    settings.LIMITS = "on"
    monkeypatch.setattr(guard, "_limit", None)


@pytest.fixture(autouse=True)
def _as_many_codes_as_one_likes(_limits, settings):
    """The ladder by itself; the limits of sending have tests of their own."""
    sending.in_force.cache_clear()
    settings.LIMIT_OVERRIDES = {f"LIMIT_{name}": "10000/s" for name in policies.POLICIES}
    yield
    sending.in_force.cache_clear()


@pytest.fixture
def calm(monkeypatch):
    """An address that guesses often gets eight digits; here attackers have many addresses."""
    monkeypatch.setattr(rules, "ADDRESS_GUESSES", ((10**9, timedelta(hours=1)), (10**9, timedelta(days=1))))


def attack(guest, guesses: int) -> Counter[int]:
    """A stranger asks and guesses wrong until so many guesses were judged; how many at each length."""
    judged: Counter[int] = Counter()
    for _ in range(guesses):
        stranger = guest(PHONE)
        asked = stranger.ask().json()
        for step in range(3):
            answer = stranger.confirm(str((int(asked["code"]) + 1 + step) % 10 ** asked["code_length"]).zfill(4))
            if answer.json()["code"] == "wrong_code":
                judged[asked["code_length"]] += 1
            if judged.total() == guesses:
                return judged
    return judged


def test_a_confirmation_needs_its_challenge(guest):
    alice = guest(PHONE)
    asked = alice.ask().json()
    assert is_problem(guest(PHONE).confirm(asked["code"]), 400, "code_expired")
    assert guest(PHONE).confirm(asked["code"], challenge=asked["challenge"]).status_code == 200


@pytest.mark.usefixtures("calm")
def test_after_three_wrong_guesses_codes_have_six_digits_and_after_a_hundred_eight(guest):
    attack(guest, 2)
    assert guest(PHONE).ask().json()["code_length"] == 4
    attack(guest, 1)
    assert guest(PHONE).ask().json()["code_length"] == 6
    Guess.objects.bulk_create([Guess(phone=PHONE, digits=4, guessed_at=clock.now())] * 2)
    attack(guest, 94)
    assert guest(PHONE).ask().json()["code_length"] == 6
    attack(guest, 1)
    assert guest(PHONE).ask().json()["code_length"] == 8


@pytest.mark.usefixtures("calm")
def test_a_spent_rung_means_a_longer_code_even_below_a_hundred_guesses(guest):
    assert attack(guest, 98) == {4: 3, 6: 95}
    assert guest(PHONE).ask().json()["code_length"] == 8


def test_the_refusal_says_how_long_the_next_code_is(guest):
    alice = guest(PHONE)
    code = alice.ask().json()["code"]
    for _ in range(3):
        alice.confirm(wrong(code))
    answer = alice.confirm(code)
    assert is_problem(answer, 400, "code_expired")
    assert answer.json()["code_length"] == 6


@pytest.mark.usefixtures("calm")
def test_of_twenty_codes_asked_beforehand_five_guesses_are_judged(guest):
    strangers = [guest(PHONE) for _ in range(20)]
    codes = [stranger.ask().json()["code"] for stranger in strangers]
    answers = [
        stranger.confirm(wrong(code)).json()["code"]
        for _ in range(3)
        for stranger, code in zip(strangers, codes, strict=True)
    ]
    assert Counter(answers) == {"wrong_code": 5, "code_expired": 55}


@pytest.mark.usefixtures("calm")
def test_a_registered_number_is_guarded_like_any_other(guest):
    guest(PHONE).sign_in()
    assert attack(guest, 3) == {4: 3}
    assert guest(PHONE).ask().json()["code_length"] == 6


def test_a_success_takes_back_its_own_guess_and_no_other(guest):
    attack(guest, 2)
    guest(PHONE).sign_in()
    assert Guess.objects.count() == 2
    attack(guest, 1)
    assert guest(PHONE).ask().json()["code_length"] == 6


@pytest.mark.usefixtures("calm")
def test_a_known_device_keeps_short_codes_whatever_strangers_do(guest):
    owner = guest(PHONE)
    device = owner.confirm(owner.ask().json()["code"]).json()["device"]
    attack(guest, 100)
    again = guest(PHONE)
    asked = again.ask(device=device).json()
    assert asked["code_length"] == 4
    assert again.confirm(asked["code"], device=device).status_code == 200


@pytest.mark.usefixtures("calm")
def test_the_owner_on_a_new_device_signs_in_with_one_longer_code(guest):
    attack(guest, 100)
    new = guest(PHONE)
    asked = new.ask().json()
    assert asked["code_length"] == 8
    assert new.confirm(asked["code"]).status_code == 200


@pytest.mark.usefixtures("calm")
def test_a_known_device_that_guesses_ten_times_counts_as_unknown(guest):
    owner = guest(PHONE)
    device = owner.confirm(owner.ask().json()["code"]).json()["device"]
    for _ in range(5):
        code = owner.ask(device=device).json()["code"]
        for _ in range(2):
            assert is_problem(owner.confirm(wrong(code), device=device), 400, "wrong_code")
        owner.client.cookies.clear()
    assert Guess.objects.exclude(device="").count() == 10
    assert owner.ask(device=device).json()["code_length"] == 4
    attack(guest, 3)
    assert guest(PHONE).ask(device=device).json()["code_length"] == 6


@pytest.mark.usefixtures("calm")
def test_an_invented_device_is_unknown(guest):
    attack(guest, 3)
    assert guest(PHONE).ask(device="x" * 22).json()["code_length"] == 6


def test_a_code_of_another_class_is_not_repeated(guest):
    owner = guest(PHONE)
    device = owner.confirm(owner.ask().json()["code"]).json()["device"]
    other = guest(PHONE)
    first = other.ask().json()["challenge"]
    assert other.ask(device=device).json()["challenge"] != first


def test_wrong_guesses_are_forgotten_after_thirty_days(guest):
    start = clock.now()
    with clock.at(start):
        attack(guest, 3)
    with clock.at(start + timedelta(days=29, hours=23)):
        assert guest(PHONE).ask().json()["code_length"] == 6
    with clock.at(start + timedelta(days=30, seconds=1)):
        assert guest(PHONE).ask().json()["code_length"] == 4


def test_twenty_wrong_guesses_an_hour_from_one_address_make_its_codes_long_and_nobody_elses(guest):
    for number in range(7):
        stranger = guest(f"+7900222{number:04}")
        code = stranger.ask().json()["code"]
        for _ in range(3):
            stranger.confirm(wrong(code))
    assert guest(PHONE).ask().json()["code_length"] == 8
    elsewhere = Guest(PHONE)
    elsewhere.client.defaults["REMOTE_ADDR"] = "203.0.113.7"
    assert elsewhere.ask().json()["code_length"] == 4


def test_the_strict_profile_starts_at_six_digits(guest, settings):
    settings.SECURITY_PROFILE = "strict"
    assert guest(PHONE).ask().json()["code_length"] == 6


def test_a_greedy_attacker_of_thirty_days_stays_below_one_in_a_thousand(guest, settings):
    """With every limit in force, from as many addresses as he likes; the owner's own device notices nothing."""
    settings.LIMIT_OVERRIDES = {}
    sending.in_force.cache_clear()
    owner = guest(PHONE)
    device = owner.confirm(owner.ask().json()["code"]).json()["device"]
    start, judged, addresses = clock.now(), Counter[int](), itertools.count()
    for hour in range(1, 30 * 24, 6):  # four times a day, as many codes as an hour gives: twice what a day gives
        for minute in (0, 2, 4, 16, 32):
            with clock.at(start + timedelta(hours=hour, minutes=minute)):
                judged += one_round(guest, f"10.{next(addresses) >> 8 & 255}.{next(addresses) & 255}.1")
        if hour % 24 == 13:
            with clock.at(start + timedelta(hours=hour, minutes=50)):
                asked = owner.ask(device=device).json()
                assert asked["code_length"] == 4
                assert owner.confirm(asked["code"], challenge=asked["challenge"], device=device).status_code == 200
    print(f"judged: {dict(judged)}, chance {sum(number / 10**digits for digits, number in judged.items()):.2e}")
    assert judged[4] <= 5
    assert judged[6] <= 95
    assert 700 <= judged[8] <= 900
    assert sum(number / 10**digits for digits, number in judged.items()) <= 6.1e-4
    new = guest(PHONE)
    with clock.at(start + timedelta(days=31)):
        asked = new.ask().json()
        assert asked["code_length"] == 8
        assert new.confirm(asked["code"]).status_code == 200


def one_round(guest, address: str) -> Counter[int]:
    stranger = guest(PHONE)
    stranger.client.defaults["REMOTE_ADDR"] = address
    asked = stranger.ask()
    if asked.status_code == 429:
        return Counter()
    body = asked.json()
    answers = [stranger.confirm(wrong(body["code"])).json()["code"] for _ in range(3)]
    return Counter({body["code_length"]: answers.count("wrong_code")})


@pytest.mark.usefixtures("calm")
def test_above_the_limit_the_breaker_lengthens_every_strangers_code(guest, monkeypatch):
    monkeypatch.setattr(rules, "BREAKER_LEAST", 30)
    judged = 0
    for number in range(20):
        stranger = guest(f"+7900333{number:04}")
        asked = stranger.ask().json()
        for _ in range(3):
            answer = stranger.confirm(wrong(asked["code"])).json()["code"]
            judged += asked["code_length"] == 4 and answer == "wrong_code"
    assert judged == 30
    assert guest(PHONE).ask().json()["code_length"] == 6


@pytest.mark.usefixtures("calm")
def test_an_open_breaker_stops_short_codes_that_were_asked_for_before(guest, monkeypatch):
    monkeypatch.setattr(rules, "BREAKER_LEAST", 5)
    strangers = [guest(f"+7900333{number:04}") for number in range(10)]
    codes = [stranger.ask().json()["code"] for stranger in strangers]
    answers = [stranger.confirm(wrong(code)).json()["code"] for stranger, code in zip(strangers, codes, strict=True)]
    assert Counter(answers) == {"wrong_code": 5, "code_expired": 5}


@pytest.mark.usefixtures("calm")
def test_the_breaker_closes_when_the_day_is_over(guest, monkeypatch):
    monkeypatch.setattr(rules, "BREAKER_LEAST", 3)
    start = clock.now()
    with clock.at(start):
        attack(guest, 3)
        assert guest("+79005556677").ask().json()["code_length"] == 6
    with clock.at(start + timedelta(days=1, seconds=1)):
        assert guest("+79005556677").ask().json()["code_length"] == 4


@pytest.mark.parametrize(
    ("confirmed", "limit"), [([], 300), ([0] * 7, 300), ([6000] * 7, 300), ([10_000] * 7, 500), ([10**6] * 7, 1000)]
)
def test_the_breakers_limit_follows_the_weeks_median(confirmed, limit):
    assert rules.breaker_limit(confirmed) == limit


def test_relaxed_counts_nothing(guest, settings):
    settings.LIMITS = "relaxed"
    for _ in range(5):
        attack(guest, 3)
    assert not Guess.objects.exists()
    assert guest(PHONE).ask().json()["code_length"] == 4


@pytest.mark.parametrize(
    ("ip", "source"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("", ""),
        ("nonsense", ""),
    ],
)
def test_an_ipv6_address_counts_by_its_64(ip, source):
    assert addresses.source(ip) == source


# ---- what an attacker would like to be counted anew


@pytest.mark.parametrize("is_same_client", [True, False])
def test_asking_again_between_guesses_gives_no_more_of_them(guest, is_same_client):
    """C05: two wrong, asked again, two wrong, ten times."""
    stranger, judged = guest(PHONE), Counter[int]()
    for _ in range(10):
        asked = stranger.ask().json()
        for _ in range(2):
            answer = stranger.confirm(wrong(asked["code"])).json()["code"]
            judged[asked["code_length"]] += answer == "wrong_code"
        assert Guess.objects.count() == judged.total()
        stranger = stranger if is_same_client else guest(PHONE)
    # The same client is sent the same code, with the tries that are left: three guesses in two asks.
    assert judged == ({4: 3, 6: 12} if is_same_client else {4: 4, 6: 16})


def test_a_sign_in_of_the_victim_or_of_the_attacker_gives_the_attacker_nothing_back(guest):
    """C06: the phone's count and the address's, by a new device, a known one, and a number of the attacker's own."""

    def counted() -> tuple[int, int]:
        unknown = Guess.objects.filter(device="")
        return unknown.filter(phone=PHONE).count(), unknown.filter(address="127.0.0.1").count()

    owner = guest(PHONE)
    device = owner.confirm(owner.ask().json()["code"]).json()["device"]
    assert attack(guest, 4) == {4: 3, 6: 1}
    elsewhere = guest(PHONE)
    elsewhere.client.defaults["REMOTE_ADDR"] = "203.0.113.7"
    assert elsewhere.sign_in().token
    assert owner.confirm(owner.ask(device=device).json()["code"], device=device).status_code == 200
    assert guest("+79005556677").sign_in().token
    assert counted() == (4, 4)
    assert attack(guest, 4) == {6: 4}
    assert counted() == (8, 8)
    for _ in range(3):  # twenty an hour from one address, with a good sign-in after every fourth
        attack(guest, 4)
        guest("+79005556677").sign_in()
    assert counted() == (20, 20)
    assert guest("+79008889900").ask().json()["code_length"] == 8


def test_while_strangers_use_up_a_numbers_codes_its_owner_is_let_in_or_told_how_long_to_wait(guest, settings):
    """C68, with every limit in force: at once on a known device, on a new one when the wait that was told is over."""
    settings.LIMIT_OVERRIDES = {}
    sending.in_force.cache_clear()
    owner, addresses, at = guest(PHONE), itertools.count(), clock.now()
    with clock.at(at):
        device = owner.confirm(owner.ask().json()["code"]).json()["device"]
    for _ in range(2):  # days
        at += timedelta(hours=1)
        burned = Counter[int]()
        for _ in range(14):
            at += timedelta(minutes=20)
            with clock.at(at):
                burned += one_round(guest, f"10.1.{next(addresses)}.1")
        assert burned.total() >= 20
        with clock.at(at):
            known = owner.ask(device=device).json()
            assert known["code_length"] == 4
            assert owner.confirm(known["code"], challenge=known["challenge"], device=device).status_code == 200
            refused = guest(PHONE).ask()
            assert is_problem(refused, 429, "too_many_requests")
        at += timedelta(seconds=int(refused.headers["Retry-After"]))
        with clock.at(at):
            new = guest(PHONE)
            asked = new.ask().json()
            assert asked["code_length"] == 6
            assert new.confirm(asked["code"]).status_code == 200
