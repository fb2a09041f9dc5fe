"""/admin/: the operators' site."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.urls import reverse

from guestlist.delivery.models import Rest, Wording
from guestlist.lib import clock
from guestlist.people.models import Person
from guestlist.signin.models import Challenge, Pause, Session
from tests.guests import is_problem

OURS = [model for model in admin.site._registry if model.__module__.startswith("guestlist.")]


@pytest.fixture
def operator(client, db):
    client.force_login(User.objects.create_superuser("olga", password="long enough 42"))
    return client


def test_strangers_see_the_sign_in_and_nothing_else(client, db):
    assert client.get("/admin/people/person/").headers["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_every_list_opens_and_can_be_searched(operator, alice, bob, model):
    bob.activate(alice.profile()["invite_code"])
    Pause.objects.create(scope="region:KZ", region="KZ", seconds=900, ends_at=clock.now())
    Wording.objects.create(kind="code", language="en", text="Code: {code}", changed_at=clock.now())
    Rest.objects.create(gateway="http", failures=10, rests_until=clock.now())
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    for words in ("", "+7 900 111-22-33", alice.profile()["invite_code"].lower(), "анна", "%", "' OR 1=1"):
        assert operator.get(address, {"q": words}).status_code == 200, words
    row = model.objects.first()
    assert (
        operator.get(
            reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[row.pk])
        ).status_code
        == 200
    )


def test_a_person_is_found_by_any_spelling_and_by_invite_code(operator, alice, bob):
    for words in ("8 (900) 111-22-33", "+79001112233", alice.profile()["invite_code"].lower()):
        page = operator.get("/admin/people/person/", {"q": words}).content.decode()
        assert "+79001112233" in page
        assert "+79005556677" not in page


def test_no_page_shows_a_code_or_a_token(operator, guest):
    alice = guest("+79001112233")
    code = alice.ask().json()["code"]
    alice.sign_in()
    secret = alice.token.partition(".")[2]
    for model in OURS:
        for address in (
            reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"),
            *(
                reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[row.pk])
                for row in model.objects.all()
            ),
        ):
            page = operator.get(address).content.decode()
            assert secret not in page
            assert f">{code}<" not in page


def test_blocking_a_person_ends_what_they_can_do_and_unblocking_gives_it_back(operator, alice):
    person = Person.objects.get()
    act = {"_selected_action": [person.pk]}
    operator.post("/admin/people/person/", {**act, "action": "block"})
    assert is_problem(alice.get("/user/user-profile/"), 401, "not_signed_in")
    operator.post("/admin/people/person/", {**act, "action": "unblock"})
    assert alice.get("/user/user-profile/").status_code == 200


def test_deleting_a_session_ends_it(operator, alice):
    session = Session.objects.get()
    operator.post(reverse("admin:signin_session_delete", args=[session.pk]), {"post": "yes"})
    assert is_problem(alice.get("/user/user-profile/"), 401, "not_signed_in")


def test_challenges_and_people_cannot_be_made_or_deleted_by_hand(operator, alice):
    assert operator.get("/admin/people/person/add/").status_code == 403
    challenge = Challenge.objects.get()
    for address in (
        reverse("admin:signin_challenge_add"),
        reverse("admin:signin_challenge_delete", args=[challenge.pk]),
        reverse("admin:people_person_delete", args=[Person.objects.get().pk]),
    ):
        assert operator.get(address).status_code == 403


def test_a_person_is_no_operator_and_has_no_password(alice):
    assert not User.objects.exists()
    assert not {"password", "is_staff", "is_superuser"} & {field.name for field in Person._meta.get_fields()}


@pytest.mark.parametrize(
    "address",
    [
        "/admin/limits/auditline/?event=%00",
        "/admin/limits/auditline/export/?event=a%00",
        "/admin/delivery/message/?state__exact=%00",
        "/admin/signin/session/%00/change/",
    ],
)
def test_a_nul_in_an_address_is_refused_before_postgresql_does(operator, address):
    assert is_problem(operator.get(address), 400, "invalid_request")
