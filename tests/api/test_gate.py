"""The gate: asks take turns before Django is entered, and whoever sends slowly keeps nobody waiting."""

import io
import json
import threading

import pytest
from django.core.handlers.wsgi import WSGIHandler

from guestlist.api import door, gate
from guestlist.lib import sql
from guestlist.lib.databases import NoneFree

PHONE = json.dumps({"phone": "+79001112233"}).encode()


class Slow(io.BytesIO):
    """A body whose sender waits."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.begun, self.go_on = threading.Event(), threading.Event()

    def read(self, size: int | None = -1) -> bytes:
        self.begun.set()
        assert self.go_on.wait(5)
        return super().read(size)


def environ(body: io.BytesIO, path: str = "/user/login/", method: str = "POST", length: str | None = None) -> dict:
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(PHONE)) if length is None else length,
        "HTTP_HOST": "127.0.0.1:8000",
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "wsgi.url_scheme": "http",
        "wsgi.input": body,
        "wsgi.errors": io.StringIO(),
    }


def answered(asked: dict) -> tuple[int, dict]:
    statuses: list[int] = []
    answer = gate.gate(WSGIHandler())(asked, lambda status, _: statuses.append(int(status.split()[0])))
    body = b"".join(answer)
    answer.close()  # type: ignore[attr-defined]
    return statuses[0], json.loads(body)


def in_turn(asked: dict, results: list) -> threading.Thread:
    entered = gate.gate(lambda environ, _: results.append(environ["wsgi.input"].read()) or [])
    thread = threading.Thread(target=entered, args=(asked, None))
    thread.start()
    return thread


def test_a_slow_sender_keeps_nobody_waiting(monkeypatch):
    monkeypatch.setattr(sql, "_crowd", threading.BoundedSemaphore(1))
    slow, order = Slow(PHONE), []
    late = in_turn(environ(slow), order)
    assert slow.begun.wait(5)
    in_turn(environ(io.BytesIO(b"quick" + PHONE), length="5"), order).join(5)
    assert order == [b"quick"]
    slow.go_on.set()
    late.join(5)
    assert order == [b"quick", PHONE]


def test_only_so_many_asks_are_inside_at_once(monkeypatch):
    monkeypatch.setattr(sql, "_crowd", threading.BoundedSemaphore(2))
    inside, most, go_on = [], [], threading.Event()

    def act(environ, _):
        inside.append(1)
        most.append(len(inside))
        assert go_on.wait(5)
        inside.pop()
        return []

    entered = gate.gate(act)
    crowd = [threading.Thread(target=entered, args=(environ(io.BytesIO(PHONE)), None)) for _ in range(6)]
    for thread in crowd:
        thread.start()
    read = []
    gate.gate(lambda *_: read.append("read") or [])(environ(io.BytesIO(), "/user/user-profile/", "GET"), None)
    assert read == ["read"]  # while all places are taken
    go_on.set()
    for thread in crowd:
        thread.join(5)
    assert len(most) == 6
    assert max(most) == 2


@pytest.mark.django_db(transaction=True)
def test_for_whom_no_turn_comes_is_told_so(monkeypatch):
    def none_free():
        raise NoneFree("too many")

    monkeypatch.setattr(sql, "_join_crowd", none_free)
    status, problem = answered(environ(io.BytesIO(PHONE)))
    assert (status, problem["code"], problem["retry_after"]) == (503, "unavailable", 5)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("body", "length", "status"),
    [
        (PHONE, None, 201),
        (PHONE[:-1], None, 400),  # it ended before its end
        (PHONE, "", 400),
        (PHONE, "many", 400),
        (PHONE, "-1", 400),
        (PHONE, str(door.LARGEST_BODY + 1), 413),
        (PHONE, "9" * 40, 413),
    ],
)
def test_bodies_are_judged_by_the_door_as_everywhere(body, length, status, settings):
    settings.SANDBOX_DELAY = (0.0, 0.0)
    assert answered(environ(io.BytesIO(body), length=length))[0] == status
