"""wrk: the same GET again and again over kept-alive connections."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.measured import Run
from bench.rivals.rival import Call

PATIENCE = "30s"  # slow is no error; wrk by itself gives up after 2 s
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


def is_there() -> bool:
    """Whether this machine has it; otherwise our own load generator takes its place."""
    return shutil.which("wrk") is not None


def version() -> str:
    """As it says it."""
    said = subprocess.run(["wrk", "--version"], stdout=subprocess.PIPE, text=True, check=False).stdout
    return said.split("\n", 1)[0].split(" [")[0].removeprefix("wrk ")


def load(url: str, call: Call, connections: int, seconds: float, script: Path | None = None) -> Run:
    """One thread of it is enough: it does many times what the servers here can. A script may say what is asked for."""
    headers = [word for name, value in call.headers.items() for word in ("--header", f"{name}: {value}")]
    duration = f"{max(1, round(seconds))}s"
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", duration, "--latency"]
    command += ["--timeout", PATIENCE, *(["--script", str(script)] if script else []), *headers, url + call.path]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        return Run(0, 0, 0, 0, 1, (ran.stderr or ran.stdout).strip()[-300:])
    return read(ran.stdout)


def in_turn(calls: Sequence[Call]) -> str:
    """A script that makes these GETs in turn, from the first on."""
    made = ", ".join(
        f"wrk.format('GET', {call.path!r}, {{ {', '.join(f'[{n!r}] = {v!r}' for n, v in call.headers.items())} }})"
        for call in calls
    )
    return (
        f"local made, turn\n"
        f"function init() made = {{ {made} }}; turn = 0 end\n"
        f"function request() turn = turn % #made + 1; return made[turn] end\n"
    )


def read(report: str) -> Run:
    """What wrk's report says. Anything but 2xx and 3xx is an error, and so is a socket that failed."""
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", report)
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", report)
    errors = (int(refused[1]) if refused else 0) + (sum(map(int, sockets.groups())) if sockets else 0)
    told = "; ".join(found[0] for found in (refused, sockets) if found)
    done = re.search(r"(\d+) requests in ", report)
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", report)
    if not (done and rate) or int(done[1]) == 0:
        return Run(0, 0, 0, 0, errors or 1, told or "wrk did not say what it did")
    return Run(float(rate[1]), _at(report, "50%"), _at(report, "99%"), int(done[1]), errors, told)


def _at(report: str, part: str) -> float:
    found = re.search(rf"^\s+{part}\s+([0-9.]+)(us|ms|s|m)\s*$", report, re.MULTILINE)
    return float(found[1]) * UNITS[found[2]] if found else 0.0
