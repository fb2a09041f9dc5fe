"""The same endpoints with Django REST framework and the ORM, as the task is usually solved.

Model serializers, token authentication, the code in a row; no limits, no tries that are counted, no devices, no trail:
it does less than Guestlist. Its phone numbers are checked by a pattern only.
"""

from pathlib import Path

from bench.rivals import rival
from bench.rivals.rival import Answer, Call

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class Drf(rival.InItsVenv):
    """The usual solution."""

    name, title = "drf", "DRF + ORM"
    scenarios = ("profile", "page", "ask", "sign-in", "activation")
    folder = Path(__file__).resolve().parent
    distributions = ("django", "djangorestframework", "granian", "psycopg")

    def known(self, person: int) -> dict[str, str]:
        return {"Authorization": f"Token {person:040}"}

    def profile(self, credentials: dict[str, str]) -> Call:
        return Call("GET", "/profile/", credentials)

    def page(self, credentials: dict[str, str]) -> Call:
        return Call("GET", "/profile/invitees/", credentials)

    def ask(self, phone: str) -> Call:
        return Call("POST", "/login/", {}, {"phone": phone})

    def confirm(self, phone: str, asked: Answer) -> Call:
        return Call("POST", "/confirm/", {}, {"phone": phone, "code": asked.json()["code"]})

    def credentials(self, confirmed: Answer) -> dict[str, str]:
        return {"Authorization": f"Token {confirmed.json()['token']}"}

    def activate(self, person: int) -> Call:
        inviter = rival.FIRST_INVITER + person % rival.INVITERS
        code = "".join(ALPHABET[inviter >> 5 * place & 31] for place in reversed(range(6)))
        return Call("POST", "/profile/activate/", self.known(person), {"code": code})
