"""Many requests whose last bytes are sent together, so that the server has them all at the same moment."""

import json
import socket
from typing import Any, NamedTuple
from urllib.parse import urlsplit

PATIENCE = 30  # seconds


class Answer(NamedTuple):
    """A status and the JSON under it."""

    status: int
    body: Any


def request(path: str, body: dict[str, Any] | None, token: str = "", method: str = "POST", address: str = "") -> bytes:
    """One request, ready to be sent; with an address, as a proxy passes it on."""
    payload = b"" if body is None else json.dumps(body).encode()
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Connection: close",
        f"Content-Length: {len(payload)}",
        *(["Content-Type: application/json"] if payload else []),
        *([f"Authorization: Bearer {token}"] if token else []),
        *([f"X-Forwarded-For: {address}"] if address else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + payload


def volley(url: str, requests: list[bytes]) -> list[Answer]:
    """Send all requests at once, each on a connection of its own; their answers in the same order.

    A connection that is reset, or that ends without an answer, fails the test: it counts as a 5xx.
    """
    where = urlsplit(url)
    sockets = [socket.create_connection((where.hostname, where.port), PATIENCE) for _ in requests]
    try:
        for connection, raw in zip(sockets, requests, strict=True):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(raw[:-1])
        for connection, raw in zip(sockets, requests, strict=True):
            connection.sendall(raw[-1:])
        return [_read(connection) for connection in sockets]
    finally:
        for connection in sockets:
            connection.close()


def one(url: str, path: str, body: dict[str, Any] | None = None, token: str = "", method: str = "POST") -> Answer:
    """A single request."""
    return volley(url, [request(path, body, token, method)])[0]


def sign_in(url: str, phone: str) -> str:
    """The bearer token of a person who signs in by the two requests."""
    asked = one(url, "/user/login/", {"phone": phone}).body
    return str(one(url, "/user/confirm/", {**asked, "code": asked["code"]}).body["token"])


def _read(connection: socket.socket) -> Answer:
    raw = b""
    while chunk := connection.recv(65536):
        raw += chunk
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head, "the connection ended without an answer"
    return Answer(int(head.split(b" ", 2)[1]), json.loads(body))
