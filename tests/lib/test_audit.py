"""The audit trail: survives refusals, dies with what is rolled back, is never changed, and no flood fills it."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.db.models import F

from guestlist.lib import audit, clock, dying, sql
from guestlist.lib.models import AppendOnly, AuditLine
from guestlist.people.models import Person
from guestlist.signin import guard, rules, sending
from guestlist.signin.models import Session
from tests.guests import is_problem, wrong

ALICE, BOB = "+79001112233", "+79005556677"
START = datetime.fromisoformat("2026-01-31T12:00:00+00:00")


@pytest.fixture(autouse=True)
def _nothing_remembered():
    """What a process has written lately is its own memory: each test begins without."""
    audit._floods.clear()
    yield
    audit._floods.clear()


@pytest.fixture
def limited(settings, monkeypatch):
    settings.LIMITS = "on"
    monkeypatch.setattr(guard, "_limit", None)
    sending.in_force.cache_clear()
    yield
    sending.in_force.cache_clear()


def events() -> list[str]:
    return list(AuditLine.objects.order_by("id").values_list("event", flat=True))


# ---- together with what it tells, or not at all


def test_a_sign_in_is_three_lines_with_its_person(guest):
    with clock.at(START):
        guest(ALICE, **{"User-Agent": "Guest/1.0"}).sign_in()
    asked, registered, signed_in = AuditLine.objects.order_by("id")
    assert (asked.event, registered.event, signed_in.event) == ("code.asked", "registered", "signed_in")
    person = Person.objects.get()
    assert (asked.person_id, registered.person_id, signed_in.person_id) == (None, person.pk, person.pk)
    assert {line.phone for line in (asked, registered, signed_in)} == {"+7********33"}
    assert {line.ip for line in (asked, registered, signed_in)} == {"127.0.0.1"}
    assert {line.at for line in (asked, registered, signed_in)} == {START}
    assert "agent=Guest/1.0" in signed_in.facts


def test_the_second_sign_in_is_known_from_the_first_moment(guest, alice):
    again = guest(ALICE)
    code = again.ask().json()["code"]
    again.confirm(wrong(code))
    again.confirm(code)
    lines = AuditLine.objects.order_by("id")[3:]
    assert [line.event for line in lines] == ["code.asked", "code.wrong", "signed_in"]
    assert {line.person_id for line in lines} == {Person.objects.get().pk}


def test_a_sign_in_that_breaks_leaves_no_line_of_it(guest, monkeypatch):
    alice = guest(ALICE)
    code = alice.ask().json()["code"]
    monkeypatch.setattr("guestlist.signin.actions.audit.record", broken(audit.record))
    with pytest.raises(RuntimeError):
        alice.confirm(code)
    assert events() == ["code.asked"]
    assert not Session.objects.exists()
    assert not Person.objects.exists()


def broken(record):
    def record_and_break(event, **facts):
        record(event, **facts)
        if event == "signed_in":
            raise RuntimeError("the power fails here")

    return record_and_break


@pytest.mark.django_db(transaction=True)
def test_the_lines_of_the_log_follow_the_commit(caplog):
    def act(fails):
        audit.record("signed_in", phone=ALICE)
        assert not caplog.records
        if fails:
            raise RuntimeError

    with caplog.at_level("INFO", "guestlist.events"):
        with pytest.raises(RuntimeError):
            sql.in_one_transaction(act)(True)
        assert (events(), caplog.messages) == ([], [])
        sql.in_one_transaction(act)(False)
        assert (events(), caplog.messages) == (["signed_in"], ["signed_in phone=+7********33"])


# ---- refusals roll back what they refuse, and not their line


@pytest.mark.django_db(transaction=True)
def test_a_refused_sign_in_keeps_its_line(guest, limited):
    with clock.at(START):
        assert guest(ALICE).ask().status_code == 201
        assert is_problem(guest(ALICE).ask(), 429, "too_many_requests")
    line = AuditLine.objects.get(event="limit.refused")
    assert (line.phone, line.facts) == ("+7********33", "reason=CODES_PAUSE of=code.refused")


def test_every_refusal_of_a_code_has_its_line(guest, alice):
    Person.objects.update(blocked_at=clock.now())
    blocked = guest(ALICE)
    code = blocked.ask().json()["code"]
    assert is_problem(blocked.confirm(code), 403, "person_blocked")
    assert is_problem(blocked.confirm(code), 400, "code_expired")
    told = list(AuditLine.objects.filter(event="code.refused").order_by("id").values_list("person_id", "facts"))
    assert told == [(Person.objects.get().pk, "reason=person_blocked"), (None, "reason=code_expired")]


def test_a_message_that_cannot_go_out_has_its_line(guest, monkeypatch):
    monkeypatch.setattr("guestlist.delivery.actions._places.acquire", lambda **_: False)
    assert is_problem(guest(ALICE).ask(), 503, "delivery_failed")
    assert AuditLine.objects.get().facts == "reason=delivery_failed"


def test_a_refused_invite_code_keeps_its_line_and_the_activation_has_one(alice, bob):
    code = alice.profile()["invite_code"]
    alice.activate(code)
    bob.activate(code)
    refused, activated = AuditLine.objects.filter(event__startswith="invite.").order_by("id")
    first, second = Person.objects.order_by("id").values_list("pk", flat=True)
    assert (refused.event, refused.person_id, refused.facts) == ("invite.refused", first, "reason=own_invite")
    assert (activated.event, activated.person_id, activated.facts) == ("invite.activated", second, f"inviter={first}")


def test_the_same_invite_code_again_is_no_second_activation(alice, bob):
    for _ in range(3):
        bob.activate(alice.profile()["invite_code"])
    assert Counter(events())["invite.activated"] == 1


# ---- a flood


def test_a_flood_of_refusals_writes_a_row_in_ten_seconds_and_says_how_many_it_left_out(guest, limited, caplog):
    with clock.at(START):
        guest(ALICE).ask()
    for second in range(1, 26):
        with clock.at(START + timedelta(seconds=second)):
            assert guest(ALICE).ask().status_code == 429
    facts = list(AuditLine.objects.filter(event="limit.refused").order_by("id").values_list("facts", flat=True))
    assert facts == [f"reason=CODES_PAUSE of=code.refused{more}" for more in ("", " left_out=9", " left_out=9")]


def test_every_refusal_of_a_flood_is_in_the_log(db, caplog, django_capture_on_commit_callbacks):
    with (
        caplog.at_level("INFO", "guestlist.events"),
        django_capture_on_commit_callbacks(execute=True),
        clock.at(START),
    ):
        for _ in range(50):
            audit.refused("limit.refused", "CODES_PAUSE", phone=ALICE)
    assert len(caplog.messages) == 50
    assert AuditLine.objects.count() == 1


def test_reasons_do_not_hide_one_another(db):
    with clock.at(START):
        for reason in ("CODES_PAUSE", "CODES_PER_PHONE", "CODES_PAUSE", "CODES_PER_PHONE"):
            audit.refused("limit.refused", reason)
        audit.refused("code.refused", "code_expired")
    assert AuditLine.objects.count() == 3


def test_a_clock_that_is_set_back_does_not_silence_it(db):
    for at in (START, START - timedelta(hours=1)):
        with clock.at(at):
            audit.refused("limit.refused", "CODES_PAUSE")
    assert AuditLine.objects.count() == 2


@pytest.mark.django_db
def test_a_row_that_is_left_out_costs_no_statement(django_assert_num_queries):
    with clock.at(START):
        with django_assert_num_queries(1):
            audit.refused("limit.refused", "CODES_PAUSE", phone=ALICE)
        with django_assert_num_queries(0):
            audit.refused("limit.refused", "CODES_PAUSE", phone=ALICE)


def test_an_open_breaker_is_told_once_an_hour(guest, limited, monkeypatch):
    monkeypatch.setattr(rules, "BREAKER_LEAST", 1)
    with clock.at(START):
        stranger = guest(ALICE)
        stranger.confirm(wrong(stranger.ask().json()["code"]))
    for minutes in (1, 2, 30, 59, 61, 62):
        audit._floods.clear()  # as another process would ask
        with clock.at(START + timedelta(minutes=minutes)):
            assert guard.is_breaker_open(clock.now())
    opened = AuditLine.objects.filter(event="breaker.opened").order_by("id")
    assert [line.at - START for line in opened] == [timedelta(minutes=1), timedelta(minutes=61)]
    assert opened[0].facts == "wrong_today=1 wrong_in_30_days=1"


@pytest.mark.django_db
def test_what_goes_on_is_told_once_for_each_value_of_a_fact():
    for region in ("KZ", "GB", "KZ", "K"):
        audit._floods.clear()
        audit.record_once("conversion.low", timedelta(hours=1), each="region", region=region, asked=50)
    facts = AuditLine.objects.order_by("id").values_list("facts", flat=True)
    assert list(facts) == ["region=KZ asked=50", "region=GB asked=50", "region=K asked=50"]


# ---- only ever added to


@pytest.fixture
def line(db):
    audit.record("signed_in", phone=ALICE, person_id=7, ip="203.0.113.7")
    return AuditLine.objects.get()


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.save(),
        lambda line: line.save(update_fields=["event"]),
        lambda line: line.delete(),
        lambda line: AuditLine.objects.update(event="x"),
        lambda line: AuditLine.objects.filter(pk=line.pk).update(event=F("ip")),
        lambda line: AuditLine.objects.bulk_update([line], ["event"]),
        lambda line: AuditLine.objects.all().delete(),
        lambda line: AuditLine.objects.filter(pk=line.pk).delete(),
        lambda line: AuditLine.objects.update_or_create(pk=line.pk, defaults={"event": "x"}),
    ],
)
def test_no_line_is_changed_or_deleted(line, change):
    line.event = "x"
    with pytest.raises(AppendOnly), transaction.atomic():
        change(line)
    assert events() == ["signed_in"]


def test_a_line_cannot_take_the_place_of_another(line):
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"), transaction.atomic():
        AuditLine(pk=line.pk, at=START, event="x").save()
    assert events() == ["signed_in"]


def test_lines_of_more_than_ninety_days_are_deleted_in_batches_oldest_first(db):
    for day in range(10):
        with clock.at(START + timedelta(days=day)):
            audit.record(f"day.{day}")
    now = START + timedelta(days=95)
    assert [dying.delete_some(audit.OLD, now, 2) for _ in range(4)] == [2, 2, 1, 0]
    assert events() == [f"day.{day}" for day in range(5, 10)]


# ---- what it costs


def test_what_cannot_be_a_row_is_made_to_fit(db):
    audit.record("signed_in", ip="x" * 300, agent="я\x00\ud800\N{PILE OF POO}" * 300)
    found = AuditLine.objects.get()
    assert len(found.ip) == 45
    assert found.facts.isprintable()
    assert "я" in found.facts


def test_an_event_in_a_transaction_is_one_statement(db, django_assert_num_queries):
    with transaction.atomic(), django_assert_num_queries(1):
        audit.record("signed_in", phone=BOB, person_id=1, ip="203.0.113.7", kind="cookie")
