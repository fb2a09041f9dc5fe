"""With OPERATOR_TOTP=yes operators need an authenticator: it is set up, asked for, and counts as a password does."""

import re
import threading
import time
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from guestlist.lib import audit
from guestlist.lib.models import AuditLine
from tests.web.test_markup import Strict

PASSWORD = "long enough 42"
LOGIN, STEP, INDEX = "/admin/login/", "/admin/second-step/", "/admin/"


@pytest.fixture(autouse=True)
def _asked_for(settings):
    settings.OPERATOR_TOTP = True
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    audit._floods.clear()
    yield
    audit._floods.clear()


@pytest.fixture
def olga(db):
    return User.objects.create_superuser("olga", password=PASSWORD)


def sign_in(code: str = "", password: str = PASSWORD, name: str = "olga"):
    client = Client(REMOTE_ADDR="203.0.113.7")
    return client, client.post(LOGIN, {"username": name, "password": password, "code": code})


def shown_now(later: int = 0) -> str:
    """What the authenticator shows, so many steps of 30 s later."""
    device = TOTPDevice.objects.get()
    totp = TOTP(device.bin_key)
    totp.time = time.time() + later * 30
    return f"{totp.token():06}"


def enrolled() -> tuple[Client, list[str]]:
    client, answer = sign_in()
    assert answer.status_code == 302
    client.get(STEP)
    page = client.post(STEP, {"code": shown_now()}).content.decode()
    return client, re.findall(r"<li><code>([a-z2-7-]+)</code>", page)


def trail() -> list[str]:
    return list(AuditLine.objects.order_by("id").values_list("event", flat=True))


# ---- setting it up


def test_who_has_no_authenticator_sees_nothing_before_they_have_set_one_up(olga):
    client, answer = sign_in()
    assert answer.status_code == 302
    for address in (INDEX, "/admin/people/person/", "/admin/overview/", "/admin/auth/user/"):
        answer = client.get(address, follow=True)
        assert answer.redirect_chain[-1] == (STEP, 302), address
    assert "Authentication and Authorization" not in answer.content.decode()


def test_a_code_of_the_authenticator_sets_it_up_and_recovery_codes_are_told_once(olga):
    client, codes = enrolled()
    assert len(set(codes)) == 10
    assert client.get(INDEX).status_code == 200
    assert client.get(STEP).headers["Location"] == INDEX
    assert trail() == ["operator.signed_in", "operator.enrolled"]
    kept = set(StaticToken.objects.values_list("token", flat=True))
    assert len(kept) == 10
    assert not kept & {code.replace("-", "") for code in codes}


def test_a_wrong_code_sets_nothing_up(olga):
    client, _ = sign_in()
    client.get(STEP)
    for code in ("", "12345", "abcdef", f"{(int(shown_now()) + 1) % 10**6:06}"):
        answer = client.post(STEP, {"code": code})
        assert answer.status_code == 400
        assert 'role="alert"' in answer.content.decode()
    assert not TOTPDevice.objects.get().confirmed
    assert client.get(INDEX).status_code == 302


def test_wrong_codes_there_are_limited_as_wrong_passwords_are(olga):
    client, _ = sign_in()
    client.get(STEP)
    assert [client.post(STEP, {"code": "x"}).status_code for _ in range(6)] == [400] * 5 + [429]
    assert client.post(STEP, {"code": shown_now()}).status_code == 429
    assert sign_in()[1].status_code == 429


def test_a_key_that_another_session_was_shown_is_not_the_one_that_is_set_up(olga):
    thief, _ = sign_in()
    assert thief.get(STEP).status_code == 200
    seen = shown_now()
    client, _ = sign_in()
    keys = []
    for _ in range(2):  # loaded again it is the same
        client.get(STEP)
        keys.append(TOTPDevice.objects.get().key)
    assert len(set(keys)) == 1
    assert client.post(STEP, {"code": seen}).status_code == 400
    assert thief.post(STEP, {"code": seen}).status_code == 400
    client, _ = sign_in()
    client.get(STEP)
    assert client.post(STEP, {"code": shown_now()}).status_code == 200
    assert TOTPDevice.objects.count() == 1
    assert thief.get(STEP).headers["Location"] == INDEX
    assert thief.get(INDEX).status_code == 302


def test_the_key_is_on_that_page_and_on_no_other_and_breaks_no_policy(olga):
    client, _ = sign_in()
    page = client.get(STEP).content.decode()
    key = re.search(r"<code>([A-Z2-7 ]{30,})</code>", page)[1]
    assert client.get(STEP).content.decode().count(key) == 1  # the same until it is set up
    assert Strict(page).found == []
    assert "<svg" in page
    answer = client.post(STEP, {"code": shown_now()})
    assert Strict(answer.content.decode()).found == []
    for address in (INDEX, "/admin/auth/user/", f"/admin/auth/user/{olga.pk}/change/"):
        assert key not in client.get(address).content.decode()
    assert client.get("/admin/otp_totp/totpdevice/").status_code == 404
    assert client.get("/admin/otp_static/staticdevice/").status_code == 404


def test_strangers_and_people_who_are_no_operators_set_nothing_up(client, db):
    assert client.get(STEP).status_code == 302
    client.force_login(User.objects.create_user("visitor", password=PASSWORD))
    for answer in (client.get(STEP), client.post(STEP, {"code": "123456"})):
        assert answer.headers["Location"] == INDEX
    assert not TOTPDevice.objects.exists()


# ---- signing in with it


def test_then_the_password_alone_opens_nothing(olga):
    enrolled()
    for code in ("", "000000", "x"):
        client, answer = sign_in(code)
        assert answer.status_code == 200
        assert "guestlist_operator" not in answer.cookies
        assert client.get(INDEX).status_code == 302
    client, answer = sign_in(shown_now(later=1))
    assert answer.status_code == 302
    assert client.get(INDEX).status_code == 200


def test_a_wrong_code_is_refused_as_a_wrong_password_is(olga):
    enrolled()
    pages = [sign_in("000000")[1], sign_in(shown_now(later=1), password="not the one 42")[1]]
    errors = [re.findall(r'class="errornote"[^>]*>\s*(.+?)\s*</p>', page.content.decode(), re.S) for page in pages]
    assert errors[0] == errors[1] != []
    assert trail()[-2:] == ["operator.refused"] * 2


def test_wrong_codes_count_as_wrong_passwords_do(olga):
    enrolled()
    assert [sign_in("000000")[1].status_code for _ in range(6)] == [200] * 5 + [429]
    assert sign_in(shown_now(later=1))[1].status_code == 429


def test_a_code_works_once(olga):
    enrolled()
    code = shown_now(later=1)
    assert sign_in(code)[1].status_code == 302
    assert sign_in(code)[1].status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["authenticator", "recovery"])
def test_a_code_that_comes_several_times_at_once_works_once(kind):
    User.objects.create_superuser("olga", password=PASSWORD)
    _, codes = enrolled()
    code = shown_now(later=1) if kind == "authenticator" else codes[0]
    found: list[int] = []

    def attempt() -> None:
        try:
            found.append(sign_in(code)[1].status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [200] * 4 + [302]


def test_a_recovery_code_works_once_in_any_case(olga):
    _, codes = enrolled()
    assert sign_in(codes[0].upper().replace("-", " "))[1].status_code == 302
    assert sign_in(codes[0])[1].status_code == 200
    assert sign_in(codes[1])[1].status_code == 302
    assert StaticToken.objects.count() == 8


def test_another_operators_code_opens_nothing(olga):
    enrolled()
    User.objects.create_superuser("ivan", password=PASSWORD)
    client, _ = sign_in(name="ivan")
    assert client.get(INDEX, follow=True).redirect_chain[-1] == (STEP, 302)
    olgas, ivans = TOTPDevice.objects.get(user__username="olga"), TOTPDevice.objects.get(user__username="ivan")
    assert olgas.key != ivans.key


def test_a_session_from_before_it_was_asked_for_has_to_sign_in_again(olga, settings):
    enrolled()
    settings.OPERATOR_TOTP = False
    client, _answer = sign_in()
    assert client.get(INDEX).status_code == 200
    settings.OPERATOR_TOTP = True
    assert client.get(INDEX).headers["Location"].startswith(LOGIN)
    assert client.get(LOGIN).status_code == 200  # the form, not the page that sets up


def test_where_it_is_not_asked_for_there_is_none(olga, settings):
    settings.OPERATOR_TOTP = False
    assert 'name="code"' not in Client().get(LOGIN).content.decode()
    client, _answer = sign_in()
    assert client.get(INDEX).status_code == 200
    assert client.get(STEP).status_code == 404
    settings.OPERATOR_TOTP = True
    assert 'name="code"' in Client().get(LOGIN).content.decode()


def test_who_has_lost_both_is_forgotten_by_a_command_and_sets_up_anew(olga):
    enrolled()
    out = StringIO()
    call_command("forgetstep", "olga", stdout=out)
    call_command("forgetstep", "olga", stdout=out)
    assert out.getvalue().split("\n")[:2] == ["forgotten", "there was none"]
    assert AuditLine.objects.get(event="operator.unenrolled").facts == "of=olga"
    client, _ = sign_in()
    assert client.get(INDEX, follow=True).redirect_chain[-1] == (STEP, 302)
    with pytest.raises(CommandError, match="no operator"):
        call_command("forgetstep", "nobody")


def test_no_session_of_theirs_outlives_that_and_everybody_elses_does(olga):
    theirs, _ = enrolled()
    User.objects.create_superuser("ivan", password=PASSWORD)
    other, _ = sign_in(name="ivan")
    call_command("forgetstep", "olga", stdout=StringIO())
    assert theirs.get(STEP, follow=True).redirect_chain[-1][0].startswith(LOGIN)
    assert not TOTPDevice.objects.exists()
    assert other.get(STEP).status_code == 200
