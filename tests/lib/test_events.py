"""The lines of events: which there are, what they tell, and that nothing typed can forge one; no code stands there."""

import json
import logging
import re
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from guestlist.lib import clock, logs, phone
from guestlist.lib.logs import OneLine, OneObject
from guestlist.lib.models import AuditLine
from tests.guests import Guest, wrong

ALICE = "+79001112233"
OURS = [model for model in admin.site._registry if model.__module__.startswith("guestlist.")]


@pytest.fixture
def told(caplog, django_capture_on_commit_callbacks):
    """`with told() as lines:` the lines of events that are written within, as the log has them."""

    @contextmanager
    def listen():
        lines: list[str] = []
        caplog.clear()
        with caplog.at_level(logging.DEBUG), django_capture_on_commit_callbacks(execute=True):
            yield lines
        found = [record for record in caplog.records if record.name == "guestlist.events"]
        lines += [OneLine().format(record).partition("guestlist.events: ")[2] for record in found]

    return listen


def names(lines: list[str]) -> list[str]:
    return [line.partition(" ")[0] for line in lines]


# ---- which lines there are


def test_each_act_is_one_line_with_the_number_starred(guest, told):
    with told() as lines:
        alice = guest(ALICE, **{"User-Agent": "Guest/1.0 (test)"})
        code = alice.ask().json()["code"]
        alice.confirm(wrong(code))
        alice.token = alice.confirm(code).json()["token"]
        alice.post("/user/logout/", {})
    person = AuditLine.objects.get(event="signed_in").person_id
    session = AuditLine.objects.get(event="signed_in").facts.partition("session=")[2][:6]
    who = f"phone=+7********33 person={person} ip=127.0.0.1"
    assert lines == [
        "code.asked phone=+7********33 ip=127.0.0.1 digits=4 device=new again=no",
        "code.wrong phone=+7********33 ip=127.0.0.1 left=2",
        f"registered {who}",
        f'signed_in {who} kind=token device=new replaced=no session={session} agent="Guest/1.0 (test)"',
        f"signed_out person={person} ip=127.0.0.1 session={session}",
    ]


def test_ending_sessions_and_entering_codes_is_told(guest, alice, bob, told):
    with told() as lines:
        guest(ALICE).sign_in()
        elsewhere = next(one for one in alice.get("/user/sessions/").json() if not one["current"])
        alice.send("delete", f"/user/sessions/{elsewhere['id']}/")
        guest(ALICE).sign_in()
        alice.send("delete", "/user/sessions/")
        alice.send("delete", "/user/sessions/")  # there is none any more
        bob.activate("nonsense")
        bob.activate(alice.profile()["invite_code"])
        bob.activate(alice.profile()["invite_code"])  # the same again is answered, and nothing has happened
        bob.activate("000000")
    assert [line for line in names(lines) if line not in ("code.asked", "signed_in")] == [
        "session.ended",
        "sessions.ended",
        "invite.refused",
        "invite.activated",
        "invite.refused",
    ]


def test_a_refused_code_says_why(guest, told):
    with told() as lines:
        guest(ALICE).confirm("0000", challenge="A" * 22)
    assert lines == ["code.refused phone=+7********33 ip=127.0.0.1 reason=code_expired"]


def test_reads_are_no_events(alice, told):
    with told() as lines:
        alice.profile()
        alice.get("/user/sessions/")
        alice.get("/user/user-profile/activeusers/")
    assert lines == []


def test_the_line_carries_the_id_of_the_request(guest, told, caplog):
    with told():
        answer = guest(ALICE).ask()
    assert AuditLine.objects.get().request_id == answer.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("e164", "starred"),
    [
        ("+79001112233", "+7********33"),
        ("+12015550123", "+1********23"),
        ("+4915123456789", "+49*********89"),
        ("+375291234567", "+375*******67"),
        ("+35699123456", "+356******56"),
    ],
)
def test_a_starred_number_keeps_its_country_and_two_digits(e164, starred):
    assert phone.starred(e164) == starred
    assert len(starred) == len(e164)


# ---- what cannot be forged

FORGING = [
    "x\r\n2026-01-01 00:00:00,000 INFO - guestlist.events: operator.signed_in by=olga",
    "x\x1b[2K\x1b[31msigned_in",
    'x" signed_in phone=+7********00 agent="',
    "x person=1 by=olga",
    "x\N{LINE SEPARATOR}signed_in",
    "x\N{NEXT LINE}signed_in",
    "x\N{RIGHT-TO-LEFT OVERRIDE}signed_in",
    "\\",
    '\\" by=olga',
]


@pytest.mark.parametrize("agent", FORGING)
def test_no_user_agent_forges_a_line_a_key_or_a_colour(guest, told, agent):
    sent = agent.encode().decode("latin-1")  # as a server hands it over
    with told() as lines:
        guest(ALICE, **{"User-Agent": sent}).sign_in()
    assert names(lines) == ["code.asked", "registered", "signed_in"]
    for line in (lines[-1], AuditLine.objects.get(event="signed_in").facts):
        assert line.isprintable()
        value = line.partition(" agent=")[2]
        assert re.fullmatch(r'[\w.:+*/@-]+|"(?:[^"\\]|\\.)*"', value), value
    assert "by" not in dict(pair.partition("=")[::2] for pair in lines[-1].partition(" agent=")[0].split(" "))


@given(st.dictionaries(st.sampled_from(["agent", "by"]), st.text() | st.integers() | st.booleans() | st.none()))
def test_any_values_make_one_printable_line_of_those_keys(facts):
    words = logs.words(facts)
    assert words == "" or words.isprintable()
    pairs = re.findall(r'(\w+)=([\w.:+*/@-]+|"(?:[^"\\]|\\.)*")(?: |$)', words, re.ASCII)
    assert [key for key, _ in pairs] == [key for key, value in facts.items() if value is not None and value != ""]
    words.encode()


def test_a_long_value_is_cut():
    assert len(logs.words({"agent": "x" * 10_000})) < 120


# ---- the other form


def formatted(name: str, *args: object, **more: object) -> dict:
    record = logging.getLogger(name).makeRecord(name, logging.INFO, __file__, 1, "%s", args, more.pop("exc", None))
    record.__dict__.update(more)
    line = OneObject().format(record)
    assert line.isascii()
    assert len(line.splitlines()) == 1
    return json.loads(line)


def test_as_json_an_event_is_one_object_with_fields_of_its_own():
    mark = logs.request_id.set("0123456789abcdef")
    try:
        told = {"event": "signed_in", "person": 7, "agent": "a\r\n\x1b[0m\x7f"}
        found = formatted("guestlist.events", "x", told=told)
    finally:
        logs.request_id.reset(mark)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", found.pop("at"))
    assert found == {
        "level": "INFO",
        "request_id": "0123456789abcdef",
        "logger": "guestlist.events",
        "event": "signed_in",
        "person": 7,
        "agent": "a\r\n\x1b[0m\x7f",
    }


def test_as_json_every_other_line_is_one_object_too():
    assert formatted("guestlist.api", "Анна\n")["message"] == "Анна\n"
    try:
        raise ValueError("it\nbroke")
    except ValueError as error:
        found = formatted("guestlist.api", "it broke", exc=(type(error), error, error.__traceback__))
    assert found["trace"].endswith("ValueError: it\nbroke")


# ---- what never stands there


def secrets_of(answer: dict, guest: Guest) -> set[str]:
    cookies = {cookie.value for cookie in guest.client.cookies.values()}
    tokens = {str(answer.get(name) or "") for name in ("token", "device", "challenge")} | cookies
    return {part for token in tokens for part in (token, token.partition(".")[2]) if len(part) >= 16}


def test_of_two_hundred_sign_ins_no_code_and_no_token_stands_in_logs_table_or_admin(
    db, caplog, settings, django_capture_on_commit_callbacks
):
    """C37. Codes of 8 digits, all different, so that none can stand anywhere by chance."""
    settings.CODE_DIGITS = 8
    codes, secrets, now = set(), set(), clock.now()
    with caplog.at_level(logging.DEBUG), django_capture_on_commit_callbacks(execute=True):
        for number in range(200):
            guest = Guest(f"+7900{number:07}", **({"Sec-Fetch-Site": "same-origin"} if number % 2 else {}))
            with clock.at(now + timedelta(seconds=number)):
                asked = guest.ask().json()
                secrets |= secrets_of(asked, guest)
                guest.confirm(wrong(asked["code"]))
                confirmed = guest.confirm(asked["code"])
                assert confirmed.status_code == 200
            secrets |= secrets_of(confirmed.json(), guest)
            codes |= {asked["code"], wrong(asked["code"])}
    assert len(codes) > 390
    assert len(secrets) >= 600
    lines = "\n".join(form.format(record) for record in caplog.records for form in (OneLine(), OneObject()))
    assert lines.count("signed_in") >= 400
    rows = "\n".join(str(row) for row in AuditLine.objects.values_list())
    assert AuditLine.objects.count() == 800
    everywhere = {"log": lines, "table": rows, "admin": pages()}
    digits = {where: set(re.findall(r"(?<!\d)\d{8}(?!\d)", text)) for where, text in everywhere.items()}
    for where, text in everywhere.items():
        assert not codes & digits[where], where
        assert not [secret for secret in secrets if secret in text], where
        assert "+79000000" not in text or where == "admin"  # whose own tables of people hold whole numbers


def pages() -> str:
    """Every list of ours in the admin, and the page of the newest row of each."""
    client = Client()
    client.force_login(User.objects.create_superuser("olga"))
    found = []
    for model in OURS:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        found += [client.get(reverse(f"admin:{name}_changelist"), {"p": page}) for page in (1, 2)]
        newest = model.objects.order_by("-pk").first()
        found += [client.get(reverse(f"admin:{name}_change", args=[newest.pk]))] if newest else []
    assert {page.status_code for page in found} <= {200, 302}
    return "\n".join(page.content.decode() for page in found)


def test_the_guard_itself_would_notice(db, caplog):
    """The list above is no comfort unless a code that is logged would be found."""
    with caplog.at_level(logging.DEBUG):
        logs.event("code.asked", {"code": "12345678"})
    (record,) = caplog.records
    assert re.findall(r"(?<!\d)\d{8}(?!\d)", OneLine().format(record)) == ["12345678"]
