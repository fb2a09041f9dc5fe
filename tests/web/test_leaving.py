"""The pages of whoever wants to go, and those of devices and of how one is seen."""

import json
from datetime import timedelta

import pytest

from guestlist.invites.models import Activation
from guestlist.lib import clock
from guestlist.people.models import Person
from guestlist.signin.models import Device, Session
from tests.web.conftest import ALICE, BOB


def grows_old(phone: str) -> None:
    """Nobody's session of this number was opened within the last five minutes."""
    Session.objects.filter(person__phone=phone).update(created_at=clock.now() - timedelta(seconds=301))


def test_two_presses_delete_me(alice_looks, bob_looks):
    alice_looks.see("/leave/")
    assert alice_looks.invite_code in alice_looks.text
    assert Person.objects.count() == 2
    alice_looks.submit("/leave/")
    assert alice_looks.statuses == [302, 200]
    assert "You are deleted." in alice_looks.text
    assert "Come in with your phone" in alice_looks.text
    assert Person.objects.get().phone == BOB
    assert {alice_looks.client.cookies[f"guestlist_{name}"].value for name in ("session", "device")} == {""}


def test_whoever_signed_in_long_ago_is_asked_to_do_so_again(alice_looks):
    grows_old(ALICE)
    alice_looks.see("/leave")
    assert "You signed in more than 5 minutes ago." in alice_looks.text
    assert "/leave/" not in [form["action"] for form in alice_looks.page.forms]
    alice_looks.submit("/sign-in/").submit("/code/", code=alice_looks.code)
    assert alice_looks.path == "/leave/"
    assert Session.objects.count() == 1  # the new one took the old one's place
    alice_looks.submit("/leave/")
    assert "You are deleted." in alice_looks.text
    assert not Person.objects.exists()


def test_asking_for_the_code_once_more_leads_back_there_too_and_no_other_sign_in_does(alice_looks):
    grows_old(ALICE)
    alice_looks.see("/leave/").submit("/sign-in/").submit("/sign-in/").submit("/code/", code=alice_looks.code)
    assert alice_looks.path == "/leave/"
    alice_looks.see("/").submit("/sign-out/").ask(ALICE).submit("/code/", code=alice_looks.code)
    assert alice_looks.path == "/"


def test_a_page_that_was_left_open_deletes_nobody(alice_looks):
    alice_looks.see("/leave/")
    grows_old(ALICE)
    alice_looks.submit("/leave/")
    assert alice_looks.statuses == [409]
    assert "You signed in more than 5 minutes ago." in alice_looks.text
    assert Person.objects.count() == 1


def test_without_the_forms_token_nobody_is_deleted(alice_looks):
    assert alice_looks.client.post("/leave/").status_code == 403
    assert Person.objects.count() == 1


@pytest.mark.parametrize("path", ["/leave/", "/leave", "/export/", "/export"])
def test_whoever_is_not_signed_in_is_led_to_the_first_page(visitor, path):
    assert visitor().see(path).path == "/"


def test_everything_that_is_held_is_a_file(alice_looks):
    answer = alice_looks.client.get("/export/")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="guestlist.json"'
    assert (answer.headers["Content-Type"], answer.headers["Cache-Control"]) == ("application/json", "no-store")
    assert json.loads(answer.content)["profile"]["phone"] == ALICE


def test_how_my_number_is_seen_is_chosen(alice_looks):
    assert 'value="full" selected' in alice_looks.html
    alice_looks.submit("/profile/", phone_visibility="masked")
    assert Person.objects.get().phone_visibility == "masked"
    assert 'value="masked" selected' in alice_looks.html
    alice_looks.submit("/profile/", phone_visibility="everybody")
    assert alice_looks.statuses == [400]
    assert Person.objects.get().phone_visibility == "masked"


# ---- the preview


def test_whose_code_it_is_stands_on_a_card_before_it_is_entered(alice_looks, bob_looks):
    bob_looks.submit("/profile/", username="Боб", email="")
    alice_looks.submit("/activate/preview/", invite_code=bob_looks.invite_code.lower())
    assert "Боб" in alice_looks.text
    assert bob_looks.invite_code in alice_looks.text
    assert "You can do this only once, and it cannot be undone." in alice_looks.text
    assert not Activation.objects.exists()
    alice_looks.submit("/activate/")
    assert Activation.objects.get().code == bob_looks.invite_code


def test_who_hides_is_not_shown(alice_looks, bob_looks):
    bob_looks.submit("/profile/", phone_visibility="hidden")
    alice_looks.submit("/activate/preview/", invite_code=bob_looks.invite_code)
    assert "They do not show who they are" in alice_looks.text
    assert "900" not in alice_looks.page.text.partition("Is this who")[2].partition("has the invite code")[0]


# ---- devices


def test_a_device_that_nobody_is_signed_in_on_is_shown_and_forgotten(alice_looks, visitor):
    assert "Devices that know your number" not in alice_looks.text
    visitor().sign_in(ALICE).submit("/sign-out/")
    assert Device.objects.count() == 2
    alice_looks.see("/")
    assert "Devices that know your number" in alice_looks.text
    alice_looks.submit("/devices/forget/")
    assert "That device is forgotten." in alice_looks.text
    assert Device.objects.count() == 1
    assert "Devices that know your number" not in alice_looks.text


@pytest.mark.parametrize("kind", ["bobs", "none", "nonsense", "huge"])
def test_nobody_elses_device_is_forgotten(alice_looks, bob_looks, visitor, kind):
    visitor().sign_in(ALICE).submit("/sign-out/")
    bobs = Device.objects.get(phone=BOB).id
    id_ = {"bobs": str(bobs), "none": "999999", "nonsense": "\N{SNOWMAN}", "huge": "9" * 40}[kind]
    alice_looks.see("/").submit("/devices/forget/", id=id_)
    assert "That device was forgotten before." in alice_looks.text
    assert Device.objects.count() == 3
