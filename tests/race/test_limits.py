"""The ladder and the limits under fifty requests at the same moment, two processes, each database: still exact."""

import os
from collections import Counter
from collections.abc import Iterator

import pytest

from tests import servers
from tests.race.test_races import ROUNDS, fresh_phone
from tests.race.wire import Answer, one, request, sign_in, volley

pytestmark = [pytest.mark.race, pytest.mark.xdist_group("limits")]  # one server for all of them


def _server(kind: str, folder, **limits: str) -> Iterator[str]:
    environment = {name: value for name, value in os.environ.items() if name.startswith("LIMIT_")} | limits
    environment["DRY_RUN"] = "CONVERSION"  # a long run asks for more codes than it confirms, all from one address
    with (
        servers.fresh_database(kind, folder) as database,
        servers.running(database, WEB_CONCURRENCY="2", SANDBOX_DELAY="0", LIMITS="on", **environment) as url,
    ):
        yield url


@pytest.fixture(scope="module", params=servers.DATABASES)
def guessed_url(request, tmp_path_factory) -> Iterator[str]:
    """The ladder alone: as many codes as one likes, and an address may guess as often as it likes."""
    yield from _server(
        request.param, tmp_path_factory.mktemp(request.param), **servers.FAR_AWAY, SMS_DAILY_BUDGET="1000000"
    )


@pytest.fixture(scope="module", params=servers.DATABASES)
def limited_url(request, tmp_path_factory) -> Iterator[str]:
    """The limits of a phone; those of an address would stop the test itself."""
    phones = {"LIMIT_CODES_PAUSE", "LIMIT_CODES_PER_PHONE", "LIMIT_CODES_PER_PHONE_IN_ALL"}
    others = {name: value for name, value in servers.FAR_AWAY.items() if name not in phones}
    yield from _server(request.param, tmp_path_factory.mktemp(request.param), **others, SMS_DAILY_BUDGET="1000000")


def names(answers: list[Answer]) -> Counter[str]:
    assert all(answer.status < 500 for answer in answers), answers
    return Counter(answer.body.get("code", "") if answer.status >= 400 else "ok" for answer in answers)


def wrong_ones(asked: dict) -> list[bytes]:
    guesses = [
        str((int(asked["code"]) + step) % 10 ** len(asked["code"])).zfill(len(asked["code"])) for step in (1, 2, 3)
    ]
    return [
        request("/user/confirm/", {"phone": asked["phone"], "challenge": asked["challenge"], "code": guess})
        for guess in guesses
    ]


def test_of_sixty_guesses_at_twenty_codes_of_one_phone_five_are_judged(guessed_url):
    for _ in range(max(1, ROUNDS // 20)):  # an address that guesses more is given long codes, by another rule
        phone = fresh_phone()
        asked = [one(guessed_url, "/user/login/", {"phone": phone}).body for _ in range(20)]
        if {code["code_length"] for code in asked} != {4}:
            break
        answers = names(volley(guessed_url, [raw for code in asked for raw in wrong_ones(code)]))
        assert answers == {"wrong_code": 5, "code_expired": 55}
        assert one(guessed_url, "/user/login/", {"phone": phone}).body["code_length"] >= 6


def test_fifty_confirmations_with_the_right_code_leave_no_wrong_guess_behind(guessed_url):
    for _ in range(ROUNDS):
        phone = fresh_phone()
        asked = one(guessed_url, "/user/login/", {"phone": phone}).body
        right = {name: asked[name] for name in ("phone", "code", "challenge")}
        answers = names(volley(guessed_url, [request("/user/confirm/", right)] * 50))
        assert answers == {"ok": 1, "code_expired": 49}
        assert one(guessed_url, "/user/login/", {"phone": phone}).body["code_length"] == asked["code_length"]


def test_of_fifty_asks_at_once_to_one_phone_one_is_sent(limited_url):
    for _ in range(ROUNDS):
        phone = fresh_phone()
        answers = names(volley(limited_url, [request("/user/login/", {"phone": phone})] * 50))
        assert answers == {"ok": 1, "too_many_requests": 49}


def test_fifty_unknown_invite_codes_at_once_are_ten_tries(limited_url):
    for _ in range(min(ROUNDS, 5)):  # the sixty of the address are spent after six people
        token = sign_in(limited_url, fresh_phone())
        tries = [
            request("/user/user-profile/activate-code/", {"code": f"ZZZ{number:03}"}, token) for number in range(50)
        ]
        assert names(volley(limited_url, tries)) == {"unknown_invite": 10, "too_many_requests": 40}


def test_two_clients_that_confirm_one_known_number_at_once_both_sign_in(guessed_url):
    """After a sign-in the pause is waived once an hour: both would have it."""
    for _ in range(ROUNDS):
        phone = fresh_phone()
        asked = [one(guessed_url, "/user/login/", {"phone": phone}).body for _ in range(2)]
        bodies = [{name: code[name] for name in ("phone", "code", "challenge")} for code in asked]
        answers = names(volley(guessed_url, [request("/user/confirm/", body) for body in bodies * 5]))
        assert answers == {"ok": 2, "code_expired": 8}
