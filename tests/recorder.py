"""Every statement that a day of the service asks its database: recorded while people live through it, in this process.

For the test that explains them among thousands of people, and for `python -m bench.growth`, among millions.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.test import Client, override_settings

from guestlist.delivery import courier
from guestlist.lib import audit, sweeper
from guestlist.signin import guard, pumping
from tests.guests import Guest, wrong

NEW, RETURNING = "+79001112233", "+79005556677"
AUDIENCE = "https://reports.example.org"
HOST = {"Host": "127.0.0.1"}
Recorded = dict[str, Any]


@contextmanager
def recording() -> Iterator[Recorded]:
    """Every statement of this thread's connection, with the values that it had the first time."""
    found: Recorded = {}

    def note(execute, statement, values, many, context):
        first = next(iter(values), ()) if many else values
        found.setdefault(str(statement), first)
        return execute(statement, values, many, context)

    with connection.execute_wrapper(note):
        yield found


@contextmanager
def strictly() -> Iterator[None]:
    """With all limits, without the sandbox's delay, and as a process that has just been started."""
    with override_settings(LIMITS="on", JWT_AUDIENCES=[AUDIENCE], SANDBOX_DELAY=(0.0, 0.0)):
        _forget()
        yield
        _forget()


def a_day(host: str) -> None:
    """What people do, and the worker, and the sweeper. `host` is the bearer token of somebody who invited many.

    Afterwards two people are there who were not, and what was past its use is gone.
    """
    reader = Client(headers={"Authorization": f"Bearer {host}", **HOST})
    profile = reader.get("/user/user-profile/").json()
    path, pages = profile["activeusers_next"], 0
    while path and pages < 3:
        path, pages = reader.get(path).json()["next"], pages + 1
    assert pages, "the host has no more than a page of invitees"
    for address in ("/", "/health/ready/", "/metrics", "/sandbox/inbox/"):
        assert Client(headers=HOST).get(address).status_code == 200, address
    somebody = _sign_in(Guest(NEW, **HOST))
    assert somebody.activate("ZZZZZZ").status_code == 404
    assert somebody.activate(profile["invite_code"]).status_code == 200
    assert somebody.post("/user/user-profile/", {"username": "Анна"}).status_code == 200
    assert somebody.post("/user/token/", {"audience": AUDIENCE}).status_code == 200
    assert somebody.get("/user/sessions/").status_code == 200
    assert somebody.send("delete", "/user/sessions/").status_code == 200
    assert somebody.post("/user/logout/", {}).status_code == 200
    with override_settings(DELIVERY="worker"):
        assert Guest(RETURNING, **HOST).ask().json()["delivery"] == "queued"
        worker = courier.Courier(4)
        while worker.turn() or worker.is_busy():
            time.sleep(0.005)
    sweeper.sweep()


def _sign_in(guest: Guest) -> Guest:
    """With a wrong guess, and again on the device that is known then."""
    asked = guest.ask().json()
    assert guest.ask(challenge=asked["challenge"]).status_code == 429
    assert guest.send("post", "/user/login/state/", {"challenge": asked["challenge"]}).status_code == 200
    code, challenge = asked["code"], asked["challenge"]
    assert guest.confirm(wrong(code), challenge=challenge).status_code == 400
    confirmed = guest.confirm(code, challenge=challenge).json()
    guest.token = confirmed["token"]
    asked = guest.ask(device=confirmed["device"]).json()
    answer = guest.confirm(asked["code"], challenge=asked["challenge"], device=confirmed["device"])
    guest.token = answer.json()["token"]
    return guest


def _forget() -> None:
    audit._floods.clear()
    pumping._judged.clear()
    guard._limit = None
