"""`manage.py seed`: a population that the service itself takes for one that has grown by itself."""

from collections import Counter
from io import StringIO

import phonenumbers
import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from guestlist.delivery import stamp
from guestlist.delivery.models import Attempt, Message
from guestlist.invites.models import Activation, JournalLine, LedgerLine, Tally
from guestlist.lib import bulk, clock, keys, phone
from guestlist.lib.models import AuditLine
from guestlist.people import population, rules
from guestlist.people.models import Person
from guestlist.signin.models import Challenge, Device, Guard, Session

PEOPLE, INVITEES = 1200, 150
pytestmark = pytest.mark.django_db


def seed(*words: str) -> str:
    told = StringIO()
    call_command("seed", *words, stdout=told, stderr=StringIO())
    return told.getvalue().strip()


@pytest.fixture
def seeded() -> str:
    """The inviter's bearer token."""
    return seed("--people", str(PEOPLE), "--inviter", str(INVITEES), "--bearer")


def read(token: str, path: str = "/user/user-profile/"):
    answer = Client(headers={"Authorization": f"Bearer {token}"}).get(path)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_the_inviter_reads_a_profile_with_the_count_and_every_page_once(seeded):
    profile = read(seeded)
    assert profile["activeusers_count"] == INVITEES
    assert (len(profile["activeusers"]), profile["activate_code"]) == (100, False)
    rest = read(seeded, profile["activeusers_next"])
    assert (len(rest["items"]), rest["next"]) == (INVITEES - 100, None)


def test_the_count_of_every_inviter_is_that_of_their_activations(seeded):
    counted = Counter(Activation.objects.values_list("inviter_id", flat=True))
    assert dict(Tally.objects.values_list("inviter_id", "invitees")) == dict(counted)
    assert counted[Person.objects.earliest("id").pk] == INVITEES
    most, few = sorted(counted.values())[-2], list(counted.values()).count(1)
    assert most > 10 * sum(counted.values()) / len(counted) / 4  # a long tail: few invited many
    assert few > len(counted) / 3


def test_each_activation_has_its_line_in_journal_and_ledger_and_the_code_of_its_inviter(seeded, settings):
    activations = list(Activation.objects.select_related("invitee", "inviter"))
    digests = {keys.mac(settings.LEDGER_SUBKEY, "v1", one.invitee.phone).hex() for one in activations}
    assert set(LedgerLine.objects.values_list("digest", flat=True)) == digests
    assert sorted(JournalLine.objects.values_list("invitee_id", "inviter_id", "code")) == sorted(
        (one.invitee_id, one.inviter_id, one.code) for one in activations
    )
    for one in activations:
        assert one.code == one.inviter.invite_code
        assert one.inviter.created_at < one.invitee.created_at <= one.activated_at <= clock.now()


def test_somebody_of_the_seed_signs_in_and_has_entered_what_the_seed_says(seeded, guest):
    one = Activation.objects.select_related("invitee").filter(invitee__blocked_at=None).latest("activated_at")
    answer = guest(one.invitee.phone).ask()
    assert answer.status_code == 200  # known: nobody new
    token = guest(one.invitee.phone).sign_in().token
    assert read(token)["active_user_code"] == one.code


def test_a_number_of_the_seed_that_lost_its_activation_may_enter_none_again(seeded, guest):
    """The ledger's digests are those that the service makes itself."""
    one = Activation.objects.select_related("invitee").filter(invitee__blocked_at=None).latest("activated_at")
    Activation.objects.filter(pk=one.pk).delete()
    answer = guest(one.invitee.phone).sign_in().activate(one.code)
    assert (answer.status_code, answer.json()["code"]) == (409, "already_activated")


def test_somebody_new_enters_a_code_of_the_seed(seeded, guest):
    profile = read(seeded)
    assert guest("+79001112233").sign_in().activate(profile["invite_code"]).status_code == 200
    assert read(seeded)["activeusers_count"] == INVITEES + 1


def test_what_people_are_is_what_the_service_would_have_taken(seeded):
    people = list(Person.objects.order_by("id"))
    assert len(people) == PEOPLE
    for one in people:
        assert phonenumbers.is_valid_number(phonenumbers.parse(one.phone))
        assert phone.parse(one.phone, "RU") == one.phone
        assert set(one.invite_code) <= set(rules.ALPHABET)
        assert len(one.invite_code) == rules.INVITE_LENGTH
        assert (rules.username(one.username), rules.email(one.email)) == (one.username, one.email)
        assert len(one.public_id) == rules.PUBLIC_ID
    assert 0.25 < sum(bool(one.email) for one in people) / PEOPLE < 0.45
    assert [one.created_at for one in people] == sorted(one.created_at for one in people)
    years = (clock.now() - people[0].created_at).days / 365
    assert 1.5 < years < 2.1


def test_there_is_something_to_see_for_operators(seeded):
    assert 0.25 < Session.objects.count() / PEOPLE < 0.45
    assert Device.objects.count() == Session.objects.count() - 1  # the bearer's has none
    for model in (Challenge, Guard, Message, Attempt):
        assert model.objects.count() >= 20, model
    assert set(AuditLine.objects.values_list("event", flat=True)) >= {"code.asked", "signed_in", "sandbox.seeded"}
    assert Message.objects.exclude(reference__in=Challenge.objects.values("id")).count() == 0


def everybody() -> list[tuple[str, str, str, str]]:
    return sorted(Person.objects.values_list("phone", "invite_code", "username", "email"))


def test_the_same_seed_makes_the_same_people_and_another_one_others():
    found = []
    for number in ("1", "1", "2"):
        seed("--people", "50", "--seed", number)
        found.append(everybody())
        Person.objects.all().delete()
        for model in (LedgerLine, Session, Device, Challenge, Guard, Message):
            model.objects.all().delete()
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_beside_people_only_when_it_is_asked_for(alice):
    with pytest.raises(CommandError, match="--add"):
        seed("--people", "50")
    before = alice.profile()
    seed("--people", "50", "--add")
    seed("--people", "50", "--add")
    assert Person.objects.count() == 101
    assert alice.profile() == before


def test_a_number_or_a_code_that_somebody_has_is_passed_over(guest):
    taken = guest(population.phone(3)).sign_in()
    Person.objects.update(invite_code=population.invite_code(5))
    seed("--people", "50", "--add")
    assert Person.objects.count() == 51
    assert taken.profile()["invite_code"] == population.invite_code(5)


def test_somebody_who_signs_in_afterwards_is_new(seeded, guest):
    """The next id is behind those of the seed."""
    assert guest("+79001112233").ask().status_code == 201
    assert guest("+79001112233").sign_in().profile()["id"] > PEOPLE


@pytest.mark.parametrize("words", [("0",), ("-5",), (str(population.MOST + 1),), ("10", "--inviter", "10")])
def test_figures_that_do_not_fit_are_refused(words):
    with pytest.raises(CommandError, match="must be from"):
        seed("--people", *words)
    assert not Person.objects.exists()


def test_a_live_service_is_never_filled(settings):
    settings.IS_SANDBOX = False
    with pytest.raises(CommandError, match="SMS_GATEWAYS"):
        seed("--people", "50")
    assert not Person.objects.exists()


def test_nor_is_a_database_that_is_live_when_the_settings_have_lost_their_gateways():
    stamp.go_live()
    with pytest.raises(CommandError, match="live"):
        seed("--people", "50")
    assert not Person.objects.exists()


def test_what_breaks_leaves_nothing_behind():
    LedgerLine.objects.bulk_create(
        LedgerLine(digest=digest, activated_at=clock.now()) for digest in _digests_of_the_first(50)
    )
    with pytest.raises(CommandError, match="nothing was changed"):
        seed("--people", "50", "--inviter", "10")
    assert not Person.objects.exists()


def _digests_of_the_first(number: int) -> list[str]:
    from django.conf import settings

    return [keys.mac(settings.LEDGER_SUBKEY, "v1", population.phone(place)).hex() for place in range(1, number)]


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_where_somebody_watches_a_bar_grows_and_elsewhere_there_is_a_line_for_each_table(monkeypatch):
    monkeypatch.setattr(bulk, "BATCH", 10)
    told = {}
    for kind in (Terminal, StringIO):
        told[kind] = kind()
        call_command("seed", "--people", "40", "--add", stdout=StringIO(), stderr=told[kind])
    bars = [line.count("#") for line in told[Terminal].getvalue().split("\r") if "people_person" in line]
    assert bars == [10, 20, 30, 40, 0]
    lines = told[StringIO].getvalue().splitlines()
    assert lines[0].split() == ["people_person", "40"]
    assert not any("#" in line or "\r" in line for line in lines)


def test_no_two_numbers_and_no_two_codes_are_the_same():
    places = range(1, 200_000)
    assert len({population.phone(place) for place in places}) == len(places)
    assert len({population.invite_code(place) for place in places}) == len(places)
