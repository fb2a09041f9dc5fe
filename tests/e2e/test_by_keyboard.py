"""The whole way by keyboard alone, and without scripts; and what somebody hears who does not see the page."""

import re

import pytest

from tests.e2e.guests import app_sign_in, ask, call, invite_code, new_phone, sign_in
from tests.guests import wrong

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("looks")]

FOCUSED = "document.activeElement.id || document.activeElement.textContent.trim()"
HEARD = """() => {
    const it = document.activeElement, ids = (it.getAttribute("aria-describedby") ?? "").split(" ");
    return ids.map((id) => document.getElementById(id)?.textContent.trim() ?? "").join(" ");
}"""


def tab_to(page, wanted: str) -> None:
    """Press Tab until the focus is there."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED) == wanted:
            return
    raise AssertionError(f"no Tab leads to {wanted}")


def test_the_whole_way_by_keyboard_alone(window, live_url):
    bobs_phone = new_phone()
    bob = app_sign_in(live_url, bobs_phone)
    bobs = invite_code(live_url, bob)
    alice = new_phone()
    with window() as page:
        page.goto("/")
        page.wait_for_selector("#phone:focus")
        page.keyboard.type("123")
        page.keyboard.press("Enter")
        page.wait_for_selector("#phone-error")
        page.wait_for_selector("#phone:focus")
        assert page.inner_text("#phone-error") in page.evaluate(HEARD)
        assert page.title().startswith("Error: ")
        page.keyboard.press("Control+A")
        page.keyboard.type(alice)
        page.keyboard.press("Enter")
        page.wait_for_selector("#code:focus")
        code = page.inner_text(".sandbox-note .code")
        page.keyboard.type(wrong(code))  # sends itself
        page.wait_for_selector("#code-error")
        page.wait_for_selector("#code:focus")
        assert "2 tries left" in page.evaluate(HEARD)
        page.keyboard.press("Control+A")
        page.keyboard.type(code)
        page.wait_for_selector(".hero")
        tab_to(page, "invite_code")
        page.keyboard.type("ZZZZZZ")
        page.keyboard.press("Enter")
        page.wait_for_selector("#invite-error")
        page.wait_for_selector("#invite_code:focus")
        assert page.inner_text("#invite-error") in page.evaluate(HEARD)
        page.keyboard.press("Control+A")
        page.keyboard.type(bobs.lower())
        page.keyboard.press("Enter")
        page.wait_for_selector(".inviter")
        tab_to(page, "Enter this code for good")
        assert "cannot be undone" in page.evaluate(HEARD)
        page.keyboard.press("Enter")
        page.wait_for_selector("#announcement:has-text('The invite code is entered.')", state="attached")
        assert bobs in page.inner_text("main")
        tab_to(page, "username")
        page.keyboard.type("Alice")
        tab_to(page, "Save")
        page.keyboard.press("Space")
        page.wait_for_selector("h1:has-text('Alice')")
    assert call(live_url, "/user/user-profile/", token=bob)["activeusers"] == [{"phone": alice}]


def test_the_whole_way_of_two_without_scripts_narrow_and_in_russian(window):
    alice, bob = new_phone(), new_phone()
    with window("ru", width=320, script=False) as hers, window("ru", width=320, script=False) as his:
        sign_in(hers, alice, script=False)
        code = hers.inner_text(".hero")
        assert "никто не пришёл" in hers.inner_text("main").replace("\n", " ")
        sign_in(his, bob, script=False)
        his.fill("#invite_code", code)
        his.click("text=Посмотреть, чей это код")
        assert "***" in his.inner_text(".inviter")
        his.click("button.primary")
        assert "Вы пришли по коду" in his.inner_text("main")
        hers.reload()
        assert "С вами пришёл 1 человек" in hers.inner_text("main").replace("\n", " ")
        assert re.sub(r"\D", "", hers.inner_text(".people"))[-10:] == bob[-10:]


@pytest.mark.parametrize("script", [True, False])
@pytest.mark.parametrize("digits", [4, 8])
def test_the_field_for_the_code_grows_and_takes_a_whole_message(window, live_url, eight_url, digits, script):
    base = {4: live_url, 8: eight_url}[digits]
    with window(script=script, base=base, permissions=["clipboard-read", "clipboard-write"]) as page:
        phone = new_phone()
        page.goto("/")
        told = {name: page.get_attribute("#phone", name) for name in ("type", "autocomplete")}
        assert told == {"type": "tel", "autocomplete": "tel"}
        code = ask(page, phone)
        assert len(code) == digits
        told = {name: page.get_attribute("#code", name) for name in ("inputmode", "autocomplete", "data-places")}
        assert told == {"inputmode": "numeric", "autocomplete": "one-time-code", "data-places": str(digits)}
        message = call(base, f"/sandbox/inbox/?phone=%2B{phone[1:]}")["messages"][0]["text"]
        assert message.endswith(f"#{code}")
        assert page.evaluate("document.getElementById('code').scrollWidth <= 360")
        if script:
            page.evaluate("(text) => navigator.clipboard.writeText(text)", message)
            page.focus("#code")
            page.keyboard.press("Control+V")
        else:
            page.fill("#code", message.replace("\n", " "))
            page.click("button.primary")
        page.wait_for_selector(".hero")


def test_what_is_told_at_once_is_in_a_live_region(window):
    """An error is an alert, a countdown is said once at its end, and never each second."""
    with window() as page:
        code = ask(page, new_phone())
        assert page.get_attribute("#announcement", "role") == "status"
        assert page.locator("[data-seconds][role], [data-seconds][aria-live]").count() == 0
        page.fill("#code", wrong(code))
        page.wait_for_selector("#code-error[role=alert]")
        page.context.clear_cookies(name="guestlist_challenge")
        page.goto("/code/")
        said = page.inner_text("[role=alert]")
        page.wait_for_selector(f"#announcement:has-text('{said}')", state="attached")
        page.wait_for_selector("button:focus:has-text('Send a new code')")
