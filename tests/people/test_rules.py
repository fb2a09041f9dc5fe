"""Invite codes are drawn evenly, by the system's chance, and again when one is taken; names and addresses are tidy."""

import random
import secrets
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guestlist.lib.refusals import Refusal
from guestlist.people import actions, rules
from guestlist.people.models import Person

CHI_SQUARE_31 = 61.10  # 31 degrees of freedom, p = 0.001


def repeating(*codes: str):
    """A `secrets.randbelow` that draws these codes, one after the other, and then the system's own."""
    numbers = iter([rules.ALPHABET.index(letter) for code in codes for letter in code])
    drawn_by_the_system = secrets.randbelow

    def below(limit: int) -> int:
        assert limit == 32
        number = next(numbers, None)
        return drawn_by_the_system(limit) if number is None else number

    return below


def test_the_alphabet_is_crockfords():
    assert len(rules.ALPHABET) == len(set(rules.ALPHABET)) == 32
    assert not set("ILOU") & set(rules.ALPHABET)
    assert list(rules.ALPHABET) == sorted(rules.ALPHABET)


def test_a_code_is_six_fair_draws():
    asked = []

    def below(limit: int) -> int:
        asked.append(limit)
        return len(asked) - 1

    assert rules.draw_invite_code(below) == "012345"
    assert asked == [32] * 6


def test_every_letter_stands_equally_often_in_every_place():
    """C78: chi-square with p > 0.001 per position, over 32 000 codes drawn from a seeded generator."""
    chance = random.Random(2026)
    codes = [rules.draw_invite_code(chance.randrange) for _ in range(32_000)]
    for position in range(rules.INVITE_LENGTH):
        seen = Counter(code[position] for code in codes)
        assert set(seen) == set(rules.ALPHABET)
        assert sum((seen[letter] - 1000) ** 2 / 1000 for letter in rules.ALPHABET) < CHI_SQUARE_31
    pairs = Counter(code[0] == code[1] for code in codes)
    assert pairs[True] / len(codes) == pytest.approx(1 / 32, abs=0.004)  # letters repeat as often as chance has it


@pytest.mark.django_db
def test_codes_come_from_the_systems_csprng(monkeypatch):
    monkeypatch.setattr(secrets, "randbelow", repeating("7K2M9Q"))
    actions.arrive("+79001112233")
    assert Person.objects.get().invite_code == "7K2M9Q"


@pytest.mark.django_db
def test_a_code_that_is_taken_is_drawn_again(monkeypatch):
    monkeypatch.setattr(secrets, "randbelow", repeating("7K2M9Q", "7K2M9Q", "7K2M9Q", "7K2M9Q", "ABCDEF"))
    alice, bob = actions.arrive("+79001112233"), actions.arrive("+79005556677")
    assert alice.is_new
    assert bob.is_new
    assert alice.person_id != bob.person_id
    assert list(Person.objects.order_by("id").values_list("invite_code", flat=True)) == ["7K2M9Q", "ABCDEF"]


@pytest.mark.django_db
def test_a_person_who_is_there_already_keeps_their_code_and_no_code_is_drawn(monkeypatch):
    first = actions.arrive("+79001112233")
    code = Person.objects.get().invite_code
    monkeypatch.setattr(secrets, "randbelow", lambda limit: pytest.fail("a code was drawn"))
    assert actions.arrive("+79001112233") == first._replace(is_new=False)
    assert Person.objects.get().invite_code == code


@pytest.mark.django_db
def test_many_collisions_in_a_row_are_survived(monkeypatch, guest):
    """C78: an alphabet shrunk to two letters, 64 codes; 40 people still get 40 different ones."""
    chance = random.Random(7)
    monkeypatch.setattr(secrets, "randbelow", lambda limit: chance.randrange(2))
    for number in range(40):
        assert actions.arrive(f"+790011122{number:02}").is_new
    codes = set(Person.objects.values_list("invite_code", flat=True))
    assert len(codes) == 40
    assert all(set(code) <= {"0", "1"} for code in codes)


@pytest.mark.django_db
def test_when_no_code_is_free_nobody_is_made_and_nothing_loops_for_ever(monkeypatch):
    monkeypatch.setattr(secrets, "randbelow", lambda limit: 0)
    actions.arrive("+79001112233")
    with pytest.raises(RuntimeError, match="no free invite code"):
        actions.arrive("+79005556677")
    assert Person.objects.count() == 1


def tidied(tidy: Callable[[str], str], text: str) -> str:
    try:
        return tidy(text)
    except Refusal as refused:
        return refused.code


@given(st.text(max_size=200))
def test_any_name_is_tidied_or_refused(text):
    kept = tidied(rules.username, text)
    if kept != "invalid_username":
        assert len(kept) <= rules.LONGEST_TEXT
        assert kept == kept.strip()
        assert not rules.CONTROL.search(kept)
        assert tidied(rules.username, kept) == kept


@given(st.text(max_size=200) | st.emails())
def test_any_address_is_tidied_or_refused(text):
    kept = tidied(rules.email, text)
    if kept != "invalid_email":
        assert kept == "" or "@" in kept
        assert tidied(rules.email, kept) == kept
