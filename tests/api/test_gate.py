"""The gate: requests take turns before Django is entered, and whoever sends slowly keeps nobody waiting."""

import io
import json
import threading

import pytest
from django.core.handlers.wsgi import WSGIHandler

from guestlist.api import door, gate
from guestlist.lib import sql

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


def test_only_so_many_write_at_once_and_who_reads_does_not_wait_for_them(monkeypatch):
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
    other = gate.gate(lambda environ, _: read.append(environ["PATH_INFO"]) or [])
    other(environ(io.BytesIO(), "/user/user-profile/", "GET"), None)
    other(environ(io.BytesIO(PHONE), "/admin/people/person/"), None)
    other(environ(io.BytesIO(PHONE), "/signin/", length=str(door.LARGEST_BODY + 1)), None)  # it may come slowly
    assert read == ["/user/user-profile/", "/admin/people/person/", "/signin/"]  # while all places are taken
    go_on.set()
    for thread in crowd:
        thread.join(5)
    assert len(most) == 6
    assert max(most) == 2


@pytest.mark.django_db(transaction=True)
def test_for_whom_no_turn_comes_can_read_that_from_a_listed_origin_too(monkeypatch, settings):
    monkeypatch.setattr(sql, "PATIENCE", 0.01)
    monkeypatch.setattr(sql, "_crowd", taken := threading.BoundedSemaphore(1))
    taken.acquire()
    settings.CORS_ORIGINS = ["https://app.example.org"]
    told: dict[str, str] = {}
    asked = environ(io.BytesIO(PHONE)) | {"HTTP_ORIGIN": "https://app.example.org", "HTTP_ACCEPT": "text/html"}
    answer = gate.gate(WSGIHandler())(asked, lambda _, headers: told.update(headers))
    answer.close()  # type: ignore[attr-defined]
    assert told["Content-Type"] == "application/problem+json"
    assert told["Access-Control-Allow-Origin"] == "https://app.example.org"


@pytest.mark.parametrize("length", [str(len(PHONE)), str(len(PHONE)).zfill(9)])
def test_a_length_that_the_door_takes_waits_for_its_turn(monkeypatch, length):
    monkeypatch.setattr(sql, "PATIENCE", 0.01)
    monkeypatch.setattr(sql, "_crowd", taken := threading.BoundedSemaphore(1))
    taken.acquire()
    late = []
    gate.gate(lambda environ, _: late.append(door.LATE in environ) or [])(
        environ(io.BytesIO(PHONE), length=length), None
    )
    assert late == [True]


def test_only_so_many_read_at_once(monkeypatch):
    monkeypatch.setattr(gate, "_readers", threading.BoundedSemaphore(1))
    inside, go_on, order = threading.Event(), threading.Event(), []

    def act(environ, _):
        order.append(environ["QUERY_STRING"])
        inside.set()
        assert go_on.wait(5)
        return []

    entered = gate.gate(act)
    asked = [environ(io.BytesIO(), "/user/user-profile/", "GET") | {"QUERY_STRING": name} for name in ("a", "b")]
    readers = [threading.Thread(target=entered, args=(one, None)) for one in asked]
    readers[0].start()
    assert inside.wait(5)
    readers[1].start()
    gate.gate(lambda environ, _: order.append(environ["PATH_INFO"]) or [])(
        environ(io.BytesIO(), "/health/live/", "GET"), None
    )
    assert order == ["a", "/health/live/"]  # probes need no turn
    go_on.set()
    for reader in readers:
        reader.join(5)
    assert order == ["a", "/health/live/", "b"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("path", "method"), [("/user/login/", "POST"), ("/user/user-profile/", "GET")])
def test_for_whom_no_turn_comes_is_told_so(path, method, monkeypatch):
    monkeypatch.setattr(sql, "PATIENCE", 0.01)
    for room, name in ((sql, "_crowd"), (gate, "_readers")):
        taken = threading.BoundedSemaphore(1)
        taken.acquire()
        monkeypatch.setattr(room, name, taken)
    status, problem = answered(environ(io.BytesIO(PHONE), path, method))
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
