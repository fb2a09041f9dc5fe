"""Fixtures of the browser tests: Chromium, windows in it, and servers whose limits can be met."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import servers
from tests.e2e.guests import SCREENSHOTS
from tests.e2e.looks import NARROW

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
LOCALES = {"en": "en-GB", "ru": "ru-RU"}
EXPECTED = re.compile(r"Failed to load resource: the server responded with a status of (40[01349]|429|503)")
NAME, PASSWORD = "olga", "long enough 42"


@pytest.fixture(scope="module")
def chromium():
    servers.need(find_spec("playwright") is not None, "playwright is not installed")
    servers.need(Path(CHROMIUM).exists(), f"no Chromium at {CHROMIUM}")
    from playwright.sync_api import sync_playwright

    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def window(chromium, request):
    """Opens windows: `with window(width=390) as page`. An error or a request to elsewhere fails the test at its end."""

    @contextmanager
    def opened(language="en", theme="light", width=NARROW, script=True, base=None, **more) -> Iterator:
        base = base or request.getfixturevalue("live_url")
        context = chromium.new_context(
            base_url=base,
            locale=LOCALES[language],
            color_scheme=theme,
            viewport={"width": width, "height": 844},
            java_script_enabled=script,
            **more,
        )
        page = context.new_page()
        page.set_default_timeout(10_000)
        seen = SimpleNamespace(errors=[], elsewhere=[])
        page.on(
            "console",
            lambda said: said.type in ("error", "warning") and seen.errors.append(f"{said.text} ({page.url})"),
        )
        page.on("pageerror", lambda error: seen.errors.append(f"{error} ({page.url})"))
        page.on("request", lambda asked: seen.elsewhere.append(asked.url))
        yield page
        assert [error for error in seen.errors if not EXPECTED.search(error)] == []
        assert [url for url in seen.elsewhere if not url.startswith((f"{base}/", "data:"))] == []
        context.close()

    return opened


@pytest.fixture(scope="module")
def choosy_url(tmp_path_factory) -> Iterator[str]:
    """A sandbox of three channels, in which one has to wait a little before asking again."""
    folder = tmp_path_factory.mktemp("choosy")
    settings = {**servers.FAR_AWAY, "LIMIT_CODES_PAUSE": "1/4s", "LIMITS": "on", "SANDBOX_DELAY": "0"}
    settings["SANDBOX_CHANNELS"] = "sms,telegram,voice"
    with servers.running(f"sqlite:///{folder / 'guestlist.sqlite3'}", **settings) as url:
        yield url


@pytest.fixture(scope="module")
def eight_url(tmp_path_factory) -> Iterator[str]:
    """A sandbox whose codes have 8 digits from the start."""
    folder = tmp_path_factory.mktemp("eight")
    settings = {"CODE_DIGITS": "8", "SANDBOX_DELAY": "0"}
    with servers.running(f"sqlite:///{folder / 'guestlist.sqlite3'}", **settings) as url:
        yield url


@pytest.fixture(scope="module")
def strict(tmp_path_factory) -> Iterator[SimpleNamespace]:
    """A sandbox with limits that are soon met, each window from an address of its own; operators need a second step.

    `url`, and `file`, its database.
    """
    file = tmp_path_factory.mktemp("strict") / "guestlist.sqlite3"
    settings = {**servers.FAR_AWAY, "LIMIT_CODES_PER_ADDRESS": "10/10m"}
    settings |= {"LIMITS": "on", "SANDBOX_DELAY": "0", "TRUSTED_PROXIES": "1", "OPERATOR_TOTP": "yes"}
    settings |= {"OPERATOR_NAME": NAME, "OPERATOR_PASSWORD": PASSWORD}
    settings |= {"LIMIT_INVITE_TRIES_PER_PERSON": "1/h", "LIMIT_EXPORTS_PER_PERSON": "1/h"}
    with servers.running(f"sqlite:///{file}", **settings) as url:
        yield SimpleNamespace(url=url, file=file)
