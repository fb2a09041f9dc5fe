"""better-auth on Node: sign-in by its phone-number plugin, a session read by its get-session endpoint."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.rivals import rival
from bench.rivals.rival import Answer, Call, Population
from tests import servers

FOLDER = Path(__file__).resolve().parent
SESSION = "better-auth.session_token"


class BetterAuth(rival.Rival):
    """It has no invitees: its session is a smaller answer than a profile."""

    name, title = "better-auth", "better-auth (Node)"
    databases = ("postgres",)  # for SQLite it needs a driver that is downloaded ready-built
    home = rival.INSTALLED / "better-auth"

    def missing(self) -> str | None:
        lacks = [program for program in ("node", "npm") if shutil.which(program) is None]
        return f"there is no {' and no '.join(lacks)}" if lacks else None

    def install(self) -> None:
        wanted, stamp = (FOLDER / "package.json").read_text(), self.home / "installed.json"
        self.home.mkdir(parents=True, exist_ok=True)
        shutil.copy(FOLDER / "server.mjs", self.home)
        if stamp.exists() and stamp.read_text() == wanted:
            return
        rival.say(f"installing {self.name} into {self.home.relative_to(servers.ROOT)}")
        (self.home / "package.json").write_text(wanted)
        npm = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
        subprocess.run(npm, cwd=self.home, check=True, stdout=subprocess.DEVNULL)
        stamp.write_text(wanted)

    def versions(self) -> dict[str, str]:
        script = (
            "const at = (name) => JSON.parse(require('fs').readFileSync(`node_modules/${name}/package.json`)).version;"
            "console.log(process.versions.node, at('better-auth'), at('pg'))"
        )
        command = ["node", "--input-type=commonjs", "-e", script]
        found = subprocess.run(command, cwd=self.home, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        return dict(zip(("Node", "better-auth", "pg"), found, strict=True))

    def prepare(self, database: str, folder: Path, people: Population) -> None:
        (folder / "secret").write_text(secrets.token_urlsafe(32))
        environment = self._environment(database, folder, 1)
        subprocess.run(["node", "server.mjs", "migrate"], cwd=self.home, env=environment, check=True)

    @contextmanager
    def running(self, database: str, folder: Path) -> Iterator[str]:
        port = servers.free_port()
        environment = self._environment(database, folder, port)
        with rival.serving(self, ["node", "server.mjs"], port, cwd=self.home, env=environment) as url:
            yield url

    def profile(self, credentials: dict[str, str]) -> Call:
        return Call("GET", "/api/auth/get-session", credentials)

    def ask(self, phone: str) -> Call:
        return Call("POST", "/api/auth/phone-number/send-otp", {}, {"phoneNumber": phone})

    def confirm(self, phone: str, asked: Answer) -> Call:
        return Call("POST", "/api/auth/phone-number/verify", {}, {"phoneNumber": phone, "code": asked.header("x-code")})

    def credentials(self, confirmed: Answer) -> dict[str, str]:
        start = confirmed.head.index(f"{SESSION}=")
        return {"Cookie": confirmed.head[start:].partition(";")[0]}

    def _environment(self, database: str, folder: Path, port: int) -> dict[str, str]:
        return {
            **os.environ,
            "NODE_ENV": "production",
            "DATABASE_URL": database,
            "PORT": str(port),
            "PROCESSES": str(rival.PROCESSES),
            "CONNECTIONS": str(rival.CONNECTIONS),
            "SECRET": (folder / "secret").read_text(),
        }
