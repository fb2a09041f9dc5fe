"""GET /i/{code}: the page behind a shared link, and its QR code."""

import re
import struct
import xml.etree.ElementTree as ET
from datetime import timedelta

import pytest
from django.core import signing

from guestlist.invites.models import Activation
from guestlist.lib import clock
from guestlist.lib.models import AuditLine
from guestlist.people.models import Person
from guestlist.web import share
from tests.guests import Guest
from tests.web.conftest import ALICE, BOB

COOKIE = "guestlist_invite"


def og(visitor) -> dict[str, str]:
    return dict(re.findall(r'<meta property="og:(\w+)" content="([^"]*)">', visitor.html))


def test_a_link_is_told_to_messengers_in_words_of_its_own(visitor, alice_looks, settings):
    settings.PUBLIC_URL = "https://guests.example.org"
    code = alice_looks.invite_code
    shown = visitor("ru").see(f"/i/{code}")
    assert shown.statuses == [200]
    assert og(shown) == {
        "type": "website",
        "site_name": "Guestlist",
        "title": "Вас пригласили",
        "description": f"Войдите по номеру телефона. Вас ждёт код приглашения {code}; вводить ли его, решать вам.",
        "url": f"https://guests.example.org/i/{code}",
    }
    assert og(visitor("en").see(f"/i/{code}/"))["title"] == "You are invited"


def test_it_never_says_whose_the_code_is_nor_whether_anybody_has_it(visitor, alice_looks):
    alice_looks.submit("/profile/", username="Alicia", email="alice@example.org")
    known, unknown = visitor().see(f"/i/{alice_looks.invite_code}"), visitor().see("/i/ZZZZZZ")
    for secret in ("Alicia", "alice@example.org", "111-22-33", ALICE):
        assert secret not in known.html
    tokens = re.compile(r'csrfmiddlewaretoken" value="\w+"')
    same = [
        tokens.sub("", page.html).replace(code, "…")
        for page, code in ((known, alice_looks.invite_code), (unknown, "ZZZZZZ"))
    ]
    assert same[0] == same[1]


@pytest.mark.parametrize("spelled", ["{}", "{}/", "{lower}", "{}%20", "{head}-{tail}"])
def test_a_link_is_read_as_people_write_it(visitor, alice_looks, spelled):
    code = alice_looks.invite_code
    path = spelled.format(code, lower=code.lower(), head=code[:3], tail=code[3:])
    assert code in visitor().see(f"/i/{path}").text


@pytest.mark.parametrize("broken", ["7K2", "7K2M9QX", "%F0%9F%8E%89", "..", "a" * 400])
def test_half_a_link_is_told_kindly_and_kept_by_nobody(visitor, broken):
    shown = visitor().see(f"/i/{broken}")
    assert shown.statuses == [404]
    assert "This link is not whole" in shown.text
    assert COOKIE not in shown.client.cookies
    assert visitor().client.get(f"/i/{broken}/qr.svg").status_code == 404


def test_opening_it_changes_nothing(visitor, alice_looks, bob_looks):
    before = Person.objects.count(), AuditLine.objects.count()
    for looks in (visitor(), bob_looks):
        looks.see(f"/i/{alice_looks.invite_code}")
        assert looks.client.post(f"/i/{alice_looks.invite_code}").status_code in (403, 405)
    assert (Person.objects.count(), AuditLine.objects.count()) == before
    assert not Activation.objects.exists()


def test_the_code_is_kept_through_the_sign_in_and_entered_by_two_presses_of_ones_own(visitor, alice_looks):
    code = alice_looks.invite_code
    bob = visitor().see(f"/i/{code}")
    cookie = bob.client.cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 86_400)
    assert bob.answer.headers["Cache-Control"] == "no-store"
    assert code in bob.see("/").text
    bob.sign_in(BOB)
    assert bob.page.fields["invite_code"]["value"] == code
    assert "From the link that you opened." in bob.text
    assert not Activation.objects.exists()
    bob.submit("/activate/preview/")
    assert "+7 900 ***-**-33" in bob.text
    assert not Activation.objects.exists()
    bob.submit("/activate/")
    assert f"You came with this code: {code}" in bob.text
    assert Activation.objects.get().code == code
    assert bob.client.cookies[COOKIE].value == ""


@pytest.mark.parametrize("forged", ["7K2M9Q", "7K2M9Q:abc:def", ""])
def test_a_cookie_that_we_did_not_sign_says_nothing(visitor, forged):
    bob = visitor()
    bob.client.cookies[COOKIE] = forged
    assert bob.sign_in(BOB).page.fields["invite_code"]["value"] == ""


def test_it_is_kept_for_a_day(rf):
    request = rf.get("/")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time", lambda: (clock.now() - timedelta(seconds=86_400 + 60)).timestamp())
        old = signing.dumps("7K2M9Q", salt=share.SALT)
    request.COOKIES = {COOKIE: old}
    assert share.kept(request) == ""
    request.COOKIES = {COOKIE: signing.dumps("7K2M9Q", salt=share.SALT)}
    assert share.kept(request) == "7K2M9Q"
    request.COOKIES = {COOKIE: signing.dumps("7K2M9Q", salt="guestlist.web.phone")}
    assert share.kept(request) == ""


def test_a_kept_code_that_nobody_has_is_let_go_of(visitor):
    bob = visitor().see("/i/ZZZZZZ").sign_in(BOB)
    bob.submit("/activate/preview/")
    assert "Nobody has this invite code." in bob.text
    assert bob.see("/").page.fields["invite_code"]["value"] == ""


def test_who_is_signed_in_is_told_how_it_stands(visitor, alice_looks, bob_looks):
    code = alice_looks.invite_code
    assert "This is your own code." in alice_looks.see(f"/i/{code}").text
    assert alice_looks.see("/").page.fields["invite_code"]["value"] == ""
    assert "The code waits in its field." in bob_looks.see(f"/i/{code}").text
    bob_looks.see("/").submit("/activate/preview/").submit("/activate/")
    assert "You have entered the code" in bob_looks.see("/i/ZZZZZZ").text


# ---- the picture


def test_a_qr_code_is_drawn_and_kept_by_caches(visitor, settings):
    settings.PUBLIC_URL = "https://guests.example.org"
    client = visitor().client
    answer = client.get("/i/7k2m9q/qr.svg")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/svg+xml")
    assert answer.headers["Cache-Control"] == "public, max-age=86400"
    assert not answer.cookies
    assert ET.fromstring(answer.content).tag == "{http://www.w3.org/2000/svg}svg"
    assert not re.search(rb"<script|style=|href", answer.content)
    etag = answer.headers["ETag"]
    again = client.get("/i/7K2M9Q/qr.svg", headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/i/7K2M9R/qr.svg").headers["ETag"] != etag
    assert client.head("/i/7K2M9Q/qr.svg").status_code == 200


def test_it_leads_to_our_own_name_whatever_a_request_calls_us(visitor, settings):
    settings.PUBLIC_URL = "https://guests.example.org"
    settings.ALLOWED_HOSTS = ["*"]
    client = visitor().client
    ours = client.get("/i/7K2M9Q/qr.png")
    theirs = client.get("/i/7K2M9Q/qr.png", headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    assert ours.content == theirs.content
    assert ours.headers["Content-Type"] == "image/png"
    assert ours.content.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", ours.content[16:24])
    assert width == height > 200


def test_the_profile_passes_it_on(alice_looks, settings):
    code = alice_looks.invite_code
    link = f"{settings.PUBLIC_URL}/i/{code}"
    assert link in alice_looks.page.links
    for mark in (f'data-copy="{code}"', f'data-copy="{link}"', f'data-share="{link}"', f'src="/i/{code}/qr.svg"'):
        assert mark in alice_looks.html
    assert alice_looks.client.get(f"/i/{code}/qr.svg").status_code == 200


def test_an_app_sees_the_same_page(guest):
    assert b"7K2M9Q" in Guest(ALICE).client.get("/i/7K2M9Q").content
