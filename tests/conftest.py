"""Fixtures: guests who sign in by the two real requests, a clock that is given, real servers on every database."""

import os
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from hypothesis import settings as hypothesis
from whitenoise.middleware import WhiteNoiseMiddleware

from guestlist.delivery import rests, routing
from guestlist.delivery.gateways import Gateway, Outgoing, Receipt
from guestlist.lib import clock
from tests import servers
from tests.guests import Guest

hypothesis.register_profile("house", deadline=None)  # a busy machine is no fault
hypothesis.load_profile("house")


@pytest.fixture(scope="session", autouse=True)
def _static_files_are_looked_for_once() -> Iterator[None]:
    """Every client makes its middleware anew; to find the same files on the disk each time took most of a test."""
    look, found = WhiteNoiseMiddleware.add_files_from_finders, {}

    def look_once(middleware: WhiteNoiseMiddleware) -> None:
        if not found:
            look(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", look_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _operators_passwords_are_hashed_in_no_time() -> Iterator[None]:
    """By the same algorithm in one round; real servers take Django's number of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PBKDF2PasswordHasher, "iterations", 1)
        yield


@pytest.fixture(autouse=True)
def _no_delay(settings) -> None:
    """The sandbox answers at once; the delay has tests of its own."""
    settings.SANDBOX_DELAY = (0.0, 0.0)


@pytest.fixture(autouse=True)
def _the_clock_runs_on() -> Iterator[None]:
    """Threads that hold the clock and let go of it crosswise would leave it standing for the tests that follow."""
    yield
    clock._source = clock._system


@pytest.fixture
def guest(db) -> Callable[..., Guest]:
    """Makes guests: `guest("+79001112233")` has a client of its own and has not signed in."""
    return Guest


class Sink:
    """A live gateway that keeps what it was given."""

    name, channels = "http", ("sms",)

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []

    def send(self, message: Outgoing, seconds: float) -> Receipt:
        self.sent.append(message)
        return Receipt()

    def code_for(self, phone: str) -> str:
        """The code in the newest message to this number."""
        text = next(message.text for message in reversed(self.sent) if message.phone == phone)
        return text.splitlines()[-1].rpartition("#")[2]


@pytest.fixture
def carried_by(monkeypatch) -> Callable[..., None]:
    """Makes these gateways the only ones, in this order: `carried_by(sink)`."""

    def only(*gateways: Gateway) -> None:
        monkeypatch.setattr(routing, "gateways", lambda: {gateway.name: gateway for gateway in gateways})

    return only


@pytest.fixture
def live(settings, carried_by) -> Sink:
    """The service is live, with limits; what it sends can be read here."""
    sink = Sink()
    settings.IS_SANDBOX, settings.LIMITS = False, "on"
    carried_by(sink)
    return sink


@pytest.fixture(autouse=True)
def _every_gateway_is_well(monkeypatch) -> None:
    """What one test has seen fail, another one does not remember."""
    monkeypatch.setattr(rests, "_seen", {})
    monkeypatch.setattr(rests, "_seen_at", 0.0)


@pytest.fixture
def alice(guest) -> Guest:
    return guest("+79001112233").sign_in()


@pytest.fixture
def bob(guest) -> Guest:
    return guest("+79005556677").sign_in()


@pytest.fixture
def charlie(guest) -> Guest:
    return guest("+79008889900").sign_in()


@pytest.fixture(scope="session")
def live_url(tmp_path_factory) -> Iterator[str]:
    """A real server of one process on a fresh SQLite database, without the sandbox's delay; it makes tokens."""
    settings = {"SANDBOX_DELAY": "0", "JWT_AUDIENCES": "https://reports.example.org"}
    folder = tmp_path_factory.mktemp("live")
    with servers.running(f"sqlite:///{folder / 'guestlist.sqlite3'}", **settings) as url:
        yield url


@pytest.fixture(params=servers.DATABASES)
def fresh_database(request, tmp_path) -> Iterator[str]:
    """The URL of an empty database of each kind; skipped, loudly, where its server does not answer."""
    with servers.fresh_database(request.param, tmp_path) as url:
        yield url


def pytest_collection_modifyitems(config, items) -> None:
    """Tests of what only a database server can do exist on those; on a server only tests of data and of servers do."""
    if settings.USING_SQLITE:
        gone = [item for item in items if "server" in getattr(item, "fixturenames", ())]
    else:
        keeps_plans = settings.DATABASES["default"]["ENGINE"].endswith("postgresql")
        gone = [
            item
            for item in items
            if not _is_of_data(item) or ("migrated" in getattr(item, "fixturenames", ()) and not keeps_plans)
        ]
    config.hook.pytest_deselected(items=gone)
    left_out = set(gone)
    items[:] = [item for item in items if item not in left_out]


def _is_of_data(item: pytest.Item) -> bool:
    marks = ("django_db", "race", "browser", "node")
    has_database = {"db", "transactional_db", "live_url"} & set(getattr(item, "fixturenames", ()))
    return bool(has_database) or any(item.get_closest_marker(mark) for mark in marks)


def pytest_report_header() -> list[str]:
    return [
        f"database: {os.environ.get('DATABASE_URL', 'sqlite').split(':')[0]}",
        *(f"{kind}: {'answers' if servers.answers(kind) else 'DOES NOT ANSWER'}" for kind in servers.DATABASES),
    ]
