"""POST /user/user-profile/activate-code/: enter somebody's invite code, once."""

import re
from datetime import timedelta

import pytest

from guestlist.invites.models import Activation, JournalLine, LedgerLine, Tally
from guestlist.lib import clock
from guestlist.people.models import Person
from tests.guests import Guest, is_problem

ADDRESSES = [
    "/user/user-profile/activate-code/",
    "/user-profile/activate-code/",
    "/user/user-profile/activate-code",
    "/user-profile/activate-code",
]
UNKNOWN = "ZZZZZZ"


def code_of(guest: Guest) -> str:
    return guest.profile()["invite_code"]


def counts_agree() -> bool:
    """Whether the tally and the ledger say what the activations say."""
    rows: dict[int, int] = {}
    for inviter_id in Activation.objects.values_list("inviter_id", flat=True):
        rows[inviter_id] = rows.get(inviter_id, 0) + 1
    assert dict(Tally.objects.values_list("inviter_id", "invitees")) == rows
    assert LedgerLine.objects.count() >= Activation.objects.count()
    assert JournalLine.objects.filter(what="activated").count() >= Activation.objects.count()
    return True


def nothing_happened() -> bool:
    return not any(model.objects.exists() for model in (Activation, LedgerLine, Tally, JournalLine))


# ---- entering


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_code_is_entered_at_each_of_its_addresses(alice, bob, address):
    answer = bob.post(address, {"code": code_of(alice)})
    assert answer.status_code == 200
    assert answer.json() == {"activated_profile": bob.profile()}
    assert answer.json()["activated_profile"]["active_user_code"] == code_of(alice)
    assert answer.json()["activated_profile"]["activate_code"] is True


def test_the_answer_shows_me_and_nothing_of_the_inviter_but_the_code(alice, bob):
    alice.send("patch", "/user/user-profile/", {"username": "Alice", "email": "alice@example.org"})
    answer = bob.activate(code_of(alice))
    assert answer.json()["activated_profile"]["phone"] == bob.phone
    for secret in ("alice@example.org", "Alice", alice.phone):
        assert secret not in answer.content.decode()


def test_many_people_enter_the_same_code(guest, alice):
    for number in range(12):
        assert guest(f"+790055500{number:02}").sign_in().activate(code_of(alice)).status_code == 200
    assert alice.profile()["activeusers_count"] == len(alice.profile()["activeusers"]) == 12
    assert counts_agree()


def test_the_same_code_again_is_answered_like_the_first_time(alice, bob):
    first = bob.activate(code_of(alice))
    for _ in range(2):
        again = bob.activate(code_of(alice))
        assert (again.status_code, again.json()) == (200, first.json())
    assert (Activation.objects.count(), JournalLine.objects.count(), alice.profile()["activeusers_count"]) == (1, 1, 1)


def test_the_same_code_again_is_fine_in_another_spelling_and_at_the_other_address(alice, bob):
    code = code_of(alice)
    bob.activate(code)
    answer = bob.post(ADDRESSES[1], {"code": f" {code[:3]}-{code[3:].lower()} "})
    assert answer.status_code == 200


def test_another_code_is_refused_for_ever(alice, bob, charlie):
    charlie.activate(code_of(alice))
    for code in (code_of(bob), code_of(charlie), UNKNOWN):
        assert is_problem(charlie.activate(code), 409, "already_activated")
    assert charlie.profile()["active_user_code"] == code_of(alice)
    assert bob.profile()["activeusers_count"] == 0
    assert counts_agree()


def test_ones_own_code_is_refused(alice):
    assert is_problem(alice.activate(code_of(alice)), 400, "own_invite")
    assert alice.profile()["activate_code"] is False
    assert nothing_happened()


def test_a_code_that_nobody_has_is_unknown(alice):
    assert is_problem(alice.activate(UNKNOWN), 404, "unknown_invite")
    assert alice.profile()["activate_code"] is False
    assert nothing_happened()


@pytest.mark.parametrize("typed", ["", " ", "7K2M9", "7K2M9QX", "?", "7K2M9U", "7K2M9Ж", "7K2\x00M9Q", "7K2M9\ud83d"])
def test_what_cannot_be_a_code_is_malformed(alice, typed):
    answer = alice.activate(typed)
    if typed.isprintable() or "\x00" in typed:
        assert is_problem(answer, 400, "malformed_invite")
    else:
        assert is_problem(answer, 400, "invalid_request")  # a lone surrogate is no text at all
    assert nothing_happened()


def test_after_a_refusal_the_right_code_can_still_be_entered(alice, bob):
    for code in (code_of(bob), UNKNOWN, "?"):
        assert bob.activate(code).status_code in (400, 404)
    assert bob.activate(code_of(alice)).status_code == 200


@pytest.mark.parametrize(
    "spell",
    [
        str.lower,
        "{0:.3}-{0:.0}".format,
        " {} ".format,
        "https://guests.example.org/i/{}".format,
        "Enter my code: https://guests.example.org/i/{}?utm_source=x".format,
        lambda code: " ".join(code),
        lambda code: code.replace("0", "O").replace("1", "l"),
        lambda code: code.translate(str.maketrans("ABCEHKMPTXY", "АВСЕНКМРТХУ")),
        lambda code: "".join(chr(ord(letter) + 0xFEE0) for letter in code),
    ],
)
def test_a_code_is_read_forgivingly(alice, bob, spell):
    code = code_of(alice)
    typed = f"{code[:3]}-{code[3:]}" if "-" in spell("......") else spell(code)
    assert bob.activate(typed).status_code == 200
    assert bob.profile()["active_user_code"] == code


def test_a_session_that_is_over_enters_nothing(alice, bob):
    code = code_of(alice)
    bob.post("/user/logout/", {})
    assert is_problem(bob.activate(code), 401, "not_signed_in")
    assert nothing_happened()


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_person_comes_from_the_session_and_never_from_the_body(alice, bob, charlie, address):
    """C29: nobody can spend anybody else's one activation."""
    body = {
        "code": code_of(alice),
        "user_id": bob.profile()["id"],
        "person_id": bob.profile()["id"],
        "phone": bob.phone,
    }
    assert charlie.post(address, body).status_code == 200
    assert (bob.profile()["activate_code"], charlie.profile()["activate_code"]) == (False, True)


# ---- the inviter


def test_the_code_of_a_blocked_person_does_not_work(alice, bob):
    code = code_of(alice)
    Person.objects.filter(phone=alice.phone).update(blocked_at=clock.now())
    assert is_problem(bob.activate(code), 404, "unknown_invite")
    assert nothing_happened()
    Person.objects.filter(phone=alice.phone).update(blocked_at=None)
    assert bob.activate(code).status_code == 200


def test_the_same_code_again_is_fine_when_the_inviter_was_blocked_since(alice, bob):
    code = code_of(alice)
    bob.activate(code)
    Person.objects.filter(phone=alice.phone).update(blocked_at=clock.now())
    assert bob.activate(code).status_code == 200


def test_what_was_entered_stays_when_the_inviter_is_deleted(alice, bob, charlie):
    """C20."""
    code = code_of(alice)
    bob.activate(code)
    Person.objects.get(phone=alice.phone).delete()
    assert bob.profile()["activate_code"] is True
    assert bob.profile()["active_user_code"] == code
    assert bob.activate(code).status_code == 200
    assert is_problem(bob.activate(code_of(charlie)), 409, "already_activated")


# ---- pairs


def test_two_people_may_enter_each_others_codes(alice, bob):
    assert alice.activate(code_of(bob)).status_code == 200
    assert bob.activate(code_of(alice)).status_code == 200
    assert alice.profile()["activeusers"] == [{"phone": bob.phone}]
    assert bob.profile()["activeusers"] == [{"phone": alice.phone}]
    assert counts_agree()


def test_where_loops_are_refused_the_second_of_a_pair_is_refused(settings, alice, bob, charlie):
    settings.INVITE_LOOPS = "refuse"
    assert alice.activate(code_of(bob)).status_code == 200
    assert is_problem(bob.activate(code_of(alice)), 400, "invite_loop")
    assert bob.profile()["activate_code"] is False
    assert bob.activate(code_of(charlie)).status_code == 200  # nothing was spent
    assert counts_agree()


def test_where_loops_are_refused_a_pair_from_before_counts_too(settings, alice, bob):
    alice.activate(code_of(bob))
    settings.INVITE_LOOPS = "refuse"
    assert is_problem(bob.activate(code_of(alice)), 400, "invite_loop")


def test_where_loops_are_refused_the_same_code_again_is_still_fine(settings, alice, bob):
    settings.INVITE_LOOPS = "refuse"
    for _ in range(2):
        assert alice.activate(code_of(bob)).status_code == 200
    assert is_problem(alice.activate(UNKNOWN), 409, "already_activated")


def test_where_loops_are_refused_the_unique_key_decides_and_not_the_look_before(settings, monkeypatch, alice, bob):
    """As when both press at once: neither look sees the other's row yet."""
    from guestlist.invites import models

    settings.INVITE_LOOPS = "refuse"
    monkeypatch.setattr(models, "REVERSE", models.REVERSE + " AND 1 = 0")
    assert alice.activate(code_of(bob)).status_code == 200
    assert is_problem(bob.activate(code_of(alice)), 400, "invite_loop")


def test_a_longer_ring_is_no_pair(settings, alice, bob, charlie):
    settings.INVITE_LOOPS = "refuse"
    for one, other in ((alice, bob), (bob, charlie), (charlie, alice)):
        assert one.activate(code_of(other)).status_code == 200


# ---- once, ever


def test_the_number_keeps_its_activation_through_deletion_and_a_new_sign_up(guest, alice, bob, charlie):
    """C20: the ledger follows the number."""
    bob.activate(code_of(alice))
    Person.objects.get(phone=bob.phone).delete()
    again = guest("8 900 555-66-77").sign_in()
    assert again.profile()["activate_code"] is False
    for code in (code_of(alice), code_of(charlie)):
        assert is_problem(again.activate(code), 409, "already_activated")
    assert again.profile()["activate_code"] is False
    assert not Activation.objects.exists()
    assert alice.profile()["activeusers"] == charlie.profile()["activeusers"] == []


def test_the_ledger_holds_no_number(alice, bob):
    bob.activate(code_of(alice))
    line = LedgerLine.objects.get()
    assert re.fullmatch("[0-9a-f]{64}", line.digest)
    assert bob.phone[1:] not in line.digest
    assert line.expires_at is None


def test_an_activation_is_a_line_in_the_journal(alice, bob):
    start = clock.now()
    code = code_of(alice)
    with clock.at(start):
        bob.activate(code)
    line = JournalLine.objects.values().get()
    line.pop("id")
    assert line == {
        "at": start,
        "what": "activated",
        "invitee_id": bob.profile()["id"],
        "inviter_id": alice.profile()["id"],
        "code": code,
        "actor": "",
        "reason": "",
    }


def test_a_refused_activation_leaves_no_trace(guest, alice, bob, charlie):
    bob.activate(code_of(alice))
    Person.objects.get(phone=bob.phone).delete()
    before = (JournalLine.objects.count(), LedgerLine.objects.count(), dict(Tally.objects.values_list()))
    guest(bob.phone).sign_in().activate(code_of(charlie))
    assert (JournalLine.objects.count(), LedgerLine.objects.count(), dict(Tally.objects.values_list())) == before


def test_the_time_of_the_first_press_stays(alice, bob):
    start = clock.now()
    code = code_of(alice)
    for minutes in (0, 5):
        with clock.at(start + timedelta(minutes=minutes)):
            bob.activate(code)
    assert Activation.objects.get().activated_at == start


def test_at_sign_up_the_same_rules_hold(guest, alice, bob, charlie):
    bob.activate(code_of(alice))
    for code, told in (
        (code_of(alice), {"status": "activated"}),
        (code_of(charlie), {"status": "refused", "code": "already_activated"}),
        (code_of(bob), {"status": "refused", "code": "already_activated"}),
    ):
        again = guest(bob.phone)
        assert again.confirm(again.ask().json()["code"], invite_code=code).json()["invite"] == told
    again = guest(charlie.phone)
    answer = again.confirm(again.ask().json()["code"], invite_code=code_of(charlie))
    assert answer.json()["invite"] == {"status": "refused", "code": "own_invite"}
    assert counts_agree()
