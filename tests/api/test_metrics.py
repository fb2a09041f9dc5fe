"""/metrics: who may read it, what stands in it and what never does, and that several processes answer as one."""

import http.client
import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import OperationalError
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from guestlist.delivery.gateways import Unavailable
from guestlist.lib import audit, clock, metrics, shared_counts, sql
from guestlist.signin.models import Guess
from tests import servers
from tests.guests import Guest, is_problem, wrong

PHONE = "+79001112233"
TOKEN = "t" * 20 + "0123456789abcdef"
AFAR = "203.0.113.7"
METHODS = ["get", "head", "post", "put", "patch", "delete", "options", "trace"]
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(text: str) -> Samples:
    """Every sample by name and labels; none stands twice."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = sample.name, tuple(sorted(sample.labels.items()))
            assert key not in found, key
            found[key] = sample.value
    return found


def read(client: Client | None = None) -> Samples:
    answer = (client or Client()).get("/metrics")
    assert answer.status_code == 200
    return samples(answer.content.decode())


def value(found: Samples, name: str, **labels: str) -> float:
    return found.get((f"guestlist_{name}", tuple(sorted(labels.items()))), 0.0)


@pytest.fixture
def counts() -> Callable[..., Any]:
    """`with counts() as grown: ...`, and then `grown("events_total", event=…, reason=…)`: by how much, since."""

    @contextmanager
    def since() -> Iterator[Callable[..., float]]:
        before, after = read(), {}

        def grown(name: str, **labels: str) -> float:
            return value(after, name, **labels) - value(before, name, **labels)

        yield grown
        after.update(read())

    return since


# ---- who may read


@pytest.mark.parametrize("ip", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
@pytest.mark.parametrize("proxies", [0, 1])
def test_this_machine_may(db, settings, ip, path, proxies):
    settings.TRUSTED_PROXIES = proxies
    answer = Client(REMOTE_ADDR=ip).get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert answer.headers["Cache-Control"] == "no-store"
    assert Client(REMOTE_ADDR=ip).head(path).status_code == 200


@pytest.mark.parametrize(
    "ip", [AFAR, "10.0.0.1", "192.168.1.1", "2001:db8::1", "::ffff:203.0.113.7", "0.0.0.0", "", "x"]
)
def test_nobody_else_may(db, ip):
    assert is_problem(Client(REMOTE_ADDR=ip).get("/metrics"), 404, "not_found")


@pytest.mark.parametrize("proxies", [0, 1, 2])
@pytest.mark.parametrize(
    "header",
    ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP", "Forwarded", "Via", "CF-Connecting-IP"],
)
@pytest.mark.parametrize("said", [AFAR, "127.0.0.1", f"127.0.0.1, {AFAR}", f"{AFAR}, 127.0.0.1", ""])
def test_what_came_through_a_proxy_is_not_this_machine(db, settings, header, said, proxies):
    """To a proxy beside the service everybody is loopback, and what it hands on may have been made up."""
    settings.TRUSTED_PROXIES = proxies
    assert is_problem(Client(headers={header: said}).get("/metrics"), 404, "not_found")


@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
@pytest.mark.parametrize("accept", ["*/*", "text/html"])
def test_a_stranger_finds_what_stands_at_any_address_that_there_is_not(db, settings, path, accept, subtests):
    settings.CORS_ORIGINS = ["https://app.example.org"]
    stranger = Client(
        enforce_csrf_checks=True,
        REMOTE_ADDR=AFAR,
        headers={"Accept": accept, "Authorization": f"Bearer {TOKEN}", "Origin": "https://app.example.org"},
    )
    slash = "/" if path.endswith("/") else ""
    for method in METHODS:
        with subtests.test(method):
            here, nowhere = (getattr(stranger, method)(found) for found in (path, f"/nothing{slash}"))
            assert here.status_code == nowhere.status_code == 404
            assert {**here.headers, "X-Request-ID": ""} == {**nowhere.headers, "X-Request-ID": ""}
            assert anonymous(here) == anonymous(nowhere)


def anonymous(answer: Any) -> bytes:
    """The answer without what is new each time, and without the address, which a page's form says back."""
    own = answer.headers["X-Request-ID"].encode()
    return re.sub(rb'/(metrics|nothing)\b|(?<=value=")\w{64}', b"", answer.content.replace(own, b""))


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_bearer_of_the_token_may_from_anywhere(db, settings, scheme):
    settings.METRICS_TOKEN = TOKEN
    headers = {"Authorization": f"{scheme} {TOKEN}", "X-Forwarded-For": AFAR}
    assert Client(REMOTE_ADDR=AFAR, headers=headers).get("/metrics").status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        TOKEN,
        f"Basic {TOKEN}",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN.upper()}",
        f"Bearer {TOKEN} {TOKEN}",
        f"Bearer Bearer {TOKEN}",
        "Bearer Ж",
    ],
)
def test_without_the_whole_token_nobody_may_from_elsewhere(db, settings, authorization):
    settings.METRICS_TOKEN = TOKEN
    stranger = Client(REMOTE_ADDR=AFAR, headers={"Authorization": authorization})
    assert is_problem(stranger.get("/metrics"), 404, "not_found")
    assert is_problem(stranger.get(f"/metrics?token={TOKEN}"), 404, "not_found")


@pytest.mark.parametrize("authorization", ["Bearer", "Bearer ", "Bearer None"])
def test_where_no_token_is_set_an_empty_one_is_none(db, settings, authorization):
    settings.METRICS_TOKEN = ""
    stranger = Client(REMOTE_ADDR=AFAR, headers={"Authorization": authorization})
    assert is_problem(stranger.get("/metrics"), 404, "not_found")


def test_with_a_token_set_this_machine_still_needs_none(db, settings):
    settings.METRICS_TOKEN = TOKEN
    assert Client().get("/metrics").status_code == 200


def test_somebodys_session_is_no_token(alice, settings):
    settings.METRICS_TOKEN = TOKEN
    alice.client.defaults["REMOTE_ADDR"] = AFAR
    assert is_problem(alice.get("/metrics"), 404, "not_found")


@pytest.mark.parametrize("method", [method for method in METHODS if method not in ("get", "head")])
def test_it_is_only_read(db, method):
    answer = getattr(Client(enforce_csrf_checks=True), method)("/metrics")
    assert is_problem(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD"


# ---- what stands in it


def test_every_metric_is_ours_and_says_what_it_is(guest, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        guest(PHONE).sign_in()
    text = Client().get("/metrics").content.decode()
    families = list(text_string_to_metric_families(text))
    assert len(families) == len(metrics.LABELS)
    for family in families:
        name = family.name + ("_total" if family.type == "counter" else "")
        assert name.startswith("guestlist_")
        assert family.documentation
        assert {label for sample in family.samples for label in sample.labels} - {"le"} == set(metrics.LABELS[name])


def test_requests_are_counted_by_the_pattern_of_their_address(alice, counts):
    with counts() as grown:
        for path in ("/user/sessions/", "/user/sessions", f"/user/sessions/?phone={PHONE}"):
            alice.get(path)
        alice.client.head("/health/live/")
        alice.send("delete", f"/user/sessions/{'A' * 22}/")
        alice.send("delete", f"/user/sessions/{'B' * 22}")
        alice.client.get("/admin/login/")
        alice.client.get("/admin/people/person/1/change/")
        b"".join(alice.client.get("/static/web/pages.css"))
        alice.client.get("/")
        alice.client.put("/user/login/")
    expected = [
        ("GET", "/user/sessions", "200", 3),
        ("HEAD", "/health/live", "200", 1),
        ("DELETE", "/user/sessions/{session_id}", "404", 2),
        ("GET", "/admin", "200", 1),
        ("GET", "/admin", "302", 1),
        ("GET", "/static", "200", 1),
        ("GET", "/", "200", 1),
        ("PUT", "/user/login", "405", 1),
        ("GET", "/metrics", "200", 1),
    ]
    for method, route, status, number in expected:
        assert grown("http_requests_total", method=method, route=route, status=status) == number, route
    assert grown("http_request_duration_seconds_count", route="/user/sessions") == 3
    assert 0 < grown("http_request_duration_seconds_sum", route="/user/sessions") < 10
    assert grown("http_request_duration_seconds_bucket", route="/user/sessions", le="+Inf") == 3


def test_whatever_is_asked_for_makes_no_more_series(db, counts):
    odd = [f"/nothing/{number}/" for number in range(30)] + ["/static/nothing.css", "/user/login/x", "/%D0%96", "/a//b"]
    Client().get("/nothing/")
    Client().generic("BREW", "/nothing/")
    before = set(read())
    with counts() as grown:
        for path in odd:
            Client().get(path)
        for method in ("BREW", "X" * 100):
            Client().generic(method, "/nothing/")
        Client(headers={"Host": "evil.example"}).get("/user/sessions/")
    assert grown("http_requests_total", method="GET", route="unknown", status="404") == len(odd)
    assert grown("http_requests_total", method="unknown", route="unknown", status="404") == 2
    new = {labels for name, labels in set(read()) - before if name == "guestlist_http_requests_total"}
    assert {dict(labels)["route"] for labels in new} <= {"unknown", "/metrics"}


def test_events_are_counted_with_their_reasons(guest, counts, django_capture_on_commit_callbacks):
    with counts() as grown, django_capture_on_commit_callbacks(execute=True):
        alice = guest(PHONE)
        code = alice.ask().json()["code"]
        alice.confirm(wrong(code))
        alice.confirm(code)
        alice.confirm(code)
    assert grown("events_total", event="code.asked", reason="") == 1
    assert grown("events_total", event="code.wrong", reason="") == 1
    assert grown("events_total", event="registered", reason="") == 1
    assert grown("events_total", event="code.refused", reason="code_expired") == 1


def test_refusals_that_the_audit_trail_leaves_out_are_counted(guest, counts, django_capture_on_commit_callbacks):
    with counts() as grown, django_capture_on_commit_callbacks(execute=True):
        for number in range(7):
            guest(f"+7900000000{number}").confirm("0000", challenge="A" * 22)
    assert grown("events_total", event="code.refused", reason="code_expired") == 7


def test_a_limit_is_counted_by_its_name(guest, live, counts, django_capture_on_commit_callbacks):
    with counts() as grown, django_capture_on_commit_callbacks(execute=True):
        guest(PHONE).ask()
        assert guest(PHONE).ask().status_code == 429
    assert grown("events_total", event="limit.refused", reason="CODES_PAUSE") == 1


def test_a_reason_that_somebody_typed_is_no_label(db, counts, django_capture_on_commit_callbacks):
    with counts() as grown, django_capture_on_commit_callbacks(execute=True):
        audit.record("invite.undone", phone=PHONE, reason="typed by hand", by="olga")
    assert grown("events_total", event="invite.undone", reason="") == 1
    assert "typed by hand" not in Client().get("/metrics").content.decode()


def test_what_is_rolled_back_is_not_counted(db, counts, django_capture_on_commit_callbacks):
    @sql.in_one_transaction
    def failing() -> None:
        audit.record("never.happened")
        raise ZeroDivisionError

    with counts() as grown, django_capture_on_commit_callbacks(execute=True), pytest.raises(ZeroDivisionError):
        failing()
    assert grown("events_total", event="never.happened", reason="") == 0


def test_messages_are_counted_and_timed_by_gateway(guest, counts, live, carried_by):
    class Failing:
        name, channels = "http", ("sms",)

        def send(self, message, seconds):
            raise Unavailable()

    with counts() as grown:
        guest(PHONE).ask()
        carried_by(Failing())
        assert is_problem(guest("+79005556677").ask(), 503, "delivery_failed")
    assert grown("messages_sent_total", gateway="http", state="sent") == 1
    assert grown("messages_sent_total", gateway="http", state="failed") == 1
    assert grown("gateway_asked_total", gateway="http", state="failed") == 1
    assert grown("message_duration_seconds_count", gateway="http") == 2


def test_the_days_budget_is_that_of_the_limits(guest, live, settings):
    settings.SMS_DAILY_BUDGET = 50
    noon = clock.now().replace(hour=12)
    with clock.at(noon):
        assert (value(read(), "sms_budget"), value(read(), "sms_budget_used")) == (50, 0)
        for number in range(3):
            guest(f"+7900000000{number}").ask()
        guest("+79000000000").ask()  # refused: sooner than after a minute
        assert value(read(), "sms_budget_used") == 3
    with clock.at(noon + timedelta(days=1)):
        assert value(read(), "sms_budget_used") == 0


def test_the_relaxed_sandbox_uses_no_budget(guest):
    guest(PHONE).ask()
    assert value(read(), "sms_budget_used") == 0


def test_the_breaker_and_what_it_counts_can_be_seen(guest, settings):
    settings.LIMITS = "on"
    now = clock.now()
    Guess.objects.bulk_create(
        Guess(phone=f"+7900{number:07}", device=device, digits=digits, address="", guessed_at=now - age)
        for device, digits, age, many in (
            ("", 4, timedelta(hours=1), 299),
            ("", 4, timedelta(days=3), 100),
            ("", 4, timedelta(days=31), 10),
            ("", 6, timedelta(hours=1), 10),
            ("known", 4, timedelta(hours=1), 10),
        )
        for number in range(many)
    )
    with clock.at(now):
        found = read()
        assert [value(found, name) for name in ("wrong_guesses_day", "wrong_guesses_month", "breaker_open")] == [
            299,
            399,
            0,
        ]
        alice = guest(PHONE)
        alice.confirm(wrong(alice.ask().json()["code"]))
        found = read()
        assert [value(found, name) for name in ("wrong_guesses_day", "wrong_guesses_month", "breaker_open")] == [
            300,
            400,
            1,
        ]


def test_looking_writes_nothing(db, django_assert_num_queries, settings):
    settings.LIMITS = "on"
    read()
    with django_assert_num_queries(8) as done:  # budget, breaker three times, people, queue twice, rests
        read()
    assert all(query["sql"].startswith("SELECT ") for query in done.captured_queries)


def test_people_are_counted(alice, bob):
    assert value(read(), "people") == 2


def test_without_a_database_counts_are_shown_and_figures_are_missing(db, monkeypatch):
    assert value(read(), "database_up") == 1
    tried = []

    def away(statement: str, *values: Any) -> None:
        tried.append(statement)
        raise OperationalError("no answer")

    monkeypatch.setattr(sql, "rows", away)
    monkeypatch.setattr(sql, "row", away)
    found = read()
    assert found["guestlist_database_up", ()] == 0
    assert ("guestlist_people", ()) not in found
    assert value(found, "http_requests_total", method="GET", route="/metrics", status="200") > 0
    assert len(tried) == 1  # each of them might wait five seconds


# ---- what never does


def test_after_many_sign_ins_it_holds_no_number_no_address_no_code_and_no_token(
    db, settings, django_capture_on_commit_callbacks
):
    """C37. Codes of 8 digits, which no count here reaches."""
    settings.CODE_DIGITS = 8
    secrets = set()
    with django_capture_on_commit_callbacks(execute=True):
        for number in range(20):
            guest = Guest(f"+7900{number:07}", **({"Sec-Fetch-Site": "same-origin"} if number % 2 else {}))
            guest.client.defaults["REMOTE_ADDR"] = "198.51.100.77"
            asked = guest.ask(device="D" * 22).json()
            guest.confirm(wrong(asked["code"]), invite_code="ZZZZZZ")
            answer = guest.confirm(asked["code"], invite_code="ZZZZZZ").json()
            guest.get(f"/user/sessions/?token={answer['token']}")
            secrets |= {guest.phone, guest.phone[2:], asked["code"], wrong(asked["code"]), asked["challenge"]}
            secrets |= {str(answer["token"] or "-" * 9), str(answer["device"] or "-" * 9), answer["expires_at"]}
            secrets |= {cookie.value for cookie in guest.client.cookies.values() if cookie.value}
    text = Client().get("/metrics").content.decode()
    assert "code.wrong" in text
    assert [secret for secret in [*secrets, "198.51.100", "ZZZZZZ", "127.0.0.1"] if secret in text] == []


# ---- several processes


def sign_in_over(url: str, phone: str) -> None:
    challenge = call(url, "POST", "/user/login/", {"phone": phone})
    body = {"phone": phone, "code": challenge["code"], "challenge": challenge["challenge"]}
    assert call(url, "POST", "/user/confirm/", body)["login"]


def call(url: str, method: str, path: str, body: Any = None) -> Any:
    """One request on a connection of its own, so that either process may take it; again where one has just died."""
    for _ in range(50):
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
        try:
            headers = {"Content-Type": "application/json"} if body else {}
            connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            assert answer.status < 300, text
            return json.loads(text) if answer.headers["Content-Type"].startswith("application/json") else text
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise AssertionError(f"{url} does not answer")


def lives(found: Samples) -> float:
    return value(found, "http_requests_total", method="GET", route="/health/live", status="200")


def workers(folder: Path) -> set[int]:
    return {int(name) for file in folder.glob("counter_*.db") if (name := file.stem.partition("_")[2]).isdigit()}


@pytest.mark.race
def test_two_processes_answer_as_one_and_a_crash_takes_nothing_away(tmp_path):
    with servers.running(
        f"sqlite:///{tmp_path / 'guestlist.sqlite3'}", WEB_CONCURRENCY="2", SANDBOX_DELAY="0", TMPDIR=str(tmp_path)
    ) as url:
        (folder,) = tmp_path.glob("*.counts")
        assert folder.stat().st_mode & 0o777 == 0o700
        done = 0
        while len(workers(folder)) < 2 or done < 60:
            call(url, "GET", "/health/live/")
            done += 1
        sign_in_over(url, PHONE)
        sign_in_over(url, "+79005556677")
        for _ in range(10):  # whichever answers; `samples` refuses what stands twice
            found = samples(call(url, "GET", "/metrics"))
            assert lives(found) == done
            assert value(found, "people") == 2
            assert value(found, "messages_sent_total", gateway="simulated", state="delivered") == 2
            assert value(found, "events_total", event="registered", reason="") == 2
            assert value(found, "http_request_duration_seconds_count", route="/health/live") == done

        crashed = min(workers(folder))
        os.kill(crashed, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while len(workers(folder) - {crashed}) < 2:  # the next one in its place has counted something
            assert time.monotonic() < deadline
            call(url, "GET", "/health/live/")
            done += 1
        found = samples(call(url, "GET", "/metrics"))
        assert done <= lives(found) <= done + 1  # a request that was cut off may have been counted
        assert crashed not in workers(folder)
        assert {file.name for file in folder.glob("*_ended.db")} == {"counter_ended.db", "histogram_ended.db"}
        assert samples(call(url, "GET", "/metrics")).keys() >= found.keys()
        assert lives(samples(call(url, "GET", "/metrics"))) == lives(found)


@pytest.mark.race
def test_a_start_sweeps_what_ended_servers_left_and_nothing_else(tmp_path):
    folder = tmp_path / "shared"
    folder.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (folder / "guestlist-link.counts").symlink_to(tmp_path / "elsewhere")
    (folder / "guestlist-file.counts").write_text("")
    (folder / "other.counts").mkdir()
    foreign = {"guestlist-link.counts", "guestlist-file.counts", "other.counts"}

    def folders() -> set[str]:
        return {found.name for found in folder.iterdir()} - foreign

    def running(name: str, processes: str) -> Any:
        database = f"sqlite:///{tmp_path / name}.sqlite3"
        return servers.running(database, WEB_CONCURRENCY=processes, TMPDIR=str(folder))

    with running("one", "2"):
        (first,) = folders()
        with running("two", "2"):
            assert first in folders()
            assert len(folders()) == 2
        with running("three", "1"):
            assert folders() == {first}
    with running("four", "1"):
        assert folders() == set()
    assert foreign <= {found.name for found in folder.iterdir()}
    assert (tmp_path / "elsewhere").is_dir()


def test_where_no_folder_can_be_made_a_start_of_several_processes_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(shared_counts.tempfile, "tempdir", str(tmp_path / "nothing"))
    with pytest.raises(OSError, match="nothing"):
        shared_counts.new_folder()
