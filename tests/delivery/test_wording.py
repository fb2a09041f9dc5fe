"""Operators' own words for messages: what they may be, who changes them, and how they are read to send."""

import re
import threading
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.urls import reverse
from django.utils import translation
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from guestlist.delivery import segments, wording
from guestlist.delivery.models import Wording
from guestlist.lib import clock, sql
from guestlist.lib.models import AuditLine
from guestlist.signin import texts

START = datetime.fromisoformat("2026-01-31T12:00:00+00:00")
HASH = "FA+9qCX9VSu"
ADD, LIST = "/admin/delivery/wording/add/", "/admin/delivery/wording/"
OWN = "{code} is your code for the party."


@pytest.fixture(autouse=True)
def _nothing_remembered():
    """What a process has read is its own memory: each test begins without."""
    wording._known.clear()
    yield
    wording._known.clear()


def words(text: str, language: str = "en") -> Wording:
    return Wording.objects.create(kind="code", language=language, text=text, changed_at=START)


def change(row: Wording) -> str:
    return reverse("admin:delivery_wording_change", args=[row.pk])


# ---- what they may be


@pytest.mark.parametrize(
    "text",
    [OWN, "{code}", "Код: {code}", "Code:\n{code}", "«{code}» — код", "Party 🎈 {code}", "100% {code} %(code)s %s"],
)
def test_these_words_are_good(text):
    assert wording.fault("code", text) == ""
    sent = texts.laid_out(text, "12345678")
    assert segments.is_one(sent)
    assert sent.startswith(text.replace("{code}", "12345678"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Your code", "exactly once"),
        ("{code} or {code}", "exactly once"),
        ("{code} {", "exactly once"),
        ("{{code}}", "exactly once"),
        ("{code!r}", "exactly once"),
        ("{Code}", "exactly once"),
        ("{code}{}", "exactly once"),
        ("{code}5", "right before or behind"),
        ("G{code}", "right before or behind"),
        ("Код{code}", "right before or behind"),
        ("_{code}", "right before or behind"),
        (" {code}", "at the ends"),
        ("{code}\n", "at the ends"),
        ("\n{code}", "at the ends"),
        ("Code:\r\n{code}", "invisible"),
        ("Code:\t{code}", "invisible"),
        ("Code\x00: {code}", "invisible"),
        ("Code\x1b: {code}", "invisible"),
        ("Code: {code}\u202e!", "invisible"),
        ("Code\u200b: {code}", "invisible"),
        ("Code\u2028: {code}", "invisible"),
        ("Code\ud83c: {code}", "invisible"),
        ("{code}\n@evil.example", "no @"),
        ("@evil.example #{code}", "no @"),
        ("{code}\n#1234", "no @"),
        ("{code} " + "a" * 160, "190 units of GSM-7 (one segment has 160) and 190 bytes, segments: 2."),
        ("{code} " + "я" * 61, "91 units of UCS-2 (one segment has 70) and 152 bytes, segments: 2."),
    ],
)
def test_these_words_are_not(text, said):
    assert said in wording.fault("code", text)


def test_what_is_wrong_is_said_in_the_operators_language():
    with translation.override("ru"):
        assert "единиц UCS-2: 91 (в одном сегменте 70)" in wording.fault("code", "{code} " + "я" * 61)


@pytest.mark.parametrize(("letter", "most"), [("a", 130), ("я", 40), ("€", 65), ("🎈", 20)])
def test_they_may_be_as_long_as_one_segment_with_eight_digits_allows_and_no_longer(letter, most):
    """The host, 127.0.0.1, and two codes of 8 digits need 29 units; the space is one more."""
    assert wording.fault("code", "{code} " + letter * most) == ""
    assert "segments" in wording.fault("code", "{code} " + letter * (most + 1))


def test_an_apps_hash_leaves_less_room(settings):
    settings.ANDROID_APP_HASH = HASH
    assert wording.fault("code", "{code} " + "a" * 98) == ""
    assert "141 units of GSM-7 (one segment has 160) and 141 bytes" in wording.fault("code", "{code} " + "a" * 99)


def test_the_hosts_name_leaves_less_room(settings):
    assert wording.fault("code", "Это ваш код для входа: {code}") == ""
    settings.PUBLIC_URL = "https://guests.of.the.house.example.org"
    assert "segments: 2" in wording.fault("code", "Это ваш код для входа: {code}")


@hypothesis(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_characters="{}"), max_size=80), st.text(max_size=80), st.booleans())
def test_whatever_passes_is_sent_as_one_segment_that_browsers_read(before, after, has_code):
    text = f"{before}{{code}}{after}" if has_code else before + after
    if wording.fault("code", text):
        return
    for digits in ("1234", "12345678"):
        sent = texts.laid_out(text, digits)
        assert segments.is_one(sent)
        assert sent.split("\n")[-1] == f"@127.0.0.1 #{digits}"
        assert re.findall(r"(?:^|\s)@([a-zA-Z0-9.-]+) #([^#\s]+)", sent) == [("127.0.0.1", digits)]
        assert re.search(rf"(?<!\w){digits}(?!\w)", sent.rpartition("\n")[0])


# ---- what is sent


@pytest.mark.django_db
def test_they_are_sent_in_their_language_and_only_there():
    words(OWN)
    assert texts.rendered("1234", "en") == "1234 is your code for the party.\n\n@127.0.0.1 #1234"
    assert texts.rendered("1234", "ru").startswith("Код 1234. Никому")


def test_a_guest_is_sent_them(guest):
    words("Код для праздника: {code}", "ru")
    alice = guest("+79001112233", **{"Accept-Language": "ru"})
    code = alice.ask().json()["code"]
    sent = alice.get("/sandbox/inbox/").json()["messages"][0]["text"]
    assert sent == f"Код для праздника: {code}\n\n@127.0.0.1 #{code}"


@pytest.mark.django_db
def test_words_that_no_longer_fit_are_not_sent(settings):
    """They were saved under a shorter name, or before there was an app."""
    words("Это ваш код для входа: {code}", "ru")
    assert texts.rendered("12345678", "ru").startswith("Это ваш код")
    settings.PUBLIC_URL = "https://guests.of.the.house.example.org"
    text = texts.rendered("12345678", "ru")
    assert text.startswith("Код: 12345678\n")
    assert segments.is_one(text)


@pytest.mark.django_db
def test_removed_they_are_the_built_in_ones_again(operator, django_capture_on_commit_callbacks):
    row = words(OWN)
    assert texts.rendered("1234", "en").startswith("1234 is your code")
    with django_capture_on_commit_callbacks(execute=True):
        operator.post(reverse("admin:delivery_wording_delete", args=[row.pk]), {"post": "yes"})
    assert not Wording.objects.exists()
    assert texts.rendered("1234", "en").startswith("Your code is 1234.")


# ---- how they are read


@pytest.mark.django_db
def test_they_are_read_once_in_five_seconds_and_that_there_are_none_too(django_assert_num_queries):
    words(OWN)
    with clock.at(START), django_assert_num_queries(2):
        for _ in range(10):
            assert wording.current("code", "en") == OWN
            assert wording.current("code", "ru") is None
    with clock.at(START + timedelta(seconds=4.9)), django_assert_num_queries(0):
        wording.current("code", "en")
        wording.current("code", "ru")
    with clock.at(START + timedelta(seconds=5)), django_assert_num_queries(2):
        wording.current("code", "en")
        wording.current("code", "ru")


@pytest.mark.django_db
@pytest.mark.parametrize("seconds", [10, 3600, -1])
def test_what_another_process_changed_is_sent_after_ten_seconds_at_the_latest(seconds):
    row = words(OWN)
    with clock.at(START):
        assert wording.current("code", "en") == OWN
    Wording.objects.filter(pk=row.pk).update(text="Another: {code}")
    with clock.at(START + timedelta(seconds=seconds)):
        assert wording.current("code", "en") == "Another: {code}"


@pytest.mark.django_db
def test_while_one_thread_reads_anew_the_others_go_on_with_what_is_known(monkeypatch):
    row = words(OWN)
    with clock.at(START):
        wording.current("code", "en")
    Wording.objects.filter(pk=row.pk).update(text="Another: {code}")
    reads, read = [], sql.row

    def slow(*asked):
        reads.append(asked)
        with clock.at(START + timedelta(seconds=5.5)):
            assert wording.current("code", "en") == OWN  # as another thread sees it meanwhile
        return read(*asked)

    monkeypatch.setattr(sql, "row", slow)
    with clock.at(START + timedelta(seconds=5)):
        assert wording.current("code", "en") == "Another: {code}"
        assert wording.current("code", "en") == "Another: {code}"
    assert len(reads) == 1


@pytest.mark.django_db
def test_when_the_one_that_reads_anew_fails_another_one_does_so_a_second_later(monkeypatch):
    words(OWN)
    with clock.at(START):
        wording.current("code", "en")
    monkeypatch.setattr(sql, "row", broken)
    with clock.at(START + timedelta(seconds=5)):
        with pytest.raises(RuntimeError):
            wording.current("code", "en")
        assert wording.current("code", "en") == OWN
    monkeypatch.undo()
    reads = []
    monkeypatch.setattr(sql, "row", lambda *asked: reads.append(asked) or ("Another: {code}",))
    with clock.at(START + timedelta(seconds=6)):
        assert wording.current("code", "en") == "Another: {code}"
    assert len(reads) == 1


@pytest.mark.django_db
def test_nobody_goes_on_with_what_is_ten_seconds_old_even_if_another_thread_is_reading(monkeypatch):
    words(OWN)
    with clock.at(START):
        wording.current("code", "en")
    monkeypatch.setattr(sql, "row", broken)
    with clock.at(START + timedelta(seconds=9.5)), pytest.raises(RuntimeError):
        wording.current("code", "en")
    with clock.at(START + timedelta(seconds=9.9)):
        assert wording.current("code", "en") == OWN
    with clock.at(START + timedelta(seconds=10)), pytest.raises(RuntimeError):
        wording.current("code", "en")


def broken(*_):
    raise RuntimeError("the database is away")


@pytest.mark.django_db(transaction=True)
def test_a_crowd_of_threads_reads_a_few_times_and_all_of_it_right(monkeypatch):
    words(OWN)
    reads, read, found = [], sql.row, []
    monkeypatch.setattr(sql, "row", lambda *asked: reads.append(asked) or read(*asked))

    def send():
        try:
            found.extend(texts.rendered("1234", "en") for _ in range(50))
        finally:
            connection.close()

    with clock.at(START):
        wording.current("code", "en")
        threads = [threading.Thread(target=send) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert set(found) == {"1234 is your code for the party.\n\n@127.0.0.1 #1234"}
    assert (len(found), len(reads)) == (400, 1)


# ---- how operators change them


@pytest.fixture
def operator(client, db):
    client.force_login(User.objects.create_superuser("olga", password="long enough 42"))
    return client


def trail() -> list[str]:
    return list(AuditLine.objects.filter(event="wording.changed").order_by("id").values_list("facts", flat=True))


def test_an_operator_gives_words_and_they_are_sent_at_once(operator, django_capture_on_commit_callbacks):
    assert texts.rendered("1234", "en").startswith("Your code")
    with django_capture_on_commit_callbacks(execute=True):
        answer = operator.post(ADD, {"kind": "code", "language": "en", "text": OWN}, REMOTE_ADDR="203.0.113.7")
    assert answer.status_code == 302, answer.context["errors"]
    assert texts.rendered("1234", "en").startswith("1234 is your code")
    assert trail() == ["kind=code language=en by=olga"]
    line = AuditLine.objects.get(event="wording.changed")
    assert (line.ip, line.phone, line.person_id) == ("203.0.113.7", "", None)


def test_each_change_is_told_and_none_with_the_text(operator, caplog):
    with caplog.at_level("INFO", "guestlist.events"):
        operator.post(ADD, {"kind": "code", "language": "en", "text": OWN})
        operator.post(ADD, {"kind": "code", "language": "ru", "text": "Код: {code}!"})
        english, russian = Wording.objects.order_by("language")
        operator.post(change(english), {"text": "Party: {code}"})
        operator.post(reverse("admin:delivery_wording_delete", args=[english.pk]), {"post": "yes"})
        chosen = {"_selected_action": [russian.pk], "action": "delete_selected", "post": "yes"}
        operator.post(LIST, chosen)
    assert not Wording.objects.exists()
    assert trail() == [
        "kind=code language=en by=olga",
        "kind=code language=ru by=olga",
        "kind=code language=en by=olga",
        "kind=code language=en removed=yes by=olga",
        "kind=code language=ru removed=yes by=olga",
    ]
    everything = " ".join(AuditLine.objects.values_list("facts", flat=True)) + caplog.text
    assert "arty" not in everything
    assert "Код" not in everything


def test_line_breaks_of_browsers_become_those_of_messages(operator):
    operator.post(ADD, {"kind": "code", "language": "en", "text": "The party\r\nCode: {code}\r\n"})
    assert Wording.objects.get().text == "The party\nCode: {code}"


def test_bad_words_are_refused_with_what_they_take_and_nothing_changes(operator):
    row = words("Код: {code}", "ru")
    page = operator.post(change(row), {"text": "{code} " + "я" * 61}).content.decode()
    assert "91 units of UCS-2 (one segment has 70) and 152 bytes, segments: 2." in page
    row.refresh_from_db()
    assert row.text == "Код: {code}"
    assert trail() == []


@pytest.mark.parametrize("typed", [{"text": ""}, {"kind": "other"}, {"language": "de"}, {"text": "{code} " * 40}])
def test_what_no_form_offers_is_refused(operator, typed):
    answer = operator.post(ADD, {"kind": "code", "language": "en", "text": OWN, **typed})
    assert answer.status_code == 200
    assert answer.context["errors"]
    assert not Wording.objects.exists()


def test_there_is_one_for_each_kind_and_language(operator):
    words(OWN)
    page = operator.post(ADD, {"kind": "code", "language": "en", "text": "Code: {code}"}).content.decode()
    assert "in this language already" in page
    assert Wording.objects.get().text == OWN


def test_which_messages_they_are_for_does_not_change(operator):
    row = words(OWN)
    operator.post(change(row), {"kind": "other", "language": "ru", "text": "Code: {code}"})
    row.refresh_from_db()
    assert (row.kind, row.language, row.text) == ("code", "en", "Code: {code}")


def test_the_form_shows_what_is_sent_and_what_it_takes(operator, settings):
    row = words("Код для праздника: {code}", "ru")
    page = operator.get(change(row)).content.decode()
    for digits, units in (("1234", 41), ("12345678", 49)):
        assert f"<pre>Код для праздника: {digits}\n\n@127.0.0.1 #{digits}</pre>" in page
        assert f"UCS-2, {units} units, segments: 1</p>" in page
    assert "Too long" not in page
    settings.PUBLIC_URL = "https://guests.of.the.whole.house.example.org"
    page = operator.get(change(row)).content.decode()
    assert "UCS-2, 76 units, segments: 2. Too long: our own words are sent instead.</p>" in page
    assert 'alt="False"' in operator.get(LIST).content.decode()


def test_words_are_text_and_no_html(operator):
    row = words("<b>{code}</b>")
    page = operator.get(change(row)).content.decode()
    assert "<b>1234</b>" not in page
    assert "&lt;b&gt;1234&lt;/b&gt;" in page


def test_the_form_works_without_a_script_or_a_style_of_its_own(operator):
    answer = operator.get(change(words(OWN)))
    page = answer.content.decode()
    assert "'unsafe-inline'" not in answer.headers["Content-Security-Policy"]
    assert not re.search(r"<style|\sstyle=|\son\w+=", page)
    assert not [tag for tag in re.findall(r"<script[^>]*>", page) if " src=" not in tag]


@pytest.mark.parametrize(("permissions", "status"), [((), 403), (("view_wording",), 403), (("change_wording",), 302)])
def test_who_may_change_them_is_said_by_djangos_permissions(client, db, permissions, status):
    ivan = User.objects.create_user("ivan", password="long enough 42", is_staff=True)
    ivan.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(ivan)
    row = words(OWN)
    assert client.post(change(row), {"text": "Code: {code}"}).status_code == status
    row.refresh_from_db()
    assert row.text == (OWN if status == 403 else "Code: {code}")
