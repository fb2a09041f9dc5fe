"""Take the README's pictures anew, from a sandbox that runs: `python docs/screenshots.py http://127.0.0.1:8000`.

It signs fictional numbers in, so give it a new database that may be thrown away. Needs playwright,
which `make check` installs, and Chromium: CHROMIUM names it, else /usr/bin/chromium.
"""

import os
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).resolve().parent / "images"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
]
WIDE = {"width": 1180, "height": 780}
PHONES = {  # of the host and the guest; 555-01xx is kept for fiction
    ("", "en-US"): ("+1 202 555 0143", "+1 202 555 0117"),
    (".ru", "ru-RU"): ("+1 202 555 0186", "+1 202 555 0162"),
}


def take_all(url: str) -> None:
    """In each language the guest's page for the code, and the host's profile when the guest has entered their code."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for (suffix, locale), (host, guest) in PHONES.items():
            hosts, guests = _window(browser, url, locale), _window(browser, url, locale)
            _ask(hosts, host)
            _confirm(hosts)
            _ask(guests, guest)
            _take(guests, f"code{suffix}")
            _confirm(guests)
            guests.fill("#invite_code", hosts.locator(".hero.code").inner_text())
            guests.press("#invite_code", "Enter")
            guests.click("form[action='/activate/'] .primary")
            guests.wait_for_selector("#inviter ~ p .code")
            hosts.reload()
            _take(hosts, f"profile{suffix}")
        browser.close()


def _window(browser: Browser, url: str, locale: str) -> Page:
    context = browser.new_context(base_url=url, locale=locale, color_scheme="light", viewport=WIDE)
    page = context.new_page()
    page.set_default_timeout(10_000)
    return page


def _ask(page: Page, phone: str) -> None:
    page.goto("/")
    page.fill("#phone", phone)
    page.press("#phone", "Enter")
    page.wait_for_url("**/code/")


def _confirm(page: Page) -> None:
    page.fill("#code", page.locator(".sandbox-note .code").inner_text())  # sends itself when it is full
    page.wait_for_selector(".hero.code")


def _take(page: Page, name: str) -> None:
    page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    take_all(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
