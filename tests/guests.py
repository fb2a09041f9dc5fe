"""A guest in a test: signs in through the two real requests and calls the API as an app does, with a bearer token."""

import json
from typing import Any

from django.test import Client


class Guest:
    """Somebody with a phone and a client of their own."""

    def __init__(self, phone: str, **headers: str) -> None:
        self.phone = phone
        self.client = Client(headers=headers)
        self.token = ""

    def ask(self, **body: Any) -> Any:
        return self.send("post", "/user/login/", {"phone": self.phone, **body})

    def confirm(self, code: str, **body: Any) -> Any:
        return self.send("post", "/user/confirm/", {"phone": self.phone, "code": code, **body})

    def sign_in(self, **body: Any) -> "Guest":
        answer = self.confirm(self.ask().json()["code"], **body)
        assert answer.status_code == 200, answer.content
        self.token = answer.json()["token"]
        return self

    def profile(self) -> dict[str, Any]:
        answer = self.get("/user/user-profile/")
        assert answer.status_code == 200, answer.content
        return answer.json()

    def activate(self, code: str) -> Any:
        return self.post("/user/user-profile/activate-code/", {"code": code})

    def get(self, path: str) -> Any:
        return self.send("get", path)

    def post(self, path: str, body: Any = None) -> Any:
        return self.send("post", path, body)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if body is None:
            return getattr(self.client, method)(path, headers=headers)
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        return getattr(self.client, method)(path, text, content_type="application/json", headers=headers)


def wrong(code: str) -> str:
    """A code of the same length that is not this one."""
    return str((int(code) + 1) % 10 ** len(code)).zfill(len(code))


def is_problem(answer: Any, status: int, code: str) -> bool:
    """Whether an answer is problem+json with this status and name; says what it is when it is not."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.content
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code), body
    assert body["type"].endswith(code), body
    assert body["title"], body
    assert body["detail"], body
    return True
