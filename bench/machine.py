"""What it was measured on, in words that say nothing about whose machine it is."""

import os
import platform
import sqlite3
from collections.abc import Iterable
from pathlib import Path

import psycopg

from bench import wrk
from tests import servers

BUSY = 0.25  # load per core before anything is started


def facts(databases: Iterable[str]) -> dict[str, str]:
    """Processor, cores, memory, system, databases, load generator."""
    found = {
        "processor": _after("/proc/cpuinfo", "model name"),
        "cores": str(os.cpu_count()),
        "memory": f"{int(_after('/proc/meminfo', 'MemTotal').split()[0]) / 2**20:.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "load before": f"{os.getloadavg()[0]:.2f}",
        "load generator": f"wrk {wrk.version()} and bench/load.py" if wrk.is_there() else "bench/load.py only",
    }
    if "sqlite" in databases:
        found["SQLite"] = sqlite3.sqlite_version
    if "postgres" in databases:
        with psycopg.connect(servers.URLS["postgres"]) as connection:
            settings = ("server_version", "fsync", "synchronous_commit", "shared_buffers")
            told = [connection.execute(f"SHOW {name}").fetchone()[0] for name in settings]
        found["PostgreSQL"] = f"{told[0].split()[0]}, fsync {told[1]}, synchronous_commit {told[2]}, {told[3]} buffers"
    return found


def is_busy() -> bool:
    """Whether somebody else uses this machine now, so that no figure of it counts."""
    return os.getloadavg()[0] > BUSY * (os.cpu_count() or 1)


def _after(file: str, name: str) -> str:
    lines = Path(file).read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "unknown 0")
