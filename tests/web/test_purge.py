"""`manage.py purge`, and the inbox after it."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from guestlist.delivery.models import Message
from guestlist.lib import clock, dying
from guestlist.signin.models import Challenge
from tests.web.conftest import ALICE, BOB

LATER = timedelta(days=2)


def purged(*options: str) -> dict[str, int]:
    out = StringIO()
    call_command("purge", *options, stdout=out)
    return {name: int(number) for name, number in (line.split(": ") for line in out.getvalue().splitlines())}


@pytest.fixture
def two_days_later(visitor):
    """Alice asked for a code two days ago, Bob a moment ago."""
    start = clock.now()
    with clock.at(start):
        alice = visitor().ask(ALICE)
    with clock.at(start + LATER):
        visitor().ask(BOB)
        yield alice


def test_it_says_of_each_kind_how_many_were_deleted(two_days_later):
    deleted = purged()
    assert list(deleted) == [kind.name for kind in dying.kinds()]
    assert deleted["challenges"] == 1
    assert list(Challenge.objects.values_list("phone", flat=True)) == [BOB]
    assert set(purged().values()) == {0}


def test_a_dry_run_only_counts(two_days_later):
    assert purged("--dry-run") == purged("--dry-run")
    assert Challenge.objects.count() == 2
    assert purged("--dry-run") == purged()


def test_a_message_whose_challenge_is_gone_is_not_shown(two_days_later, visitor, client):
    purged()
    assert Message.objects.count() == 2
    assert [message["phone"] for message in client.get("/sandbox/inbox/").json()["messages"]] == [BOB]
    assert client.get("/sandbox/inbox/?phone=%2B79001112233").json() == {"messages": []}
    assert "8 (900) 111-22-33" not in visitor().see("/sandbox/inbox/").text
    assert "Nothing has arrived yet." in visitor().see("/sandbox/inbox/?phone=%2B79001112233").text


def test_the_pages_of_somebody_whose_challenge_is_gone_open(two_days_later, visitor):
    purged()
    for path in ("/", "/code/"):
        assert two_days_later.see(path).statuses[-1] == 200
    alice = visitor().sign_in(ALICE)
    Challenge.objects.all().delete()
    assert alice.see("/").statuses == [200]
    assert alice.answer.context["arrived"] == []


def test_a_message_whose_key_has_left_the_ring_is_not_shown(two_days_later, settings, client):
    settings.CODE_PEPPERS = {2: b"x" * 32}
    assert client.get("/sandbox/inbox/").json() == {"messages": []}


def test_an_operators_session_that_is_over_is_deleted_and_no_other(admin_client):
    assert purged()["operators' sessions"] == 0
    assert admin_client.get("/admin/").status_code == 200
    with clock.at(clock.now() + timedelta(days=15)):
        assert purged()["operators' sessions"] == 1
    assert admin_client.get("/admin/").status_code == 302
