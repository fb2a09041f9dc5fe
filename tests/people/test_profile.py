"""/user/user-profile/: read my profile, edit it."""

import unicodedata

import pytest

from guestlist.people.models import Person
from tests.guests import is_problem

PHONE = "+79001112233"
PROFILE = "/user/user-profile/"
BOTH = pytest.mark.parametrize("method", ["post", "patch"])


def edit(guest, method: str = "post", **fields: object):
    return guest.send(method, PROFILE, fields)


# ---- reading


def test_a_new_person_sees_what_the_contract_says(alice):
    assert alice.profile() == {
        "id": Person.objects.get().pk,
        "phone": PHONE,
        "username": "",
        "email": "",
        "invite_code": Person.objects.get().invite_code,
        "activate_code": False,
        "active_user_code": None,
        "activeusers": [],
        "activeusers_count": 0,
        "activeusers_next": None,
    }


def test_who_entered_a_code_sees_which_and_who_was_entered_sees_whom(alice, bob):
    bob.activate(alice.profile()["invite_code"])
    assert alice.profile()["activeusers"] == [{"phone": "+79005556677"}]
    assert alice.profile()["activeusers_count"] == 1
    assert (alice.profile()["activate_code"], alice.profile()["active_user_code"]) == (False, None)
    assert bob.profile()["activate_code"] is True
    assert bob.profile()["active_user_code"] == alice.profile()["invite_code"]
    assert (bob.profile()["activeusers"], bob.profile()["activeusers_count"]) == ([], 0)


def test_reading_needs_a_sign_in(guest):
    assert is_problem(guest(PHONE).get(PROFILE), 401, "not_signed_in")


def test_reading_is_one_statement_however_many_invitees(alice, bob, charlie, django_assert_num_queries):
    for invitee in (bob, charlie):
        invitee.activate(alice.profile()["invite_code"])
    with django_assert_num_queries(1):
        assert len(alice.profile()["activeusers"]) == 2


def test_everybody_reads_their_own(alice, bob):
    assert (alice.profile()["phone"], bob.profile()["phone"]) == (PHONE, "+79005556677")
    assert alice.profile()["id"] != bob.profile()["id"]
    assert alice.profile()["invite_code"] != bob.profile()["invite_code"]


@pytest.mark.parametrize("name", ["id", "user_id", "person", "phone", "user"])
def test_nobody_else_can_be_asked_for(alice, bob, name):
    """C29: whoever is signed in is shown, whatever the address says."""
    for value in (bob.profile()["id"], bob.phone):
        assert alice.get(f"{PROFILE}?{name}={value}").json()["phone"] == PHONE


# ---- editing


@BOTH
def test_each_field_can_be_changed_alone(alice, method):
    assert edit(alice, method, username="Анна").status_code == 200
    assert edit(alice, method, email="anna@example.org").status_code == 200
    assert edit(alice, method, phone_visibility="masked").status_code == 200
    profile = alice.profile()
    assert (profile["username"], profile["email"]) == ("Анна", "anna@example.org")
    assert Person.objects.get().phone_visibility == "masked"


@BOTH
def test_the_answer_is_the_profile_after_the_change(alice, method):
    answer = edit(alice, method, username="Анна", email="anna@example.org", phone_visibility="hidden")
    assert answer.json() == alice.profile()
    assert answer.json()["username"] == "Анна"


@BOTH
def test_an_empty_text_clears_a_field_and_leaves_the_others(alice, method):
    edit(alice, username="Анна", email="anna@example.org", phone_visibility="hidden")
    assert edit(alice, method, username="").json()["username"] == ""
    assert alice.profile()["email"] == "anna@example.org"
    assert edit(alice, method, email="").json()["email"] == ""
    assert Person.objects.get().phone_visibility == "hidden"


@BOTH
def test_nothing_sent_changes_nothing(alice, method):
    edit(alice, username="Анна")
    assert edit(alice, method).json()["username"] == "Анна"


@BOTH
def test_the_same_again_is_fine(alice, method):
    for _ in range(2):
        assert edit(alice, method, username="Анна").json()["username"] == "Анна"


@BOTH
@pytest.mark.parametrize("field", ["username", "email", "phone_visibility"])
@pytest.mark.parametrize("value", [None, 1, True, 1.5, [], ["a"], {}, {"a": "b"}])
def test_null_and_other_types_are_refused_and_nothing_changes(alice, method, field, value):
    edit(alice, username="Анна", email="anna@example.org", phone_visibility="masked")
    before = Person.objects.values().get()
    answer = alice.send(method, PROFILE, {"username": "Bob", "email": "bob@example.org", field: value})
    assert is_problem(answer, 400, "invalid_request")
    assert [finding["field"] for finding in answer.json()["errors"]] == [field]
    assert Person.objects.values().get() == before


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (unicodedata.normalize("NFD", "Ёжик é"), "Ёжик é"),
        ("  Анна  ", "Анна"),
        ("\N{GRINNING FACE} 李 ע", "\N{GRINNING FACE} 李 ע"),
        ("<b>'\"; DROP TABLE people_person; --", "<b>'\"; DROP TABLE people_person; --"),
        ("x" * 150, "x" * 150),
        ("\N{GRINNING FACE}" * 150, "\N{GRINNING FACE}" * 150),
        (" " * 200 + "Анна", "Анна"),
        ("   ", ""),
        ("é" * 75, "é" * 75),
        (unicodedata.normalize("NFD", "é") * 150, "é" * 150),
        ("Анна ", "Анна"),
        ("%s %(a)s {0}", "%s %(a)s {0}"),
        ("\\", "\\"),
    ],
)
def test_a_name_is_kept_in_one_form(alice, sent, kept):
    answer = edit(alice, username=sent)
    assert answer.status_code == 200, answer.content
    assert answer.json()["username"] == alice.profile()["username"] == kept


@pytest.mark.parametrize(
    "name",
    [
        "x" * 151,
        "a\x00b",
        "a\nb",
        "a\rb",
        "a\tb",
        "a\x1b[31mb",
        "a\x7fb",
        "a\x85b",
        "a\N{LINE SEPARATOR}b",
        "a\N{PARAGRAPH SEPARATOR}b",
        "\x00",
        "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 151,
    ],
)
def test_a_name_that_is_too_long_or_holds_control_characters_is_refused(alice, name):
    edit(alice, username="Анна")
    assert is_problem(edit(alice, username=name), 400, "invalid_username")
    assert alice.profile()["username"] == "Анна"


@pytest.mark.parametrize(
    "email", ["anna@example.org", "a+b@example.org", "anna@пример.рф", "anna@xn--e1afmkfd.xn--p1ai", "a@localhost"]
)
def test_an_address_is_kept_as_it_is(alice, email):
    assert edit(alice, email=f" {email} ").json()["email"] == email


@pytest.mark.parametrize(
    "email",
    [
        "anna",
        "anna@",
        "@example.org",
        "anna@example",
        "anna@@example.org",
        "anna example@example.org",
        "anna@example.org\x00",
        "anna@example.org\nBcc: bob@example.org",
        "anna@exam ple.org",
        "anna@example.org, bob@example.org",
        "anna@-example.org",
        "a" * 139 + "@example.org",
        "mailto:anna@example.org",
        "<anna@example.org>",
    ],
)
def test_what_is_no_address_is_refused(alice, email):
    edit(alice, email="anna@example.org")
    assert is_problem(edit(alice, email=email), 400, "invalid_email")
    assert alice.profile()["email"] == "anna@example.org"


def test_one_bad_field_changes_none(alice):
    assert is_problem(edit(alice, username="Анна", email="x"), 400, "invalid_email")
    assert is_problem(edit(alice, username="x" * 151, email="anna@example.org"), 400, "invalid_username")
    assert (alice.profile()["username"], alice.profile()["email"]) == ("", "")


@pytest.mark.parametrize("value", ["", "Full", "none", "full ", "public"])
def test_a_number_can_only_be_full_masked_or_hidden(alice, value):
    assert is_problem(edit(alice, phone_visibility=value), 400, "invalid_request")


def test_a_number_stands_in_the_inviters_list_as_its_owner_wishes(alice, bob):
    bob.activate(alice.profile()["invite_code"])
    for visibility, seen in (("masked", "+7 900 ***-**-77"), ("hidden", None), ("full", "+79005556677")):
        edit(bob, phone_visibility=visibility)
        assert alice.profile()["activeusers"] == [{"phone": seen}]
        assert alice.profile()["activeusers_count"] == 1
        assert bob.profile()["phone"] == "+79005556677"


@pytest.mark.parametrize("default", ["masked", "hidden"])
def test_how_a_new_number_stands_is_a_setting(guest, settings, default):
    settings.PHONE_VISIBILITY_DEFAULT = default
    guest(PHONE).sign_in()
    assert Person.objects.get().phone_visibility == default


@BOTH
def test_nothing_else_of_a_profile_can_be_written(alice, bob, method):
    """C28: mass assignment."""
    before = Person.objects.values().get(phone=PHONE)
    answer = edit(
        alice,
        method,
        id=bob.profile()["id"],
        pk=1,
        person_id=bob.profile()["id"],
        user_id=bob.profile()["id"],
        phone="+79008889900",
        invite_code="ABC123",
        activate_code=True,
        active_user_code=bob.profile()["invite_code"],
        activeusers=[{"phone": "+79008889900"}],
        activeusers_count=100,
        inviter=bob.profile()["id"],
        invited_by=bob.profile()["id"],
        is_admin=True,
        is_staff=True,
        is_superuser=True,
        blocked_at="2026-01-01T00:00:00Z",
        created_at="2020-01-01T00:00:00Z",
        __class__="Person",
        __proto__={"is_admin": True},
    )
    assert answer.status_code == 200
    assert Person.objects.values().get(phone=PHONE) == before
    assert bob.profile()["username"] == ""


def test_signing_up_cannot_write_it_either(guest):
    alice = guest(PHONE)
    extra = {"id": 7, "is_admin": True, "invited_by": 1, "created_at": "2020-01-01T00:00:00Z", "username": "root"}
    alice.confirm(alice.ask(**extra).json()["code"], **extra)
    person = Person.objects.get()
    assert (person.phone, person.username, person.blocked_at) == (PHONE, "", None)
    assert person.created_at.year > 2020


def test_another_persons_profile_cannot_be_written(alice, bob):
    """C29: an id in the body or the address is nobody's."""
    alice.send("patch", f"{PROFILE}?id={bob.profile()['id']}", {"id": bob.profile()["id"], "username": "Mallory"})
    assert bob.profile()["username"] == ""
    assert alice.profile()["username"] == "Mallory"


@BOTH
def test_editing_needs_a_sign_in(guest, method):
    assert is_problem(edit(guest(PHONE), method, username="Анна"), 401, "not_signed_in")
