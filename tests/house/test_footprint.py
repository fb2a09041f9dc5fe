"""A process loads what it needs: nothing of other gateways, of Redis, of keys for tokens, before they are used."""

import json
import os
import subprocess
import sys
from itertools import pairwise

import pytest

from bench import footprint, processes
from tests import servers

WEB = footprint.EVERYTHING
WORKER = (
    "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'guestlist.settings'; import django; django.setup();"
    "import guestlist.web.management.commands.deliver"
)
NOT_NEEDED = ("redis", "joserfc", "cryptography", "urllib3", "requests", "segno", "apprise", "pytest")
GATEWAYS = "guestlist.delivery.gateways."


def loaded(code: str, tmp_path, **settings: str) -> set[str]:
    """The modules of a process that has run this."""
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": f"sqlite:///{tmp_path / 'guestlist.sqlite3'}",
        **settings,
    }
    command = [sys.executable, "-c", f"{code}; import json, sys; print(json.dumps(list(sys.modules)))"]
    ran = subprocess.run(command, cwd=servers.ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    return set(json.loads(ran.stdout.splitlines()[-1]))


@pytest.mark.parametrize("code", [WEB, WORKER], ids=["web", "worker"])
def test_what_is_not_needed_is_not_loaded(tmp_path, code):
    found = loaded(code, tmp_path)
    assert "guestlist.delivery.courier" in found
    assert {name for name in NOT_NEEDED if name in found} == set()
    kinds = ("twilio", "vonage", "sns", "smsru", "smsc", "smsaero", "exolve", "telegram", "http", "apprise")
    assert {name for name in kinds if f"{GATEWAYS}{name}" in found} == set()


def test_all_that_requests_need_is_loaded_at_the_start_and_never_looked_through_for_garbage(tmp_path):
    code = "import gc, guestlist.wsgi; kept = gc.get_freeze_count(), len(gc.get_objects()); print(*kept)"
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": f"sqlite:///{tmp_path / 'guestlist.sqlite3'}"}
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, cwd=servers.ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    frozen, young = map(int, ran.stdout.split())
    assert frozen > 50_000
    assert young < frozen / 50
    assert "guestlist.api.urls" in loaded("import guestlist.wsgi", tmp_path)


def test_a_worker_has_nothing_of_the_web_api(tmp_path):
    found = loaded(WORKER, tmp_path)
    assert {name for name in ("ninja", "pydantic", "guestlist.api.urls", "guestlist.urls") if name in found} == set()
    assert {"ninja", "guestlist.urls"} <= loaded(WEB, tmp_path)  # the test itself


def test_what_a_live_service_needs_is_loaded(tmp_path):
    live = {"SMS_GATEWAYS": "smsru", "SMSRU_API_ID": "an id of ours"}
    found = loaded(WEB, tmp_path, **live)
    assert {"urllib3", f"{GATEWAYS}smsru"} <= found
    assert f"{GATEWAYS}twilio" not in found


def test_the_time_of_imports_is_added_up_by_package():
    told = (
        "import time: self [us] | cumulative | imported package\n"
        "import time:      1500 |       1500 |     django.conf\n"
        "import time:       500 |       2000 |   django\n"
        "import time:      3000 |       3000 | ninja.main\n"
    )
    assert footprint.by_package(told) == (5.0, {"ninja": 3.0, "django": 2.0})


def test_a_family_is_a_process_and_all_that_it_has_started():
    script = (
        "import subprocess, sys; child = subprocess.Popen(['sleep', '60']); print(child.pid, flush=True);"
        "sys.stdin.read(); child.kill()"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        try:
            assert processes.family(parent.pid) == [parent.pid, child]
            whole = processes.together([parent.pid, child])
            parts = [processes.taken(pid) for pid in (parent.pid, child)]
            assert whole.threads == sum(one.threads for one in parts) == 2
            assert whole.files == sum(one.files for one in parts) >= 6
            assert processes.together([parent.pid, 2**22 + 1]).threads == 1  # one that has ended counts nothing
        finally:
            parent.stdin.close()
    sizes = [processes.taken(os.getpid()).rss, 2**20]
    assert all(one > other for one, other in pairwise(sizes))
