"""pgbench with the profile statement, prepared: what PostgreSQL itself does on this machine, without any HTTP."""

import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from bench.measured import Run
from bench.rivals import rival
from bench.rivals.limit import Limit


class Pgbench(Limit):
    """It is a client: there is nothing to serve."""

    name, title = "pgbench", "pgbench, same statement"
    databases = ("postgres",)

    def missing(self) -> str | None:
        return None if shutil.which("pgbench") else "there is no pgbench"

    def versions(self) -> dict[str, str]:
        found = subprocess.run(["pgbench", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
        return {"pgbench": found.split()[2]}

    def measure(self, database: str, folder: Path, connections: int, seconds: float) -> Run:
        """Statements a second over as many connections; no more of them than the server would ever have open."""
        clients = min(connections, rival.PROCESSES * rival.CONNECTIONS)
        names = iter((":id", ":id", ":now"))
        script = folder / "pgbench.sql"
        script.write_text(re.sub("%s", lambda _: next(names), (folder / "profile.sql").read_text()).strip() + ";\n")
        moment = datetime.now(UTC).isoformat()
        command = [
            *("pgbench", "--no-vacuum", "--protocol", "prepared", "--file", script, "--client", str(clients)),
            *("--jobs", str(min(clients, 2)), "--time", str(max(1, round(seconds)))),
            *("--define", f"id={rival.ME:022}", "--define", f"now={moment}", "--log", f"--log-prefix={folder}/pgbench"),
            database,
        ]
        ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        rate = re.search(r"^tps = ([0-9.]+)", ran.stdout, re.MULTILINE)
        if ran.returncode or rate is None:
            told = ran.stdout.replace(urlsplit(database).password or "\0", "…").strip()
            return Run(rate=0, p50=0, p99=0, done=0, errors=1, told=told[-300:])
        took = sorted(_milliseconds(folder))
        return Run(float(rate[1]), took[len(took) // 2], took[len(took) * 99 // 100], len(took), 0, "")


def _milliseconds(folder: Path) -> list[float]:
    found = []
    for log in folder.glob("pgbench.*[0-9]"):
        found += [int(line.split()[2]) / 1000 for line in log.read_text().splitlines()]
        log.unlink()
    return found
