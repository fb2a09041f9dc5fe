"""Many at once at an edge, two processes, each database: the day's budget, and the room of a sandbox that is open."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests import servers
from tests.race.test_limits import names
from tests.race.test_races import fresh_phone
from tests.race.wire import one, request, volley

pytestmark = pytest.mark.race

QUICK = {"WEB_CONCURRENCY": "2", "SANDBOX_DELAY": "0", **servers.FAR_AWAY}


def looked_up(database: str, expression: str) -> Any:
    """What an expression over the models gives, in a process of its own."""
    script = (
        "import json; from datetime import timedelta; from guestlist.lib import clock, dying;"
        "from guestlist.lib.models import AuditLine; from guestlist.people.models import Person;"
        f"print(json.dumps({expression}))"
    )
    environment = {**os.environ, "DATABASE_URL": database}
    command = [sys.executable, str(servers.ROOT / "manage.py"), "shell", "-v", "0", "-c", script]
    return json.loads(subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout)


def test_of_a_hundred_and_fifty_asks_at_once_eighty_are_sent_and_one_raises_the_alarm(fresh_database):
    """C66."""
    with servers.running(fresh_database, LIMITS="on", SMS_DAILY_BUDGET="100", **QUICK) as url:
        asks = [request("/user/login/", {"phone": fresh_phone()}) for _ in range(150)]
        answers = names([answer for start in (0, 50, 100) for answer in volley(url, asks[start : start + 50])])
    assert answers["too_many_requests"] == 70
    assert answers.total() == 150
    alarms = "list(AuditLine.objects.filter(event='budget.low').values_list('facts', flat=True))"
    assert looked_up(fresh_database, alarms) == ["used=80 budget=100"]


def test_of_forty_new_people_at_once_ten_find_room(fresh_database):
    room = {"SANDBOX": "yes", "ALLOWED_HOSTS": "guests.example", "PEOPLE_MAX": "10"}
    with servers.running(fresh_database, **room, **QUICK) as url:
        asked = [one(url, "/user/login/", {"phone": fresh_phone()}).body for _ in range(40)]
        right = [{name: code[name] for name in ("phone", "code", "challenge")} for code in asked]
        assert names(volley(url, [request("/user/confirm/", body) for body in right])) == {"ok": 10, "sandbox_full": 30}
    assert looked_up(fresh_database, "Person.objects.count()") == 10


def test_the_last_place_is_one_persons_who_comes_twice_at_once(fresh_database):
    room = {"SANDBOX": "yes", "ALLOWED_HOSTS": "guests.example", "PEOPLE_MAX": "1"}
    with servers.running(fresh_database, **room, **QUICK) as url:
        phone = fresh_phone()
        asked = [one(url, "/user/login/", {"phone": phone}).body for _ in range(10)]
        right = [{name: code[name] for name in ("phone", "code", "challenge")} for code in asked]
        assert names(volley(url, [request("/user/confirm/", body) for body in right])) == {"ok": 10}
    assert looked_up(fresh_database, "Person.objects.count()") == 1
