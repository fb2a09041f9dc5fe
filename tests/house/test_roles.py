"""What the groups `read-only` and `support` may see and do, on every page of the operators' site."""

from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.urls import reverse

from guestlist.dashboard import roles
from guestlist.delivery.models import Rest, Wording
from guestlist.invites.models import Activation
from guestlist.lib import clock
from guestlist.people.models import Person
from guestlist.signin.models import Pause, Session

MODELS = list(admin.site._registry)
OURS = [model for model in MODELS if model.__module__.startswith("guestlist.")]
OTHERS = [model for model in MODELS if model not in OURS]
GROUPS = [roles.READ_ONLY, roles.SUPPORT]
# model, group -> what they may do beside looking
CHANGED = {(Person, roles.SUPPORT)}
DELETED = {(Session, roles.SUPPORT)}
OVERVIEWS = ["overview", "delivery_overview"]
HOUR = timedelta(hours=1)
ACTS = ["block", "unblock", "end_sessions", "undo"]


@pytest.fixture
def as_member(client, db):
    """Signs a new operator of a group in."""

    def of(group: str | None):
        user = User.objects.create_user(f"member of {group}", password="long enough 42", is_staff=True)
        if group:
            user.groups.add(Group.objects.get(name=group))
        client.force_login(user)
        return client

    return of


@pytest.fixture
def rows(alice, bob, db):
    bob.activate(alice.profile()["invite_code"])
    Pause.objects.create(scope="region:KZ", region="KZ", seconds=900, ends_at=clock.now() + HOUR)
    Wording.objects.create(kind="code", language="en", text="Code: {code}", changed_at=clock.now())
    Rest.objects.create(gateway="http", failures=10, rests_until=clock.now() + HOUR)


def page(model, what: str, *args) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{what}", args=args)


def test_each_model_of_the_site_stands_in_the_roles():
    """A new model is somebody's to see, or deliberately nobody's."""
    assert {model._meta.label_lower for model in OURS} == set(roles.SEEN)


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_sees_our_lists_and_rows(as_member, rows, group):
    member = as_member(group)
    for model in OURS:
        row = model.objects.first()
        assert row is not None, model
        for address in (page(model, "changelist"), page(model, "change", row.pk)):
            assert member.get(address).status_code == 200, address
    for name in OVERVIEWS:
        assert member.get(reverse(name)).status_code == 200
    assert member.get(reverse("person_timeline", args=[Person.objects.first().pk])).status_code == 200


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_changes_no_more_than_it_may(as_member, rows, group):
    member = as_member(group)
    for model in OURS:
        row = model.objects.first()
        assert member.get(page(model, "add")).status_code == 403, model
        changed = member.post(page(model, "change", row.pk), {}).status_code
        assert changed == (200 if (model, group) in CHANGED else 403), model  # 200: the form says what is missing
        deleted = member.post(page(model, "delete", row.pk), {"post": "yes"}).status_code
        assert deleted == (302 if (model, group) in DELETED else 403), model


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("model", OTHERS, ids=lambda model: model.__name__)
def test_accounts_and_groups_are_for_superusers(as_member, group, model):
    member = as_member(group)
    for what in ("changelist", "add"):
        assert member.get(page(model, what)).status_code == 403
    assert member.get(page(model, "change", Group.objects.first().pk)).status_code in (302, 403)


@pytest.mark.parametrize("group", GROUPS)
def test_actions_of_lists_are_for_those_who_may(as_member, rows, group):
    member, may = as_member(group), group == roles.SUPPORT
    person, pause, rest = Person.objects.first(), Pause.objects.get(), Rest.objects.get()

    def act(row, action) -> None:
        member.post(page(type(row), "changelist"), {"_selected_action": [row.pk], "action": action})
        row.refresh_from_db()

    act(person, "block")
    assert (person.blocked_at is not None) == may
    act(person, "unblock")
    assert person.blocked_at is None
    act(pause, "end")
    assert (pause.ends_at <= clock.now()) == may
    act(rest, "wake")
    assert (rest.rests_until is None) == may


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("group", [None, *GROUPS])
def test_acts_of_the_timeline_are_for_those_who_may(as_member, rows, group, act):
    member, bob = as_member(group), Activation.objects.get().invitee
    expected = 302 if group == roles.SUPPORT else 403
    answer = member.post(reverse("person_timeline", args=[bob.pk]), {"act": act, "reason": "asked for"})
    assert answer.status_code == expected
    assert Activation.objects.exists() == (not (act == "undo" and group == roles.SUPPORT))


def test_staff_of_no_group_see_nothing(as_member, rows):
    member = as_member(None)
    for model in OURS:
        assert member.get(page(model, "changelist")).status_code == 403
    for name in OVERVIEWS:
        assert member.get(reverse(name)).status_code == 403


def test_migrate_puts_the_groups_back_and_leaves_others_alone(db):
    Group.objects.get(name=roles.READ_ONLY).delete()
    support = Group.objects.get(name=roles.SUPPORT)
    support.permissions.clear()
    own = Group.objects.create(name="night shift")
    call_command("migrate", verbosity=0)
    for name in GROUPS:
        kept = Group.objects.get(name=name).permissions.select_related("content_type")
        assert {f"{one.content_type.app_label}.{one.codename}" for one in kept} == roles.permissions(name)
    assert not own.permissions.exists()
