"""How heavy each page is when it is opened for the first time, and how soon something is seen.

Swagger UI and ReDoc are left out: they are programs of other people, of a megabyte and more.
"""

import pytest

from tests.e2e.guests import app_sign_in, ask, call, invite_code, new_phone, sign_in
from tests.e2e.looks import WIDE

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("looks")]

HEAVIEST = 60 * 1024  # bytes on the wire: heads, page and all that it needs, compressed as the server does it
ASSETS = 5  # the page, two style sheets, a script and the mark
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"


def test_no_page_is_heavy(window, live_url, capsys):
    bob = app_sign_in(live_url, new_phone())
    with window(width=WIDE) as page:
        phone, lines = new_phone(), []

        def weigh(path: str) -> None:
            nonlocal lines
            weight, requests, painted = load(page, path)
            lines += [f"{path.split('?')[0]:20} {weight:6} bytes, {requests} requests, painted after {painted:.0f} ms"]
            assert 1000 < weight < HEAVIEST, path
            assert requests <= ASSETS, path
            assert painted > 0, path

        weigh("/")
        ask(page, phone)
        weigh("/code/")
        weigh("/sandbox/inbox/")
        sign_in(page, phone)
        mine = page.inner_text(".hero")
        for _ in range(25):
            call(live_url, "/user/user-profile/activate-code/", {"code": mine}, app_sign_in(live_url, new_phone()))
            app_sign_in(live_url, phone)
        for path in ("/", "/leave/", "/invitees/", f"/i/{invite_code(live_url, bob)}", "/i/7K2", "/nowhere/"):
            weigh(path)
    with capsys.disabled():
        print("", *lines, sep="\n  ")


def load(page, path: str) -> tuple[int, int, float]:
    """Open a page with nothing kept: its bytes on the wire, its requests, and ms until something was seen."""
    client = page.context.new_cdp_session(page)
    client.send("Network.enable")
    client.send("Network.setCacheDisabled", {"cacheDisabled": True})
    asked, sizes = [], []
    client.on("Network.requestWillBeSent", lambda it: asked.append(it["request"]["url"]))
    client.on("Network.loadingFinished", lambda it: sizes.append(it["encodedDataLength"]))
    page.goto(path, wait_until="load")
    page.wait_for_timeout(300)  # the icon comes after the rest
    client.detach()
    return int(sum(sizes)), len(set(asked)), page.evaluate(PAINTED)
