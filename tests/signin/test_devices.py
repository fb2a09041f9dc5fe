"""A device is forgotten with the session that it opened, and when its person is blocked; signing out keeps it."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client

from guestlist.lib import clock
from guestlist.lib.audit import Operator
from guestlist.people import actions as people
from guestlist.people.models import Person
from guestlist.signin import guard, sending
from guestlist.signin.models import Device, Guess, Session
from tests.guests import Guest, is_problem
from tests.web.visitors import Visitor

PHONE, OTHER_PHONE = "+79001112233", "+79005556677"
SESSIONS = "/user/sessions/"
START = datetime.fromisoformat("2026-01-31T12:00:00+00:00")
OLGA = Operator("olga", "203.0.113.9")


@pytest.fixture(autouse=True)
def _guessed_at(db, settings, monkeypatch):
    """Strangers have guessed at both numbers: an unknown device types six digits, a known one four."""
    settings.LIMITS = "on"
    monkeypatch.setattr(guard, "_limit", None)
    sending.in_force.cache_clear()
    guesses = [Guess(phone=phone, digits=4, guessed_at=START) for phone in (PHONE, OTHER_PHONE)]
    Guess.objects.bulk_create([guess for guess in guesses for _ in range(3)])
    yield
    sending.in_force.cache_clear()


class Phone(Guest):
    """A guest whose device can be shown again; each sign-in is an hour after the one before, so no limit is met."""

    hours = days = 0  # of sign-ins, and of looks whether a device is known
    device = ""

    def sign_in(self, device: str = "") -> "Phone":
        Phone.hours += 1
        with clock.at(START + timedelta(hours=Phone.hours)):
            asked = self.ask(**shown(device)).json()
            answer = self.confirm(asked["code"], challenge=asked["challenge"], **shown(device)).json()
        self.token, self.device = answer["token"], answer["device"]
        return self

    @property
    def session(self) -> str:
        return next(one["id"] for one in self.get(SESSIONS).json() if one["current"])


@pytest.fixture(autouse=True)
def _from_the_start(monkeypatch):
    monkeypatch.setattr(Phone, "hours", 0)
    monkeypatch.setattr(Phone, "days", 0)


@pytest.fixture(autouse=True)
def _half_a_day_later(_from_the_start):
    with clock.at(START + timedelta(hours=12)):
        yield


def shown(device: str) -> dict[str, str]:
    return {"device": device} if device else {}


def is_known(device: str, phone: str = PHONE) -> bool:
    """Whether an ask with this device is a known device's: by the ladder's length, and by the limits.

    A minute has not gone by since a stranger asked for a code to this phone: only a known device gets one.
    """
    Phone.days += 1
    with clock.at(START + timedelta(days=Phone.days)):
        assert Guest(phone).ask().json()["code_length"] == 6
        answer = Guest(phone).ask(device=device)
    assert answer.status_code == 200 or is_problem(answer, 429, "too_many_requests")
    with clock.at(START + timedelta(days=Phone.days, hours=2)):
        digits = Guest(phone).ask(device=device).json()["code_length"]
    assert (answer.status_code, digits) in ((200, 4), (429, 6))
    return digits == 4


def test_a_device_that_signed_in_is_known(guest):
    assert is_known(Phone(PHONE).sign_in().device)
    assert not is_known("x" * 22)


def test_signing_out_keeps_the_device():
    alice = Phone(PHONE).sign_in()
    assert alice.post("/user/logout/", {}).status_code == 200
    assert is_known(alice.device)


def test_signing_out_by_the_page_keeps_the_device():
    alice = page_of(PHONE)
    device = alice.client.cookies["guestlist_device"].value
    alice.submit("/sign-out/")
    assert not Session.objects.exists()
    assert is_known(device)


def test_a_session_that_a_new_one_replaces_keeps_its_device():
    alice = Phone(PHONE).sign_in()
    alice.sign_in(alice.device)
    assert Session.objects.count() == 1
    assert is_known(alice.device)


def test_ending_a_session_forgets_its_device_and_no_other():
    laptop, phone = Phone(PHONE).sign_in(), Phone(PHONE).sign_in()
    assert laptop.send("delete", f"{SESSIONS}{phone.session}/").json() == {"ended": 1}
    assert not is_known(phone.device)
    assert Device.objects.count() == 1
    assert is_known(laptop.device)


def test_ending_ones_own_session_forgets_the_device_too():
    alice = Phone(PHONE).sign_in()
    assert alice.send("delete", f"{SESSIONS}{alice.session}/").json() == {"ended": 1}
    assert not is_known(alice.device)


def test_ending_all_others_forgets_every_device_but_this_ones():
    tablet = Phone(PHONE).sign_in()
    tablet.post("/user/logout/", {})
    laptop, phone = Phone(PHONE).sign_in(), Phone(PHONE).sign_in()
    assert laptop.send("delete", SESSIONS).json() == {"ended": 1}
    assert list(Device.objects.values_list("phone", flat=True)) == [PHONE]
    assert is_known(laptop.device)
    assert [is_known(other.device) for other in (phone, tablet)] == [False, False]


def test_with_no_other_session_the_other_devices_are_forgotten_all_the_same():
    tablet = Phone(PHONE).sign_in()
    tablet.post("/user/logout/", {})
    assert Phone(PHONE).sign_in().send("delete", SESSIONS).json() == {"ended": 0}
    assert not is_known(tablet.device)


def test_a_device_that_two_people_share_stays_known_for_the_other_one():
    alice = Phone(PHONE).sign_in()
    bob = Phone(OTHER_PHONE).sign_in(alice.device)
    assert bob.device == alice.device
    bob.send("delete", f"{SESSIONS}{bob.session}/")
    assert is_known(alice.device)
    assert not is_known(alice.device, OTHER_PHONE)


def test_nobody_elses_device_is_forgotten_by_trying_to_end_their_session():
    alice, bob = Phone(PHONE).sign_in(), Phone(OTHER_PHONE).sign_in()
    assert is_problem(bob.send("delete", f"{SESSIONS}{alice.session}/"), 404, "not_found")
    bob.send("delete", SESSIONS)
    assert is_known(alice.device)


@pytest.mark.parametrize("action", ["/sessions/end/", "/sessions/end-others/"])
def test_ending_sessions_on_the_page_forgets_their_devices(action):
    phone, mine = Phone(PHONE).sign_in(), page_of(PHONE)
    mine.see("/").submit(action)
    assert Session.objects.count() == 1
    assert not is_known(phone.device)
    assert is_known(mine.client.cookies["guestlist_device"].value)


@pytest.mark.parametrize("way", ["one", "list"])
def test_an_operator_who_ends_a_session_forgets_its_device(way):
    alice, bob = Phone(PHONE).sign_in(), Phone(OTHER_PHONE).sign_in()
    operator = Client()
    operator.force_login(User.objects.create_superuser("olga", password="long enough 42"))
    if way == "one":
        answer = operator.post(f"/admin/signin/session/{alice.session}/delete/", {"post": "yes"})
    else:
        chosen = {"action": "delete_selected", "_selected_action": alice.session, "post": "yes"}
        answer = operator.post("/admin/signin/session/", chosen)
    assert answer.status_code == 302
    assert not is_known(alice.device)
    assert is_known(bob.device, OTHER_PHONE)


def test_blocking_a_person_forgets_every_device_and_no_session():
    laptop, phone = Phone(PHONE).sign_in(), Phone(PHONE).sign_in()
    bob = Phone(OTHER_PHONE).sign_in(laptop.device)
    alice = Person.objects.get(phone=PHONE)
    assert people.block(alice, OLGA)
    assert not is_known(laptop.device)
    assert not is_known(phone.device)
    assert is_known(bob.device, OTHER_PHONE)
    assert people.unblock(alice, OLGA)
    assert [one.get("/user/user-profile/").status_code for one in (laptop, phone)] == [200, 200]


def test_a_block_that_fails_forgets_nothing(monkeypatch):
    laptop = Phone(PHONE).sign_in()

    def broken(phone: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(people, "_when_blocked", [*people._when_blocked, broken])
    with pytest.raises(ZeroDivisionError):
        people.block(Person.objects.get(), OLGA)
    assert Person.objects.get().blocked_at is None
    assert is_known(laptop.device)


def test_a_forgotten_device_gets_a_new_token_when_it_signs_in_again():
    alice = Phone(PHONE).sign_in()
    stolen = alice.device
    alice.send("delete", f"{SESSIONS}{alice.session}/")
    assert Phone(PHONE).sign_in(stolen).device != stolen


def test_a_session_from_before_devices_were_noted_ends_and_forgets_nothing():
    alice = Phone(PHONE).sign_in()
    Session.objects.update(device="")
    assert alice.send("delete", f"{SESSIONS}{alice.session}/").json() == {"ended": 1}
    assert is_known(alice.device)


def test_only_the_digest_of_the_device_stands_in_the_session():
    alice = Phone(PHONE).sign_in()
    session = Session.objects.get()
    assert alice.device not in [str(getattr(session, field.attname)) for field in session._meta.fields]
    assert session.device == Device.objects.get().digest
    assert len(session.device) == 64


def page_of(phone: str) -> Visitor:
    Phone.hours += 1
    with clock.at(START + timedelta(hours=Phone.hours)):
        return Visitor().sign_in(phone)
