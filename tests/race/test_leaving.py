"""People are deleted while they sign in, enter codes and read: one deletion wins, and nothing half of anybody stays."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests import servers
from tests.race.test_races import CROWD, ROUNDS, arena, fresh_phone
from tests.race.wire import one, request, sign_in, volley

pytestmark = pytest.mark.race

ME, ENTER = "/user/user-profile/", "/user/user-profile/activate-code/"


@pytest.fixture(scope="module", params=servers.DATABASES)
def url(request, tmp_path_factory) -> Iterator[str]:
    """A server of two processes on each kind of database."""
    yield from arena(request.param, tmp_path_factory.mktemp(request.param), "allow")


def profile(url: str, token: str):
    return one(url, ME, None, token, "GET")


def code_of(url: str, token: str) -> str:
    return str(profile(url, token).body["invite_code"])


def test_of_fifty_deletions_at_once_one_deletes(url):
    for _ in range(ROUNDS):
        token = sign_in(url, fresh_phone())
        answers = volley(url, [request(ME, None, token, "DELETE")] * CROWD)
        assert Counter(answer.status for answer in answers) == {200: 1, 401: CROWD - 1}
        assert profile(url, token).status == 401


def test_a_deletion_among_sign_ins_of_the_same_number_leaves_one_person_or_none(url):
    """Whoever was let in after it is somebody new; whoever was let in before it is not there any more."""
    for _ in range(ROUNDS):
        phone = fresh_phone()
        token = sign_in(url, phone)
        old = profile(url, token).body["id"]
        asked = [one(url, "/user/login/", {"phone": phone}).body for _ in range(6)]
        right = [
            request("/user/confirm/", {"phone": phone, "code": body["code"], "challenge": body["challenge"]})
            for body in asked
        ]
        leave = [request(ME, None, token, "DELETE")]
        reads = [request(ME, None, token, "GET")] * 6
        answers = volley(url, [*right[:3], *reads[:3], *leave, *right[3:], *reads[3:]])
        assert {answer.status for answer in answers} <= {200, 400, 401}
        assert answers[6].status == 200
        tokens = [answer.body["token"] for answer in answers if answer.status == 200 and "token" in answer.body]
        seen = [profile(url, token) for token in tokens]
        assert {answer.status for answer in seen} <= {200, 401}
        living = {answer.body["id"] for answer in seen if answer.status == 200}
        assert old not in living
        assert len(living) <= 1
        again = one(url, "/user/login/", {"phone": phone})
        assert again.status == (200 if living else 201)


def test_invitees_who_leave_while_others_come_are_counted_right(url):
    inviter = sign_in(url, fresh_phone())
    code = code_of(url, inviter)
    for _ in range(ROUNDS):
        leaving, coming = ([sign_in(url, fresh_phone()) for _ in range(8)] for _ in range(2))
        entered = volley(url, [request(ENTER, {"code": code}, token) for token in leaving])
        assert {answer.status for answer in entered} == {200}
        wanted = [request(ME, None, token, "DELETE") for token in leaving]
        wanted += [request(ENTER, {"code": code}, token) for token in coming]
        assert Counter(answer.status for answer in volley(url, wanted)) == {200: 16}
        mine = profile(url, inviter).body
        assert mine["activeusers_count"] == len(mine["activeusers"]) == len(coming)
        volley(url, [request(ME, None, token, "DELETE") for token in coming])
        assert profile(url, inviter).body["activeusers_count"] == 0


def test_who_is_deleted_while_their_code_is_entered_is_entered_or_unknown(url):
    """And who deletes themselves while they enter one: nobody's row points to somebody who is not there."""
    for _ in range(ROUNDS):
        inviter, third = sign_in(url, fresh_phone()), sign_in(url, fresh_phone())
        code, others = code_of(url, inviter), code_of(url, third)
        tokens = [sign_in(url, fresh_phone()) for _ in range(12)]
        enter = [request(ENTER, {"code": code}, token) for token in tokens]
        leave = [request(ME, None, token, "DELETE") for token in (inviter, tokens[0], tokens[1])]
        own = [request(ENTER, {"code": others}, inviter)]
        answers = volley(url, [*enter[:4], *leave, *own, *enter[4:]])
        assert [answer.status for answer in answers[4:7]] == [200, 200, 200]
        assert {answer.status for answer in answers} <= {200, 401, 404}
        for token, answer in zip(tokens[2:], [*answers[2:4], *answers[8:]], strict=True):
            mine = profile(url, token).body
            assert mine["active_user_code"] == (code if answer.status == 200 else None)
            assert (answer.status, mine["activate_code"]) in [(200, True), (404, False)]
        assert profile(url, third).body["activeusers_count"] == 0


def test_two_who_invited_each_other_leave_at_once(url):
    for _ in range(ROUNDS):
        pair = [sign_in(url, fresh_phone()) for _ in range(2)]
        codes = [code_of(url, token) for token in pair]
        volley(url, [request(ENTER, {"code": codes[1 - who]}, pair[who]) for who in (0, 1)])
        answers = volley(url, [request(ME, None, token, "DELETE") for token in pair])
        assert [answer.status for answer in answers] == [200, 200]


def test_an_export_in_the_middle_is_whole_or_refused(url):
    for _ in range(ROUNDS):
        token = sign_in(url, fresh_phone())
        export = [request("/user/export/", None, token, "GET")] * 6
        answers = volley(url, [*export[:3], request(ME, None, token, "DELETE"), *export[3:]])
        assert answers[3].status == 200
        for answer in [*answers[:3], *answers[4:]]:
            assert answer.status in (200, 401)
            assert answer.status == 401 or answer.body["profile"]["id"]
