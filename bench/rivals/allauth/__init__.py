"""django-allauth, headless: a number signs up and is verified by code, which is its first sign-in."""

from pathlib import Path

from bench.rivals import rival
from bench.rivals.rival import Answer, Call

API = "/_allauth/app/v1"


class Allauth(rival.InItsVenv):
    """It has no invitees: its session is a smaller answer than a profile."""

    name, title = "django-allauth", "django-allauth headless"
    folder = Path(__file__).resolve().parent
    distributions = ("django", "django-allauth", "granian", "psycopg")
    asks_with = (401,)  # "not yet authenticated: phone verification pending", which is its yes

    def profile(self, credentials: dict[str, str]) -> Call:
        return Call("GET", f"{API}/auth/session", credentials)

    def ask(self, phone: str) -> Call:
        return Call("POST", f"{API}/auth/signup", {}, {"phone": phone})

    def confirm(self, phone: str, asked: Answer) -> Call:
        session = {"X-Session-Token": asked.json()["meta"]["session_token"]}
        return Call("POST", f"{API}/auth/phone/verify", session, {"code": asked.header("x-code")})

    def credentials(self, confirmed: Answer) -> dict[str, str]:
        return {"X-Session-Token": confirmed.json()["meta"]["session_token"]}
