"""What tests need of npm: a pinned package beside the test, by a lock that names no registry."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import servers

INSTALLING = 300  # seconds
# What npm says when the network is away; whatever else goes wrong is a fault of ours.
NO_NETWORK = (
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "ETIMEDOUT",
    "ERR_SOCKET_TIMEOUT",
)


def installed(folder: Path, package: str) -> Path:
    """The package's folder, filled by `npm ci` when the pinned version is not there. Skips, loudly, without npm."""
    there = folder / "node_modules" / package
    if _version(there) != pinned(folder, package):
        npm = shutil.which("npm")
        servers.need(npm is not None, "npm is not installed")
        _install(str(npm), folder)
    return there


def pinned(folder: Path, package: str) -> str:
    """The version that package.json asks for."""
    return json.loads((folder / "package.json").read_text("utf-8"))["devDependencies"][package]


def _version(package: Path) -> str | None:
    if not (package.parent / ".package-lock.json").exists():  # npm writes it last
        return None
    described = package / "package.json"
    return json.loads(described.read_text("utf-8"))["version"] if described.exists() else None


def _install(npm: str, folder: Path) -> None:
    done = subprocess.run(
        [npm, "ci", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=INSTALLING,
        check=False,
    )
    if done.returncode == 0:
        return
    said = done.stderr.strip()
    away = [sign for sign in NO_NETWORK if sign in said]
    servers.need(not away, f"npm ci found no network ({', '.join(away)})")
    pytest.fail(f"npm ci failed:\n{said}")
