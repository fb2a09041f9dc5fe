"""A visitor in a test: a browser without scripts, that knows only the forms and links of the page in front of it."""

from html.parser import HTMLParser
from typing import Any

from django.test import Client

from tests.guests import wrong


class Page(HTMLParser):
    """What a browser makes of a page: its forms with their fields, and its words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.fields: dict[str, dict[str, str | None]] = {}
        self.ids: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs) -> None:
        named = dict(attrs)
        if "id" in named:
            self.ids.append(named["id"])
        if tag == "form":
            self.forms.append({"action": named["action"], "fields": {}, "buttons": []})
        elif tag == "a":
            self.links.append(named["href"])
        elif tag == "button" and "name" in named:
            self.forms[-1]["buttons"].append((named["name"], named.get("value") or ""))
        elif tag == "select":
            self._chooses = named["name"]
        elif tag == "option" and "selected" in named:
            self.forms[-1]["fields"][self._chooses] = named["value"]
        elif tag == "input":
            self.forms[-1]["fields"].setdefault(named["name"], named.get("value") or "")
            if named.get("type") != "hidden":
                self.fields[named["name"]] = named

    def handle_data(self, data) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


class Visitor:
    """Somebody in front of a browser: `see` opens an address, `submit` presses a button and follows where it leads."""

    def __init__(self, language: str = "en", **headers: str) -> None:
        self.client = Client(
            enforce_csrf_checks=True, headers={"Accept": "text/html", "Accept-Language": language, **headers}
        )
        self.statuses: list[int] = []

    def see(self, path: str) -> "Visitor":
        return self._follow(self.client.get(path))

    def submit(self, action: str, nth: int = 0, **typed: str) -> "Visitor":
        form = [form for form in self.page.forms if form["action"] == action][nth]
        unknown = typed.keys() - form["fields"].keys() - {name for name, _ in form["buttons"]}
        assert not unknown, f"no field {unknown} in the form {action}"
        return self._follow(self.client.post(action, {**form["fields"], **typed}))

    def ask(self, phone: str) -> "Visitor":
        return self.see("/").submit("/sign-in/", phone=phone)

    def sign_in(self, phone: str) -> "Visitor":
        self.ask(phone).submit("/code/", code=self.code)
        assert self.path == "/", self.text
        return self

    def guess_wrong(self) -> "Visitor":
        return self.submit("/code/", code=wrong(self.code))

    @property
    def code(self) -> str:
        return str(self.answer.context["awaited"].code)

    @property
    def invite_code(self) -> str:
        return str(self.answer.context["profile"]["invite_code"])

    @property
    def text(self) -> str:
        return self.page.text

    @property
    def html(self) -> str:
        return str(self.answer.content.decode())

    def _follow(self, answer: Any) -> "Visitor":
        self.statuses = [answer.status_code]
        while answer.status_code == 302:
            answer = self.client.get(answer["Location"])
            self.statuses.append(answer.status_code)
        self.answer = answer
        self.path = answer.request["PATH_INFO"]
        self.page = Page(self.html)
        return self
