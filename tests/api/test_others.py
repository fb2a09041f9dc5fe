"""C29: whichever operation is called with another person's ids, nothing of theirs is read or changed."""

import json
from typing import Any

import pytest

from guestlist.api.urls import api
from guestlist.invites.models import Activation
from guestlist.lib import clock
from guestlist.people.models import Person
from guestlist.signin.models import Challenge, Device, Session
from tests.guests import Guest

DOCUMENT = api.get_openapi_schema()
OPERATIONS = [(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods]
ALICE, BOB, CHARLIE = "+79001112233", "+79005556677", "+79008889900"


@pytest.fixture
def people(guest, live, settings) -> dict[str, Guest]:
    """Three people; Charlie has entered Bob's code. Alice calls, and nothing here is hers."""
    settings.JWT_AUDIENCES = ["reports"]
    found = {}
    for phone in (ALICE, BOB, CHARLIE):
        found[phone] = guest(phone)
        found[phone].ask()
        found[phone].token = found[phone].confirm(live.code_for(phone)).json()["token"]
    found[BOB].post("/user/user-profile/", {"username": "Bob the private", "email": "bob@example.org"})
    found[CHARLIE].activate(found[BOB].profile()["invite_code"])
    return found


def theirs() -> list[Any]:
    """What there is of Bob and Charlie; when sessions were last seen is no change."""
    people = Person.objects.exclude(phone=ALICE)
    return [
        list(people.order_by("pk").values()),
        list(Session.objects.filter(person__in=people).order_by("pk").values("id", "secret_digest", "ends_at")),
        list(Device.objects.exclude(phone=ALICE).order_by("pk").values()),
        list(Activation.objects.order_by("pk").values()),
        list(Challenge.objects.exclude(phone=ALICE).order_by("pk").values()),
    ]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_with_another_persons_ids_nothing_of_theirs_is_read_or_changed(people, live, method, path):
    alice, bob = people[ALICE], people[BOB]
    with clock.at(clock.now()):
        bobs = Person.objects.get(phone=BOB)
        session, device = Session.objects.get(person=bobs).pk, bob.client.cookies["guestlist_device"].value
        ids = {"id": bobs.pk, "person_id": bobs.pk, "user_id": bobs.pk, "inviter_id": bobs.pk, "session_id": session}
        ids |= {"session": session, "sub": bobs.public_id or "", "device": device}
        body: dict[str, Any] = {**ids, "phone": ALICE, "code": "ZZZZZZ", "audience": "reports", "username": "Mallory"}
        query = "&".join(f"{name}={value}" for name, value in {**ids, "phone": "%2B" + BOB[1:]}.items())
        before = theirs()
        for sent in (f"{path}?{query}", path):
            headers = {"Authorization": f"Bearer {alice.token}", "X-Person-Id": str(bobs.pk), "X-User": BOB}
            answer = alice.client.generic(
                method.upper(),
                sent.replace("{session_id}", session),
                "" if method == "get" else json.dumps(body),
                content_type="application/json",
                headers=headers,
            )
            assert answer.status_code < 500
            secrets = [BOB, bob.token, session, device, bobs.invite_code, "Bob the private", "bob@example.org", CHARLIE]
            assert not [secret for secret in secrets if secret in answer.content.decode()]
            if "{session_id}" in path:
                assert answer.status_code == 404
        assert theirs() == before
