"""The pages in a real browser: with scripts and without, narrow and wide, light and dark, in both languages.

Screenshots of each step are left in var/screenshots/.
"""

import json
import re

import pytest

from tests.e2e.guests import app_sign_in, ask, call, invite_code, new_phone, shoot, sign_in
from tests.e2e.looks import NARROW, WIDE, examine
from tests.guests import wrong

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("pages")]  # one server for all of them

LEAST_CONTROL = 48  # px


@pytest.mark.parametrize(("language", "script"), [("en", True), ("ru", True), ("ru", False)])
def test_the_whole_way(window, live_url, language, script):
    """From the number to "my friend's number is in my list", and everything that can be refused on the way."""
    alice, bob = new_phone(), new_phone()
    bobs = invite_code(live_url, app_sign_in(live_url, bob))

    def look(page, name: str) -> None:
        examine(page, f"{name}{'' if script else '-no-script'}", language, script=script)

    with window(language, script=script) as page:
        page.goto("/")
        assert page.get_attribute("html", "lang") == language
        assert page.is_visible(".sandbox")
        look(page, "1-phone")
        page.fill("#phone", "123")
        page.click("button.primary")
        assert page.input_value("#phone") == "123"
        look(page, "2-phone-refused")

        code = ask(page, alice)
        assert re.search(r"\d:\d\d" if script else r"\b[45]\b", page.inner_text("#code-help"))
        look(page, "3-code")
        page.fill("#code", wrong(code))
        if not script:
            page.click("button.primary")
        page.wait_for_selector("#code-error")
        assert "2" in page.inner_text("#code-error")
        look(page, "4-code-refused")
        page.fill("#code", code)
        if not script:
            page.click("button.primary")
        page.wait_for_selector(".hero")
        assert page.locator("[data-copy]").first.is_visible() == script
        look(page, "5-profile-new")

        mine = page.inner_text(".hero")
        charlie = new_phone()
        call(live_url, "/user/user-profile/activate-code/", {"code": mine}, app_sign_in(live_url, charlie))
        app_sign_in(live_url, alice)
        page.fill("#invite_code", mine)
        page.press("#invite_code", "Enter")
        page.wait_for_selector("#invite-error")
        assert charlie[-2:] in page.inner_text(".people")
        look(page, "6-invite-refused")
        page.fill("#invite_code", f"{bobs[:3]}-{bobs[3:]}".lower())
        page.press("#invite_code", "Enter")
        page.wait_for_selector(".inviter")
        assert "***" in page.inner_text(".inviter")
        look(page, "6b-preview")
        page.click("button.primary")
        page.wait_for_selector(".notice")
        assert bobs in page.inner_text("main")
        page.fill("#username", "Анна")
        page.fill("#email", "anna@example.org")
        page.press("#email", "Enter")
        page.wait_for_selector("h1:has-text('Анна')")
        look(page, "7-profile")

        assert page.locator(".sessions li").count() == 2
        page.click(".sessions button")
        page.wait_for_selector(".notice")
        assert page.locator(".sessions li").count() == 1
        page.click(".qr summary")
        assert page.locator(".qr img").evaluate("async (it) => (await it.decode(), it.naturalWidth)") > 200
        look(page, "7b-qr")
        page.goto("/leave/")
        look(page, "7c-leave")
        page.goto(f"/i/{mine}")
        look(page, "7d-link-of-my-own")
        page.goto("/invitees/")
        look(page, "7e-invitees")
        page.goto("/sandbox/inbox/")
        assert page.locator(".bubble").first.is_visible()
        look(page, "8-inbox")
        page.goto("/nowhere/")
        look(page, "9-problem")
        page.goto("/")
        page.click(".who button")
        page.wait_for_selector("#phone")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_phone_stands_beside_the_form_where_there_is_room(window, theme):
    with window(theme=theme, width=WIDE) as page:
        ask(page, new_phone())
        form, phone = page.locator("main").bounding_box(), page.locator(".handset").bounding_box()
        assert form["x"] + form["width"] < phone["x"]
        assert phone["y"] < form["y"] + form["height"]
        page.set_viewport_size({"width": NARROW, "height": 844})
        assert not page.is_visible(".handset")


def test_the_button_says_that_it_is_sending_and_sends_once(window):
    with window() as page:
        sent = []
        page.on("request", lambda asked: asked.url.endswith("/sign-in/") and sent.append(asked.method))
        page.goto("/")
        page.fill("#phone", new_phone())
        said = page.evaluate(
            "() => { const it = document.querySelector('button.primary'); it.click(); it.click();"
            " return [it.textContent, it.ariaDisabled, document.getElementById('announcement').textContent]; }"
        )
        assert said == ["Sending…", "true", "Sending…"]
        page.wait_for_selector("#code")
        assert sent == ["POST"]


def test_the_invite_code_is_copied(window):
    with window(permissions=["clipboard-read", "clipboard-write"]) as page:
        sign_in(page, new_phone())
        page.click("[data-copy] >> nth=0")
        page.wait_for_selector("[data-copy]:has-text('Copied')")
        assert page.evaluate("navigator.clipboard.readText()") == page.inner_text(".hero")


def test_a_link_is_opened_followed_through_the_sign_in_and_entered(window, live_url):
    """From the page that somebody was sent to the last press; then whoever came leaves again."""
    bobs = call(live_url, "/user/user-profile/", token=app_sign_in(live_url, new_phone()))["invite_code"]
    for width, theme in ((NARROW, "light"), (WIDE, "dark")):
        with window(theme=theme, width=width) as page:
            page.goto(f"/i/{bobs.lower()}")
            assert page.inner_text(".hero") == bobs
            shoot(page, f"link-{width}-1-opened")
            page.click("a.primary")
            shoot(page, f"link-{width}-2-kept")
            sign_in(page, new_phone())
            assert page.input_value("#invite_code") == bobs
            shoot(page, f"link-{width}-3-prefilled")
            page.press("#invite_code", "Enter")
            page.wait_for_selector(".inviter")
            shoot(page, f"link-{width}-4-preview")
            page.click("button.primary")
            page.wait_for_selector(".notice")
            assert bobs in page.inner_text("main")
            with page.expect_download() as fetched:
                page.click("a[download]")
            assert json.loads(fetched.value.path().read_text("utf-8"))["invites"]["entered"]["code"] == bobs
            page.click("a.danger")
            page.click("button.danger")
            page.wait_for_selector("#phone")
            assert "You are deleted" in page.inner_text(".notice")
            page.goto("/i/7K2")
            shoot(page, f"link-{width}-5-half")


def test_a_link_is_shared_where_the_system_can(window):
    with window() as page:
        page.add_init_script(
            "window.shared = []; navigator.canShare = () => true; navigator.share = async (it) => shared.push(it);"
        )
        sign_in(page, new_phone())
        page.click("[data-share]")
        assert page.evaluate("shared.map((it) => it.url)") == [page.inner_text(".link")]


def test_a_refused_code_is_not_sent_again_by_itself(window):
    with window() as page:
        code = wrong(ask(page, new_phone()))
        page.fill("#code", code)
        page.wait_for_selector("#code-error")
        page.fill("#code", code[:-1])
        page.fill("#code", code)
        page.wait_for_timeout(300)
        assert "2 tries left" in page.inner_text("#code-error")


def test_the_countdown_ends_with_a_word(window):
    with window() as page:
        page.clock.install()
        ask(page, new_phone())
        page.clock.run_for(10_000)
        assert re.search(r"4:(49|50|51)", page.inner_text("#code-help"))
        page.clock.fast_forward(300_000)
        assert "too old" in page.inner_text("#code-help")
        assert "too old" in page.inner_text("#announcement")


def test_a_message_fills_the_code_in_where_the_browser_can(window):
    with window() as page:
        page.add_init_script(
            "window.OTPCredential = class {};"
            "Object.defineProperty(navigator.credentials, 'get', {value: async () =>"
            " ({code: document.querySelector('.sandbox-note .code').textContent})});"
        )
        page.goto("/")
        page.fill("#phone", new_phone())
        page.click("button.primary")
        page.wait_for_selector(".hero")


def test_the_phone_beside_the_form_shows_what_arrives(window, live_url):
    with window(width=WIDE) as page:
        phone = new_phone()
        ask(page, phone)
        assert page.locator(".handset .bubble").count() == 1
        elsewhere = call(live_url, "/user/login/", {"phone": phone})["code"]
        page.wait_for_selector(f".handset .messages > :first-child .bubble:has-text('{elsewhere}')")
        assert page.locator(".handset .bubble").count() == 2


def wait_for_count(page, selector: str, count: int) -> None:
    from playwright.sync_api import expect

    expect(page.locator(selector)).to_have_count(count, timeout=10_000)


LATE, TWICE, UNDELIVERED = "+12025550171", "+12025550172", "+12025550174"  # docs/sandbox.md
SPOKEN = """() => {
    window.spoken = [];
    const place = document.getElementById("announcement");
    new MutationObserver(() => window.spoken.push(place.textContent)).observe(place, {childList: true});
}"""


def test_the_line_of_states_fills_while_one_looks_and_then_rests(window):
    """A message that takes 20 s, in real time: the line, the phone beside it and the voice follow without a reload."""
    with window(width=WIDE) as page:
        asked = []
        page.on("request", lambda request: request.url.endswith("/user/login/state/") and asked.append(request.method))
        page.goto("/")
        page.fill("#phone", LATE)
        page.click("button.primary")
        page.wait_for_selector(".delivery[data-at=sent]")
        page.evaluate(SPOKEN)
        assert page.inner_text(".steps [aria-current]") == "Sent"
        assert "half a minute" in page.inner_text(".delivery")
        assert page.locator(".handset .bubble").count() == 0
        shoot(page, "sent")
        page.wait_for_selector(".delivery[data-at=delivered]", timeout=25_000)
        assert page.inner_text(".steps [aria-current]") == "Delivered"
        assert "half a minute" not in page.inner_text(".delivery")
        page.wait_for_selector(".handset .bubble", timeout=2000)  # at once, not at its next look
        assert page.evaluate("window.spoken") == ["Delivered. It has arrived."]
        assert set(asked) == {"POST"}
        before = len(asked)
        page.wait_for_timeout(3000)
        assert len(asked) == before


@pytest.mark.parametrize(("language", "said"), [("en", "Not delivered"), ("ru", "Не доставлено")])
def test_a_message_that_fails_is_told_while_one_looks(window, language, said):
    with window(language) as page:
        page.goto("/")
        page.fill("#phone", UNDELIVERED)
        page.click("button.primary")
        page.wait_for_selector(".delivery[data-at=sent]")
        page.evaluate(SPOKEN)
        page.wait_for_selector(".delivery[data-at=undelivered]")
        assert page.inner_text(".steps [aria-current]") == said
        assert page.is_visible(".delivery .error:visible")
        (spoken,) = page.evaluate("window.spoken")
        assert spoken.startswith(f"{said}. ")
        shoot(page, f"{language}-undelivered")


def test_nobody_asks_for_the_state_while_the_page_is_hidden_or_when_the_code_is_over(window):
    with window() as page:
        asked = []
        page.route("**/user/login/state/", lambda route: (asked.append(1), route.fulfill(status=400, json={})))
        page.add_init_script("Object.defineProperty(document, 'hidden', {get: () => window.isHidden ?? true});")
        page.clock.install()
        page.goto("/")
        page.fill("#phone", LATE)
        page.click("button.primary")
        page.wait_for_selector(".delivery[data-at=sent]")
        page.clock.run_for(10_000)
        assert asked == []
        page.evaluate("window.isHidden = false")
        page.clock.run_for(10_000)
        page.wait_for_timeout(200)
        page.clock.run_for(10_000)
        assert asked == [1]
        assert page.get_attribute(".delivery", "data-at") == "sent"


def test_what_arrives_twice_is_shown_twice_and_never_again(window, live_url):
    with window(width=WIDE) as page:
        ask(page, TWICE)
        bubbles = page.locator(".handset .bubble")
        before = bubbles.count()
        assert before % 2 == 0
        call(live_url, "/user/login/", {"phone": TWICE})
        wait_for_count(page, ".handset .bubble", before + 2)
        page.wait_for_timeout(4500)
        assert bubbles.count() == before + 2


def test_a_phone_that_shows_only_the_newest_leaves_the_older_ones_out(window, live_url):
    with window(width=WIDE) as page:
        phone = new_phone()
        for _ in range(7):
            call(live_url, "/user/login/", {"phone": phone})
        page.wait_for_timeout(1100)  # times are told in seconds
        ask(page, phone)
        shown = page.locator(".handset .bubble").count()
        page.wait_for_timeout(1100)
        call(live_url, "/user/login/", {"phone": phone})
        wait_for_count(page, ".handset .bubble", shown + 1)
        page.wait_for_timeout(4500)
        assert page.locator(".handset .bubble").count() == shown + 1


@pytest.mark.parametrize(
    ("language", "theme", "width"), [("en", "light", 320), ("ru", "dark", NARROW), ("ru", "light", WIDE)]
)
def test_another_channel_is_chosen_and_asking_again_waits(window, choosy_url, language, theme, width):
    call_me, again, in_time = {
        "en": ("Call me and read it out", "Call again", "You can ask for it again in 0:0"),
        "ru": ("Позвонить и продиктовать", "Позвонить снова", "Отправить снова можно через 0:0"),
    }[language]
    with window(language, theme, width, base=choosy_url) as page:
        code = ask(page, new_phone())
        assert page.inner_text("#again-help").startswith(in_time)
        buttons = page.locator(".ways button")
        assert [buttons.nth(at).get_attribute("value") for at in range(buttons.count())] == ["", "telegram", "voice"]
        measure(page)
        shoot(page, f"{language}-{theme}-{width}-channels")
        page.click(f"text={call_me}", force=True)  # held: nothing is sent
        assert page.url.endswith("/code/")
        assert page.locator(".ways [aria-disabled]").count() == 3
        assert page.get_attribute("text='" + call_me + "'", "aria-describedby") == "again-help"
        wait_for_count(page, ".ways [aria-disabled]", 0)
        with page.expect_navigation(url="**/code/"):
            page.click(f"text={call_me}")
        assert page.inner_text(".ways button >> nth=0") == again
        assert page.inner_text(".sandbox-note .code") == code
        assert page.is_visible(".handset .tag") == (width == WIDE)
        shoot(page, f"{language}-{theme}-{width}-called")


@pytest.mark.parametrize("width", [320, NARROW, WIDE])
def test_controls_are_large_enough_for_a_finger(window, live_url, width):
    with window(width=width) as page:
        phone = new_phone()
        app_sign_in(live_url, phone)
        page.goto("/")
        measure(page)
        ask(page, phone)
        measure(page)
        sign_in(page, phone)
        measure(page)
        shoot(page, f"width-{width}")


def measure(page) -> None:
    heights = page.eval_on_selector_all(
        "button, select, summary, input:not([type=hidden]), a.button, footer a, .brand a",
        "all => all.filter(it => it.checkVisibility()).map(it => [it.outerHTML, it.getBoundingClientRect().height])",
    )
    assert heights
    assert [one for one in heights if one[1] < LEAST_CONTROL] == []


def test_the_keyboard_reaches_everything_and_shows_where_it_is(window):
    with window() as page:
        sign_in(page, new_phone())
        reached = []
        for _ in range(40):
            page.keyboard.press("Tab")
            focused = page.evaluate(
                "() => { const it = document.activeElement, style = getComputedStyle(it);"
                " const name = it === document.body ? '' : it.id || it.textContent.trim();"
                " return [name, style.outlineStyle, parseFloat(style.outlineWidth)]; }"
            )
            if focused[0] == "":
                break  # round, past the browser's own bar
            assert focused[1:] == ["solid", 3], focused
            reached.append(focused[0])
        assert reached[0] == "Skip to the content"
        assert {"invite_code", "username", "email", "Save", "Sign out", "Copy the code", "Русский"} <= set(reached)


def test_nothing_moves_when_reduced_motion_is_asked_for(window):
    with window(reduced_motion="reduce") as page:
        page.goto("/")
        assert page.evaluate("getComputedStyle(document.querySelector('.button')).transitionDuration") == "0s"
