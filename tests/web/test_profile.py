"""The page of somebody who is signed in."""

import pytest

from guestlist.invites.models import Activation
from guestlist.people.models import Person
from guestlist.signin.models import Session
from tests.guests import Guest
from tests.web.conftest import ALICE, BOB

ACTS = [
    "/profile/",
    "/activate/",
    "/activate/preview/",
    "/devices/forget/",
    "/sessions/end/",
    "/sessions/end-others/",
    "/sign-out/",
]


def test_name_and_email_are_saved(alice_looks):
    alice_looks.submit("/profile/", username="Алиса", email="alice@example.org")
    assert alice_looks.statuses == [302, 200]
    assert "Saved." in alice_looks.text
    alice = Person.objects.get()
    assert (alice.username, alice.email) == ("Алиса", "alice@example.org")
    assert "Saved." not in alice_looks.see("/").text


def test_a_name_is_text_and_never_markup(alice_looks):
    alice_looks.submit("/profile/", username='<script>alert("1")</script>', email="")
    assert "<script>alert" not in alice_looks.html
    assert alice_looks.html.count("&lt;script&gt;alert(&quot;1&quot;)") == 2  # the heading and the field


def test_what_is_no_email_is_told_under_its_field_and_nothing_is_saved(alice_looks):
    alice_looks.submit("/profile/", username="Alice", email="nobody")
    assert alice_looks.statuses == [400]
    assert "This is not an e-mail address." in alice_looks.text
    assert alice_looks.page.fields["email"]["aria-describedby"] == "email-error"
    assert alice_looks.page.fields["email"]["value"] == "nobody"
    assert alice_looks.page.fields["username"]["value"] == "Alice"
    assert Person.objects.get().username == ""


def test_a_name_that_is_too_long_is_told_under_its_field(alice_looks):
    alice_looks.submit("/profile/", username="a" * 151)
    assert alice_looks.statuses == [400]
    assert alice_looks.page.fields["username"]["aria-describedby"] == "username-error"


def test_somebodys_code_is_entered_once(alice_looks, bob_looks):
    code = bob_looks.invite_code
    alice_looks.see("/").submit("/activate/preview/", invite_code=code.lower())
    assert "You can do this only once, and it cannot be undone." in alice_looks.text
    assert not Activation.objects.exists()
    alice_looks.submit("/activate/")
    assert alice_looks.statuses == [302, 200]
    assert f"You came with this code: {code}" in alice_looks.text
    assert "invite_code" not in alice_looks.page.fields

    bob_looks.see("/")
    assert "1 person came with you" in bob_looks.text
    assert "8 (900) 111-22-33" in bob_looks.text


@pytest.mark.parametrize(
    ("typed", "status", "words"),
    [
        ("ABC", 400, "An invite code has 6 letters and digits."),
        ("", 400, "An invite code has 6 letters and digits."),
        ("ZZZZZZ", 404, "Nobody has this invite code."),
        ("own", 400, "This is your own invite code."),
    ],
)
def test_a_code_that_does_not_work_is_told_under_its_field_and_kept(alice_looks, typed, status, words):
    typed = alice_looks.invite_code if typed == "own" else typed
    alice_looks.submit("/activate/preview/", invite_code=typed)
    assert alice_looks.statuses == [status]
    assert words in alice_looks.text
    assert alice_looks.page.fields["invite_code"]["value"] == typed
    assert "invite-error" in alice_looks.page.fields["invite_code"]["aria-describedby"]
    assert not Activation.objects.exists()


def test_a_second_code_from_another_tab_is_refused(alice_looks, bob_looks, visitor):
    charlie = visitor().sign_in("+79008889900")
    home = alice_looks.page
    other_tab = alice_looks.submit("/activate/preview/", invite_code=charlie.invite_code).page
    alice_looks.page = home
    alice_looks.submit("/activate/preview/", invite_code=bob_looks.invite_code).submit("/activate/")
    (form,) = [form for form in other_tab.forms if form["action"] == "/activate/"]
    answer = alice_looks.client.post("/activate/", form["fields"])
    assert answer.status_code == 409
    assert "You have already entered an invite code" in answer.content.decode()
    assert Activation.objects.get().code == bob_looks.invite_code


def test_how_an_invitee_wishes_to_be_seen(alice_looks):
    for phone, visibility in (("+79010000001", "full"), ("+79010000002", "masked"), ("+79010000003", "hidden")):
        guest = Guest(phone).sign_in()
        guest.post("/user/user-profile/", {"phone_visibility": visibility})
        guest.activate(alice_looks.invite_code)
    text = alice_looks.see("/").text
    assert "3 people came with you" in text
    assert "8 (901) 000-00-01" in text
    assert "+7 901 ***-**-02" in text
    assert "a hidden number" in text
    assert "000-00-03" not in text


def test_more_than_a_page_of_invitees_has_a_next_page(alice_looks, monkeypatch):
    monkeypatch.setattr("guestlist.invites.actions.PAGE", 2)
    for last in range(1, 6):
        Guest(f"+7901000000{last}").sign_in().activate(alice_looks.invite_code)
    seen = []
    alice_looks.see("/")
    while more := [link for link in alice_looks.page.links if link.startswith("/invitees/")]:
        alice_looks.see(more[0])
        seen += [last for last in "12345" if f"8 (901) 000-00-0{last}" in alice_looks.text]
    assert seen == ["3", "4", "5"]
    assert "5 people came with you" in alice_looks.text


@pytest.mark.parametrize("cursor", ["nonsense", "a" * 65, "%00"])
def test_a_cursor_that_is_none_is_refused(alice_looks, cursor):
    assert alice_looks.see(f"/invitees/?cursor={cursor}").statuses == [400]


def test_one_of_my_sessions_is_ended(alice_looks, visitor):
    laptop = visitor().sign_in(ALICE)
    alice_looks.see("/").submit("/sessions/end/")
    assert "That session is ended." in alice_looks.text
    assert "Come in with your phone" in laptop.see("/").text
    assert Session.objects.count() == 1


def test_all_my_other_sessions_are_ended(alice_looks, visitor):
    others = [visitor().sign_in(ALICE), visitor().sign_in(ALICE)]
    alice_looks.see("/").submit("/sessions/end-others/")
    assert "2 sessions ended." in alice_looks.text
    assert all("Come in with your phone" in other.see("/").text for other in others)


@pytest.mark.parametrize("kind", ["bobs", "none", "nonsense"])
def test_nobody_elses_session_is_ended(alice_looks, bob_looks, visitor, kind):
    visitor().sign_in(ALICE)
    bobs = Session.objects.get(person__phone=BOB).id
    id_ = {"bobs": bobs, "none": "A" * 22, "nonsense": "\N{SNOWMAN}" * 400}[kind]
    alice_looks.see("/").submit("/sessions/end/", id=id_)
    assert "That session had ended before." in alice_looks.text
    assert "Your invitation" in bob_looks.see("/").text
    assert Session.objects.count() == 3


@pytest.mark.parametrize("path", ACTS)
def test_whoever_is_not_signed_in_is_led_to_the_first_page(visitor, path):
    somebody = visitor().see("/")
    token = somebody.answer.context["csrf_token"]
    for address in (path, path.rstrip("/")):
        answer = somebody.client.post(address, {"csrfmiddlewaretoken": token, "id": "A" * 22})
        assert (answer.status_code, answer["Location"]) == (302, "/")
    assert "Sign in first." in somebody.see("/").text


@pytest.mark.parametrize("path", [*ACTS, "/sign-in/", "/invitees/"])
def test_an_acts_address_that_is_only_looked_at_leads_to_the_first_page(visitor, path):
    assert visitor().see(path).path == "/"


def test_a_session_that_was_ended_elsewhere_acts_no_more(alice_looks):
    Session.objects.all().delete()
    alice_looks.submit("/profile/", username="Mallory")
    assert "Sign in first." in alice_looks.text
    assert Person.objects.get().username == ""


def test_an_authorization_header_opens_no_page(alice_looks, visitor):
    guest = Guest(ALICE).sign_in()
    answer = visitor().client.get("/", headers={"Authorization": f"Bearer {guest.token}"})
    assert "Come in with your phone" in answer.content.decode()
