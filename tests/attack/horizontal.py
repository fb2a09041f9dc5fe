"""2 000 phones, 3 wrong guesses each, from 200 addresses of the loopback network: how many are judged at 4 digits?

    python -m tests.attack.horizontal [sqlite|postgres|mariadb]

CHECKS C08: at most 315, then every stranger's code has 6 digits or more. With every limit as it is by default.
"""

import json
import socket
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests import servers

PHONES, ADDRESSES, AT_ONCE = 2000, 200, 32


def main() -> None:
    kind = sys.argv[1] if len(sys.argv) > 1 else "sqlite"
    with (
        tempfile.TemporaryDirectory() as folder,
        servers.fresh_database(kind, Path(folder)) as database,
        servers.running(database, WEB_CONCURRENCY="2", SANDBOX_DELAY="0", LIMITS="on") as url,
    ):
        asked = with_threads(lambda number: ask(url, number), PHONES)
        lengths = Counter(body.get("code_length", body.get("code")) for _, body in asked)
        guesses = [(number, body, step) for step in (1, 2, 3) for number, (_, body) in enumerate(asked)]
        answers = with_threads(lambda turn: guess(url, *guesses[turn]), len(guesses))
        judged = Counter(
            (asked[guesses[turn][0]][1].get("code_length"), status, body["code"])
            for turn, (status, body) in enumerate(answers)
        )
        after = Counter(
            send(url, f"127.9.{number}.9", "/user/login/", {"phone": phone(number + 7 * PHONES)})[1].get("code_length")
            for number in range(20)
        )
        print(f"{kind}: asked {dict(lengths)}")
        print(f"{kind}: guesses by (length, status, answer): {dict(judged)}")
        print(f"{kind}: judged at 4 digits: {judged[(4, 400, 'wrong_code')]} (at most 315)")
        print(f"{kind}: lengths of codes asked for afterwards: {dict(after)}")
        print(f"{kind}: answers with 5xx: {sum(status >= 500 for status, _ in [*asked, *answers])}")


def with_threads(act: Any, times: int) -> list[Any]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(act, range(times)))


def ask(url: str, number: int, step: int = 0) -> tuple[int, dict[str, Any]]:
    return send(url, address(number), "/user/login/", {"phone": phone(number + step * PHONES)})


def guess(url: str, number: int, asked: dict[str, Any], step: int) -> tuple[int, dict[str, Any]]:
    code = asked.get("code", "0000")
    if not code.isdigit():
        return 0, {"code": "was not asked"}
    wrong = str((int(code) + step) % 10 ** len(code)).zfill(len(code))
    return send(
        url,
        address(number),
        "/user/confirm/",
        {"phone": phone(number), "challenge": asked["challenge"], "code": wrong},
    )


def phone(number: int) -> str:
    """Numbers of different prefixes: +7900NNNN followed by three digits that do not count."""
    return f"+79{number % 100:02}{number // 100:03}{number % 10_000:04}"


def address(number: int) -> str:
    """One of 200 loopback addresses, each in a /24 of its own."""
    return f"127.{number % ADDRESSES // 100 + 1}.{number % ADDRESSES % 100 + 1}.9"


def send(url: str, source: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    where, payload = urlsplit(url), json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n\r\n"
    )
    with socket.create_connection((where.hostname, where.port), 30, source_address=(source, 0)) as connection:
        connection.sendall(head.encode() + payload)
        raw = b"".join(iter(lambda: connection.recv(65536), b""))
    top, _, text = raw.partition(b"\r\n\r\n")
    return int(top.split(b" ", 2)[1]), json.loads(text)


if __name__ == "__main__":
    main()
