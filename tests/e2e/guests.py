"""What guests do in a browser, or beside it in an app."""

import json
import secrets
import urllib.request

from tests.servers import ROOT

SCREENSHOTS = ROOT / "var" / "screenshots"


def new_phone() -> str:
    return f"+7900{secrets.randbelow(10**7):07}"


def call(live_url: str, path: str, body=None, token: str = "", **headers: str):
    headers |= {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    asked = urllib.request.Request(live_url + path, None if body is None else json.dumps(body).encode(), headers)
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return json.load(answer)


def app_sign_in(live_url: str, phone: str, **headers: str) -> str:
    asked = call(live_url, "/user/login/", {"phone": phone}, **headers)
    typed = {"phone": phone, "code": asked["code"], "challenge": asked["challenge"]}
    return call(live_url, "/user/confirm/", typed, **headers)["token"]


def invite_code(live_url: str, token: str) -> str:
    return call(live_url, "/user/user-profile/", token=token)["invite_code"]


def shoot(page, name: str) -> None:
    """A screenshot; and what must be true of each page at each width."""
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), name
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def ask(page, phone: str) -> str:
    page.goto("/")
    page.fill("#phone", phone)
    page.click("button.primary")
    page.wait_for_selector("#code")
    return page.inner_text(".sandbox-note .code")


def sign_in(page, phone: str, script: bool = True) -> None:
    page.fill("#code", ask(page, phone))
    if not script:
        page.click("button.primary")
    page.wait_for_selector(".hero")
