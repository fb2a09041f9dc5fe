"""The stamp: a database belongs to the sandbox or is live, and no start mixes the two."""

import os
import subprocess
import sys
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from guestlist.api import door, service
from guestlist.delivery import stamp
from guestlist.invites.models import Activation, JournalLine, LedgerLine, Tally
from guestlist.lib.models import AuditLine, Usage
from guestlist.lib.refusals import Refusal
from guestlist.people.models import Person
from guestlist.signin.models import Challenge, Device, Guess, Session
from tests import provider as providers
from tests import servers
from tests.guests import is_problem

pytestmark = pytest.mark.django_db


def test_the_first_start_stamps_and_the_next_ones_fit():
    assert stamp.stamped() is None
    stamp.check()
    assert stamp.stamped() == "sandbox"
    stamp.check()


def test_a_live_start_on_a_sandboxs_database_is_refused_and_names_the_setting(settings):
    stamp.check()
    settings.IS_SANDBOX = False
    with pytest.raises(stamp.Misfit, match=r"SMS_GATEWAYS.*golive"):
        stamp.check()
    with pytest.raises(Refusal, match="database"):
        stamp.check_before_serving()


def test_a_sandboxs_start_on_a_live_database_is_refused_and_names_the_setting(settings):
    settings.IS_SANDBOX = False
    stamp.check()
    settings.IS_SANDBOX = True
    with pytest.raises(stamp.Misfit, match="SMS_GATEWAYS"):
        stamp.check()


def test_golive_deletes_everybody_and_keeps_the_audit_trail(alice, bob, settings):
    stamp.check()
    alice.activate(bob.profile()["invite_code"])
    before = AuditLine.objects.count()
    settings.IS_SANDBOX = False
    told = StringIO()
    call_command("golive", "--yes", stdout=told)
    assert "2 people" in told.getvalue()
    assert stamp.stamped() == "live"
    for gone in (Person, Session, Device, Challenge, Guess, Activation, LedgerLine, Tally, JournalLine, Usage):
        assert not gone.objects.exists(), gone
    assert alice.get("/user/user-profile/").status_code == 401
    assert AuditLine.objects.filter(event="went.live").exists()
    assert AuditLine.objects.count() == before + 1
    stamp.check()


def test_golive_asks_first_and_happens_once(alice, settings, monkeypatch):
    stamp.check()
    with pytest.raises(CommandError, match="SMS_GATEWAYS"):
        call_command("golive", "--yes")
    settings.IS_SANDBOX = False
    monkeypatch.setattr("builtins.input", lambda _: "yes")
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("golive", stdout=StringIO())
    assert Person.objects.exists()
    call_command("golive", "--yes", stdout=StringIO())
    with pytest.raises(CommandError, match="live already"):
        call_command("golive", "--yes")


def test_before_the_first_migration_golive_says_so(monkeypatch, settings):
    settings.IS_SANDBOX = False
    monkeypatch.setattr(stamp.models, "STAMP", "SELECT kind FROM no_such_table")
    with pytest.raises(CommandError, match="DATABASE_URL"):
        call_command("golive", "--yes")
    connection.needs_rollback = False


def test_any_server_answers_503_until_gateways_and_database_fit(client, settings, monkeypatch):
    stamp.check()
    settings.IS_SANDBOX = False
    monkeypatch.setattr(door, "before_first_request", stamp.check_before_serving)
    assert is_problem(client.get("/user/user-profile/"), 503, "unavailable")
    assert client.get("/", headers={"Accept": "text/html"}).status_code == 503
    assert client.get("/health/live/").status_code == 200
    settings.IS_SANDBOX = True
    assert client.get("/").status_code == 200
    assert door.before_first_request is None


def test_a_server_is_not_ready_before_they_fit(client, settings, monkeypatch):
    stamp.check()
    monkeypatch.setattr(service, "_is_migrated", False)
    settings.IS_SANDBOX = False
    for _ in range(2):
        assert is_problem(client.get("/health/ready/"), 503, "unavailable")
    settings.IS_SANDBOX = True
    assert client.get("/health/ready/").status_code == 200


def test_a_sandbox_that_still_runs_when_the_database_goes_live_signs_nobody_in(guest, settings):
    stamp.check()
    alice = guest("+79001112233")
    settings.IS_SANDBOX = False
    call_command("golive", "--yes", stdout=StringIO())
    settings.IS_SANDBOX = True  # as the process has it that nobody stopped
    code = alice.ask().json()["code"]
    assert is_problem(alice.confirm(code), 503, "unavailable")
    assert not Person.objects.exists()
    assert not Session.objects.exists()
    assert is_problem(alice.get("/health/ready/"), 503, "unavailable")


def serve(database: str, **environment: str) -> subprocess.CompletedProcess[str]:
    port = str(servers.free_port())
    return subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=servers.ROOT,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": database, "PORT": port, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_real_start_is_refused_both_ways_until_golive(tmp_path):
    database = f"sqlite:///{tmp_path / 'guestlist.sqlite3'}"
    with providers.answering() as provider:
        live = providers.live_settings(provider)
        with servers.running(database):
            pass
        refused = serve(database, **live)
        assert refused.returncode != 0
        assert "SMS_GATEWAYS" in refused.stderr
        golive = [sys.executable, "manage.py", "golive", "--yes"]
        environment = {"PATH": os.environ["PATH"], "DATABASE_URL": database, **live}
        subprocess.run(golive, cwd=servers.ROOT, env=environment, check=True, capture_output=True)
        refused = serve(database, OPERATOR_NAME="devadmin", OPERATOR_PASSWORD="long enough 42")
        assert refused.returncode != 0
        assert "SMS_GATEWAYS" in refused.stderr
        assert "devadmin" not in refused.stderr  # nothing is done to a database that is not ours to serve
        with servers.running(database, **live):
            pass
