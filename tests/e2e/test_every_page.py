"""Every page that people see, in every state that it can have: refused, limited, too late, with and without company."""

import secrets
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from tests.e2e.guests import app_sign_in, ask, invite_code, new_phone, sign_in
from tests.e2e.looks import examine
from tests.guests import wrong

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("looks")]

LANGUAGES = pytest.mark.parametrize("language", ["en", "ru"])
UNDELIVERED, GATEWAY_AWAY = "+12025550174", "+12025550175"  # docs/sandbox.md


@pytest.fixture
def somewhere(window, strict):
    """Opens windows of the strict sandbox, each from an address of its own."""

    def opened(language, **more):
        return window(language, base=strict.url, extra_http_headers=forwarded(), **more)

    return opened


def forwarded() -> dict[str, str]:
    return {"X-Forwarded-For": ".".join(["198", "18", str(secrets.randbelow(256)), str(1 + secrets.randbelow(254))])}


@LANGUAGES
def test_codes_that_are_long_used_up_or_too_old(somewhere, strict, language):
    with somewhere(language) as page:
        phone = new_phone()
        code = ask(page, phone)
        for tries in range(1, 4):
            page.fill("#code", wrong(code))
            if tries > 1:  # what was refused is not sent again by itself
                page.press("#code", "Enter")
            page.wait_for_selector("#code-error" if tries < 3 else "text=/ask for a new|запросите новый/i")
            page.wait_for_load_state()
        examine(page, "no-tries-left", language)
        assert len(ask(page, phone)) == 6
        examine(page, "six-digits", language)
        page.context.clear_cookies(name="guestlist_challenge")
        page.goto("/code/")
        examine(page, "too-old", language)


@LANGUAGES
def test_eight_digits(somewhere, strict, language):
    with somewhere(language) as page:
        phone = new_phone()
        guess_much(strict, phone)
        assert len(ask(page, phone)) == 8
        examine(page, "eight-digits", language)


@LANGUAGES
def test_too_many_codes_and_too_many_tries(somewhere, strict, language):
    with somewhere(language) as page:
        for _ in range(10):
            ask(page, new_phone())
        page.goto("/")
        page.fill("#phone", new_phone())
        page.click("button.primary")
        page.wait_for_selector("#phone-error")
        examine(page, "phone-limited", language)
    with somewhere(language) as page:
        sign_in(page, new_phone())
        for _ in range(2):
            page.fill("#invite_code", "ZZZZZ" + secrets.choice("0123456789"))
            page.press("#invite_code", "Enter")
            page.wait_for_selector("#invite-error")
        examine(page, "invite-limited", language)
        assert page.request.get("/export/").status == 200
        page.goto("/export/")
        examine(page, "export-limited", language)


@LANGUAGES
def test_asking_again_too_soon_without_scripts(window, choosy_url, language):
    with window(language, base=choosy_url, script=False) as page:
        ask(page, new_phone())
        page.click(".ways button >> nth=0")
        page.wait_for_selector(".error:visible")
        examine(page, "again-limited", language, script=False)


@LANGUAGES
def test_doors_that_stay_closed(window, live_url, language):
    with window(language) as page:
        page.goto("/")
        page.context.clear_cookies(name="csrftoken")
        page.fill("#phone", new_phone())
        page.click("button.primary")
        page.wait_for_selector("[role=alert]")
        examine(page, "403", language)
        page.goto("/sandbox/inbox/?phone=12")
        examine(page, "400", language)
        page.goto("/sandbox/inbox/?phone=%2B79009999999")
        examine(page, "inbox-empty", language)
        sign_in(page, new_phone())
        page.fill("#username", "\u202e")
        page.fill("#email", "x")
        page.press("#email", "Enter")
        page.wait_for_selector(".error")
        examine(page, "profile-refused", language)
        page.evaluate("document.querySelector('[name=phone_visibility]').options[0].value = 'x'")
        page.fill("#email", "")
        page.select_option("#phone_visibility", "x")
        page.click("text=/^(Save|Сохранить)$/")
        page.wait_for_selector("h1 + [role=alert]")
        examine(page, "400-form", language)
        page.goto("/")
        page.context.clear_cookies(name="guestlist_session")
        page.fill("#invite_code", "7K2M9X")
        page.press("#invite_code", "Enter")
        page.wait_for_selector("#phone")
        examine(page, "signed-out-meanwhile", language)


@LANGUAGES
def test_links_from_the_first_look_to_the_last(window, live_url, language):
    bobs = invite_code(live_url, app_sign_in(live_url, new_phone()))
    with window(language) as page:
        page.goto("/i/7K2")
        examine(page, "link-half", language)
        page.goto(f"/i/{bobs}")
        examine(page, "link-opened", language)
        page.goto("/")
        examine(page, "link-kept", language)
        sign_in(page, new_phone())
        examine(page, "link-prefilled", language)
        page.goto(f"/i/{bobs}")
        examine(page, "link-signed-in", language)
        page.goto("/")
        page.press("#invite_code", "Enter")
        page.click("button.primary")
        page.wait_for_selector(".notice")
        examine(page, "link-entered", language)
        page.goto(f"/i/{bobs}")
        examine(page, "link-entered-before", language)
        page.goto("/leave/")
        page.click("button.danger")
        page.wait_for_selector("#phone")
        examine(page, "deleted", language)


@LANGUAGES
def test_devices_and_a_sign_in_that_was_long_ago(window, strict, somewhere, language):
    phone = new_phone()
    with somewhere(language) as page:
        sign_in(page, phone)
        page.click(".who button")
        page.wait_for_selector("#phone")
    with somewhere(language) as page:
        sign_in(page, phone)
        assert page.locator("#forget-1").is_visible()
        examine(page, "devices", language)
        change(strict, "UPDATE signin_session SET created_at = '2026-01-01 00:00:00'")
        page.goto("/leave/")
        page.wait_for_selector("[name=then]", state="attached")
        examine(page, "leave-sign-in-again", language)


@LANGUAGES
def test_messages_that_do_not_arrive_and_other_channels(window, choosy_url, language):
    with window(language, base=choosy_url) as page:
        ask(page, new_phone())
        examine(page, "channels", language)
        for phone, found in ((UNDELIVERED, ".delivery[data-at=undelivered]"), (GATEWAY_AWAY, "#phone-error")):
            page.goto("/")
            page.fill("#phone", phone)
            page.click("button.primary")
            page.wait_for_selector(found)
            examine(page, {UNDELIVERED: "undelivered", GATEWAY_AWAY: "503"}[phone], language)


def guess_much(strict, phone: str) -> None:
    """A hundred wrong guesses at one number, as they stand in the table after days of guessing."""
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}"
    for digits in [4] * 3 + [6] * 97:
        change(
            strict,
            "INSERT INTO signin_guess (phone, device, digits, address, guessed_at) VALUES (?, '', ?, '', ?)",
            *(phone, digits, now),
        )


def change(strict, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(strict.file, timeout=10)) as database, database:
        database.execute(statement, values)
