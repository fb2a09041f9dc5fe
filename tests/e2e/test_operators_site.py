"""The operators' site as operators see it: from the sign-in by the second step to each list, and what refuses them."""

import base64
import re
import time

import pytest
from django_otp.oath import TOTP

from tests.e2e.conftest import NAME, PASSWORD
from tests.e2e.guests import app_sign_in, call, invite_code, new_phone
from tests.e2e.looks import examine

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("looks")]


def test_the_operators_site_from_the_sign_in_to_each_list(window, strict):
    """In English with the second step's first day; the authenticator is kept for the Russian half."""
    phone = new_phone()
    token = app_sign_in(strict.url, phone)
    for _ in range(3):
        guest = app_sign_in(strict.url, new_phone())
        call(strict.url, "/user/user-profile/activate-code/", {"code": invite_code(strict.url, token)}, guest)
    key = b""
    for language in ("en", "ru"):
        with window(language, base=strict.url, extra_http_headers={"X-Forwarded-For": "198.51.100.7"}) as page:

            def look(name: str, page=page, language=language) -> None:
                examine(page, f"admin-{name}", language, latin=True)

            page.goto("/admin/")
            look("login")
            page.fill("#id_username", NAME)
            page.fill("#id_password", "wrong")
            page.press("#id_password", "Enter")
            page.wait_for_selector(".errornote")
            look("login-refused")
            page.fill("#id_username", NAME)
            page.fill("#id_password", PASSWORD)
            if key:
                page.fill("#id_code", shown(key, 1))
            page.press("#id_password", "Enter")
            if not key:
                page.wait_for_selector(".picture svg")
                key = base64.b32decode(page.inner_text("#content code").replace(" ", ""))
                look("second-step")
                page.fill("#code", "000000")
                page.press("#code", "Enter")
                page.wait_for_selector("#fault")
                look("second-step-refused")
                page.fill("#code", shown(key))
                page.press("#code", "Enter")
                page.wait_for_selector(".recovery")
                look("recovery-codes")
                page.click("a.press")
            page.wait_for_selector("#content-main .module")
            look("index")
            lists = page.eval_on_selector_all("#content-main th a", "all => all.map((it) => it.getAttribute('href'))")
            assert len(lists) > 5
            for at in (*lists, "/admin/overview/", "/admin/delivery/overview/"):
                page.goto(at)
                look(re.sub(r"\W+", "-", at.removeprefix("/admin/").strip("/")) or "root")
            page.goto(f"/admin/people/person/?q={phone.replace('+', '%2B')}")
            page.click("#result_list tbody th a")
            page.wait_for_selector("#person_form")
            look("person")
            page.goto(page.get_attribute(".object-tools a", "href"))
            page.wait_for_selector(".timeline")
            look("timeline")
            page.click("button.danger >> nth=0")
            page.wait_for_selector(".messagelist")
            look("timeline-done")
            page.goto("/admin/invites/activation/")
            page.click("#result_list tbody th a")
            page.goto(page.get_attribute(".object-tools a[href*=undo], .object-tools a", "href"))
            look("activation")
            for form in ("auth/user/add", "delivery/wording/add", "password_change"):
                page.goto(f"/admin/{form}/")
                look(form.replace("/", "-"))
            for field in ("#id_old_password", "#id_new_password1", "#id_new_password2"):
                page.fill(field, "wrong")
            page.press("#id_old_password", "Enter")
            page.wait_for_selector(".errorlist")
            look("password-change-refused")
            page.goto("/admin/nowhere/")
            look("nowhere")


def shown(key: bytes, later: int = 0) -> str:
    """What the authenticator shows, so many steps of 30 s later."""
    totp = TOTP(key)
    totp.time = time.time() + later * 30
    return f"{totp.token():06}"
