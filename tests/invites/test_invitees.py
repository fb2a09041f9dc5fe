"""Who entered my invite code: in the profile, and page by page."""

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from guestlist.invites import rules
from guestlist.invites.models import Activation, Tally
from guestlist.lib import clock
from guestlist.people.models import Person
from tests.guests import Guest, is_problem

LIST = "/user/user-profile/activeusers/"
NOON = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)


def phone(number: int) -> str:
    return f"+7902{number:07}"


def invite(inviter: Guest, how_many: int, moments: list[datetime] | None = None) -> None:
    """People who have entered this person's code, one second apart unless told otherwise; as the journal of a year."""
    inviter_id = inviter.profile()["id"]
    people = Person.objects.bulk_create(
        Person(phone=phone(number), invite_code=f"{number:06}", created_at=NOON) for number in range(how_many)
    )
    ids = dict(Person.objects.filter(phone__in=[one.phone for one in people]).values_list("phone", "id"))
    Activation.objects.bulk_create(
        Activation(
            invitee_id=ids[phone(number)],
            inviter_id=inviter_id,
            code=inviter.profile()["invite_code"],
            activated_at=moments[number] if moments else NOON + timedelta(seconds=number),
        )
        for number in range(how_many)
    )
    Tally.objects.create(inviter_id=inviter_id, invitees=how_many)


def read_through(guest: Guest, limit: int) -> list[str]:
    """Every phone on every page."""
    phones: list[str] = []
    path: str | None = f"{LIST}?limit={limit}"
    while path:
        page = guest.get(path).json()
        assert 1 <= len(page["items"]) <= limit
        phones += [item["phone"] for item in page["items"]]
        path = page["next"]
        assert len(phones) <= 1000, "it never ends"
    return phones


def test_nobody_is_an_empty_page(alice):
    assert alice.get(LIST).json() == {"items": [], "next": None}


def test_a_page_says_who_and_when_oldest_first(guest, alice):
    code = alice.profile()["invite_code"]
    for number, phone_ in enumerate(("+79008889900", "+79005556677")):
        with clock.at(NOON + timedelta(hours=number)):
            guest(phone_).sign_in().activate(code)
    with clock.at(NOON + timedelta(hours=2)):
        assert alice.get(LIST).json() == {
            "items": [
                {"phone": "+79008889900", "activated_at": "2026-01-31T12:00:00Z"},
                {"phone": "+79005556677", "activated_at": "2026-01-31T13:00:00Z"},
            ],
            "next": None,
        }
        assert alice.profile()["activeusers"] == [{"phone": "+79008889900"}, {"phone": "+79005556677"}]


def test_each_invitee_stands_as_they_wish(guest, alice):
    code = alice.profile()["invite_code"]
    for number, visibility in enumerate(("full", "masked", "hidden")):
        with clock.at(NOON + timedelta(minutes=number)):
            invitee = guest(phone(number)).sign_in()
            invitee.activate(code)
            invitee.send("patch", "/user/user-profile/", {"phone_visibility": visibility})
    alice.sign_in()
    seen = [phone(0), "+7 902 ***-**-01", None]
    assert [item["phone"] for item in alice.get(LIST).json()["items"]] == seen
    assert [item["phone"] for item in alice.profile()["activeusers"]] == seen
    assert alice.profile()["activeusers_count"] == 3
    assert phone(1) not in alice.get(LIST).content.decode()


def test_a_deleted_invitee_leaves_the_list(guest, alice):
    invite(alice, 3)
    Person.objects.get(phone=phone(1)).delete()
    assert [item["phone"] for item in alice.get(LIST).json()["items"]] == [phone(0), phone(2)]
    assert [item["phone"] for item in alice.profile()["activeusers"]] == [phone(0), phone(2)]


def test_a_hundred_stand_in_the_profile_and_its_next_path_goes_on(alice):
    invite(alice, 103)
    profile = alice.profile()
    assert [item["phone"] for item in profile["activeusers"]] == [phone(number) for number in range(100)]
    assert profile["activeusers_count"] == 103
    assert profile["activeusers_next"].startswith(LIST)
    rest = alice.get(profile["activeusers_next"]).json()
    assert [item["phone"] for item in rest["items"]] == [phone(number) for number in range(100, 103)]
    assert rest["next"] is None


def test_exactly_a_hundred_have_no_next_page(alice):
    invite(alice, 100)
    assert len(alice.profile()["activeusers"]) == 100
    assert alice.profile()["activeusers_next"] is None
    assert (len(alice.get(LIST).json()["items"]), alice.get(LIST).json()["next"]) == (100, None)


def test_with_many_invitees_the_profile_is_still_one_statement(alice, django_assert_num_queries):
    invite(alice, 120)
    with django_assert_num_queries(1):
        alice.profile()


@pytest.mark.parametrize("limit", [1, 2, 7, 24, 25, 26, 100])
def test_paging_to_the_end_loses_nobody_and_shows_nobody_twice(alice, limit):
    invite(alice, 25)
    assert read_through(alice, limit) == [phone(number) for number in range(25)]


@pytest.mark.parametrize("limit", [1, 3, 10])
def test_equal_moments_lose_nobody_either(alice, limit):
    microsecond = timedelta(microseconds=1)
    moments = [NOON] * 9 + [NOON + microsecond] * 3 + [NOON + 2 * microsecond] * 8 + [NOON - timedelta(days=1)]
    invite(alice, len(moments), moments)
    seen = read_through(alice, limit)
    assert sorted(seen) == [phone(number) for number in range(len(moments))]
    assert seen[0] == phone(len(moments) - 1)
    assert seen == read_through(alice, 100)


def test_who_enters_while_another_pages_stands_at_the_end(guest, alice):
    invite(alice, 4)
    first = alice.get(f"{LIST}?limit=3").json()
    guest("+79005556677").sign_in().activate(alice.profile()["invite_code"])
    rest = alice.get(first["next"]).json()
    assert [item["phone"] for item in rest["items"]] == [phone(3), "+79005556677"]


def test_a_cursor_stays_good_when_its_invitee_is_deleted(alice):
    invite(alice, 4)
    first = alice.get(f"{LIST}?limit=2").json()
    Person.objects.get(phone=phone(1)).delete()
    rest = alice.get(first["next"]).json()
    assert [item["phone"] for item in rest["items"]] == [phone(2), phone(3)]


@pytest.mark.parametrize(
    "limit", ["0", "-1", "101", "1000000000000000000000", "x", "1.5", "", "NaN", "null", "%00", "1e2"]
)
def test_a_limit_that_does_not_fit_is_refused(alice, limit):
    answer = alice.get(f"{LIST}?limit={limit}")
    assert is_problem(answer, 400, "invalid_request")
    assert [finding["field"] for finding in answer.json()["errors"]] == ["limit"]


def cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "%00",
        "null",
        "%D0%96",
        "....",
        "a" * 65,
        "A",
        cursor("1"),
        cursor("1."),
        cursor(".1"),
        cursor("1.1.1"),
        cursor("-1.1"),
        cursor("1.-1"),
        cursor("1e3.1"),
        cursor("٣.٣"),
        cursor("999999999999999999.1"),
        cursor("1.9999999999999999999"),
        cursor("'.'"),
    ],
)
def test_a_cursor_that_is_none_of_ours_is_refused(alice, cursor):
    answer = alice.get(f"{LIST}?cursor={cursor}")
    assert is_problem(answer, 400, "invalid_request")
    assert [finding["field"] for finding in answer.json()["errors"]] == ["cursor"]


def test_the_largest_cursor_is_the_end_and_no_error(alice):
    invite(alice, 2)
    for text in (f"{'9' * 17}.{'9' * 18}", f"{int(2e16)}.0"):
        assert alice.get(f"{LIST}?cursor={cursor(text)}").json() == {"items": [], "next": None}


def test_an_empty_cursor_is_the_beginning(alice):
    invite(alice, 2)
    assert alice.get(f"{LIST}?cursor=").json() == alice.get(LIST).json()


def test_only_the_inviter_reads_the_list(guest, alice, bob):
    """C80: a stranger, with the inviter's own cursor too, sees nobody."""
    invite(alice, 5)
    next_ = alice.get(f"{LIST}?limit=2").json()["next"]
    for path in (LIST, next_, f"{LIST}?person_id={alice.profile()['id']}", f"{LIST}?id=1"):
        assert bob.get(path).json() == {"items": [], "next": None}
        assert is_problem(guest("+79008889900").get(path), 401, "not_signed_in")
    assert bob.profile()["activeusers"] == []


def test_a_cursor_tells_no_number(alice):
    invite(alice, 3)
    next_ = alice.get(f"{LIST}?limit=1").json()["next"]
    told = rules.cursor_from(parse_qs(urlsplit(next_).query)["cursor"][0])
    assert told == rules.Cursor(NOON, Person.objects.get(phone=phone(0)).pk)
