"""Is a code or a token to be found anywhere but on the phone and with its owner?

    python -m tests.attack.leaks [sqlite|postgres|mariadb] [logins]

CHECKS C37 and C39: of 1 000 logins of a live service with LOG_LEVEL=DEBUG, no code and no token stands in the log, the
database with its WAL, Redis, the metrics, the operators' pages or any answer but the one that hands a token out; and
nothing that is stored can be had by hashing all 10 000 codes without the keys.
"""

import hashlib
import hmac
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import redis

from tests import provider as providers
from tests import servers

LASTING = {
    name: "9000/h" for name in servers.FAR_AWAY if name != "LIMIT_CODES_PAUSE"
}  # so that what is counted stays to be read
LOGINS, AT_ONCE = 1000, 8
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")
OPERATOR = {"OPERATOR_NAME": "operator", "OPERATOR_PASSWORD": "correct horse battery staple"}
BRUTE_FORCED = 20  # flows of which every stored value is compared with the hashes of all codes


class Secrets(NamedTuple):
    """What a login has that nobody else may have."""

    code: str
    challenge: str
    session: str
    device: str


class Found(NamedTuple):
    """Where something was looked for, and what was found."""

    place: str
    size: int
    leaks: list[str]


def main() -> None:
    kind = sys.argv[1] if len(sys.argv) > 1 else "sqlite"
    logins = int(sys.argv[2]) if len(sys.argv) > 2 else LOGINS
    for found in search(kind, logins):
        print(f"{kind}: {found.place}: {found.size} bytes, {len(found.leaks)} found {found.leaks[:3] or ''}")
    print(f"{kind}: stored values that are a hash of a code without a key: {brute_force(kind)}")


def search(kind: str, logins: int) -> list[Found]:
    """Log in so many times, and look everywhere while the service still runs."""
    with tempfile.TemporaryDirectory() as name, servers.fresh_database(kind, Path(name)) as database:
        log = Path(name) / "log"
        with providers.answering() as provider:
            environment = {
                **providers.live_settings(provider),
                **servers.FAR_AWAY,
                **LASTING,
                **OPERATOR,
                "CODE_DIGITS": "8",
            }
            environment |= {
                "LOG_LEVEL": "DEBUG",
                "DRY_RUN": "CONVERSION",
                "SMS_DAILY_BUDGET": "1000000",
                "REDIS_URL": REDIS,
            }
            redis.Redis.from_url(REDIS).flushdb()
            with servers.running(database, log, **environment) as url:
                answers: list[bytes] = []
                with ThreadPoolExecutor(AT_ONCE) as pool:
                    secrets = list(
                        pool.map(lambda turn: sign_in(url, provider, phone(turn), turn, answers), range(logins))
                    )
                places = {
                    "answers": b"\n".join(answers),
                    "database": dump(kind, database),
                    "Redis": b"\n".join(redis_dump()),
                    "metrics": get(url, "/metrics")[1],
                    "operators' pages": b"\n".join(operators_pages(url)),
                    "processes": subprocess.run(["ps", "-eww"], capture_output=True, check=True).stdout,
                }
            places["log"] = log.read_bytes()
    return [look(place, text, secrets) for place, text in places.items()]


def look(place: str, text: bytes, secrets: list[Secrets]) -> Found:
    """Every code as a number by itself, every token wherever it stands."""
    numbers = set(re.findall(rb"(?<![0-9])[0-9]{8}(?![0-9])", text))
    leaks = [secret.code for secret in secrets if secret.code.encode() in numbers]
    for secret in secrets:
        tokens = [secret.challenge, secret.device, *secret.session.split(".")[1:]]
        leaks += [token for token in tokens if token and token.encode() in text]
    return Found(place, len(text), leaks)


def sign_in(url: str, provider: providers.Provider, number: str, turn: int, answers: list[bytes]) -> Secrets:
    """Ask, guess wrong once, confirm: as an app or, every other time, as a browser. Its answers, but for the tokens."""
    origin = {"Origin": url} if turn % 2 else {}
    headers, raw = call(url, "/user/login/", {"phone": number}, origin)
    challenge = json.loads(raw)["challenge"]
    answers.append(raw.replace(challenge.encode(), b""))
    code = provider.code_for(number)
    bodies = [{"phone": number, "challenge": challenge, "code": typed} for typed in (code[::-1] + "0", code)]
    answers.append(call(url, "/user/confirm/", bodies[0], origin)[1])
    headers, raw = call(url, "/user/confirm/", bodies[1], origin)
    said = json.loads(raw)
    cookies = dict(re.findall(r"guestlist_(\w+)=([^;]*)", headers))
    session, device = said["token"] or cookies["session"], said["device"] or cookies["device"]
    answers.append(raw.replace(session.encode(), b"").replace(device.encode(), b""))
    for path in ("/user/user-profile/", "/user/sessions/"):
        answers.append(get(url, path, {"Authorization": f"Bearer {session}"})[1])
    answers.append(get(url, "/sandbox/inbox/")[1])
    return Secrets(code, challenge, session, device)


def call(url: str, path: str, body: dict[str, Any], more: dict[str, str]) -> tuple[str, bytes]:
    return send(url, "POST", path, json.dumps(body), {"Content-Type": "application/json", **more})


def get(url: str, path: str, headers: dict[str, str] | None = None) -> tuple[str, bytes]:
    return send(url, "GET", path, None, headers or {})


def send(url: str, method: str, path: str, body: str | None, headers: dict[str, str]) -> tuple[str, bytes]:
    where = urlsplit(url)
    connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=30)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    raw = answer.read()
    connection.close()
    return str(answer.headers), raw


def phone(turn: int) -> str:
    return f"+7900{turn % 1000:03}{turn // 1000:04}"


def dump(kind: str, database: str) -> bytes:
    """Everything that is in the database, as a thief of its files or of a backup has it."""
    where = urlsplit(database)
    if kind == "sqlite":
        return b"".join(
            file.read_bytes() for file in sorted(Path(where.path).parent.glob("guestlist.sqlite3*")) if file.is_file()
        )
    if kind == "postgres":
        return subprocess.run(["pg_dump", database], capture_output=True, check=True).stdout
    login = [
        "--protocol=tcp",
        "-h",
        str(where.hostname),
        "-P",
        str(where.port),
        f"-u{where.username}",
        f"-p{where.password}",
    ]
    command = ["mariadb-dump", "--no-defaults", *login, where.path.strip("/")]
    return subprocess.run(command, capture_output=True, check=True).stdout


def redis_answers() -> bool:
    """Whether there is a Redis to use."""
    try:
        return bool(redis.Redis.from_url(REDIS, socket_connect_timeout=1).ping())
    except redis.ConnectionError:
        return False


def redis_dump() -> Iterator[bytes]:
    store = redis.Redis.from_url(REDIS)
    for key in store.scan_iter():
        yield key + b" " + (store.dump(key) or b"")
        with suppress(redis.ResponseError):
            yield store.get(key) or b""


class Links(HTMLParser):
    """The addresses that a page leads to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a link."""
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def operators_pages(url: str) -> Iterator[bytes]:
    """The operators' site: each list, and three rows of each."""
    headers, _ = get(url, "/admin/login/")
    csrf = re.findall(r"csrftoken=([^;]+)", headers)[0]
    form = {
        "username": OPERATOR["OPERATOR_NAME"],
        "password": OPERATOR["OPERATOR_PASSWORD"],
        "csrfmiddlewaretoken": csrf,
    }
    sent = {"Cookie": f"csrftoken={csrf}", "Content-Type": "application/x-www-form-urlencoded", "Referer": f"{url}/"}
    headers, _ = send(url, "POST", "/admin/login/?next=/admin/", urlencode(form), sent)
    session = re.findall(r"guestlist_operator=([^;]+)", headers)[0]
    cookie = {"Cookie": f"guestlist_operator={session}"}
    first = get(url, "/admin/", cookie)[1]
    assert b"Log out" in first, first[:500]
    yield first
    lists = sorted({link for link in Links(first.decode()).found if re.fullmatch(r"/admin/\w+/\w+/", link)})
    assert len(lists) > 5, lists
    for path in lists:
        page = get(url, path, cookie)[1]
        yield page
        rows = [link for link in Links(page.decode()).found if link.startswith(path) and "/change/" in link]
        for row in dict.fromkeys(rows[:30:10]):
            yield get(url, row, cookie)[1]


def brute_force(kind: str) -> int:
    """How many stored values are what a thief gets who hashes every 4-digit code with all that is stored beside it."""
    with (
        tempfile.TemporaryDirectory() as name,
        servers.fresh_database(kind, Path(name)) as database,
        providers.answering() as provider,
        servers.running(database, Path(name) / "log", **providers.live_settings(provider), **servers.FAR_AWAY) as url,
    ):
        for turn in range(BRUTE_FORCED):
            call(url, "/user/login/", {"phone": phone(turn)}, {})
        stored = dump(kind, database)
    values = set(re.findall(rb"[0-9a-f]{64}|[A-Za-z0-9_-]{22,64}", stored))
    codes = [str(code).zfill(4).encode() for code in range(10_000)]
    salts = {value for value in values if len(value) in (22, 64)} | {
        phone(turn).encode() for turn in range(BRUTE_FORCED)
    }
    hits = 0
    for salt in [b"", *sorted(salts)]:
        for code in codes:
            tags = [
                hashlib.sha256(salt + code),
                hashlib.sha256(code + salt),
                hmac.new(salt, code, "sha256"),
                hmac.new(code, salt, "sha256"),
            ]
            hits += sum(tag.hexdigest().encode() in values for tag in tags)
    return hits


if __name__ == "__main__":
    main()
