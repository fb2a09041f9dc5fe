"""What processes take of the machine, by /proc: memory, file descriptors, threads."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PAGE = os.sysconf("SC_PAGE_SIZE")


class Taken(NamedTuple):
    """Of one process, or of several together."""

    rss: int  # bytes
    own: int  # bytes that it shares with nobody; 0 where the system does not tell
    files: int
    threads: int


def family(pid: int) -> list[int]:
    """This process and all that it has started, directly or not; itself first."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError, IndexError, ValueError):
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def taken(pid: int) -> Taken:
    """By one process now."""
    folder = Path(f"/proc/{pid}")
    pages = int((folder / "statm").read_text().split()[1])
    threads = int((folder / "status").read_text().split("Threads:")[1].split()[0])
    return Taken(pages * PAGE, _own(folder), len(list((folder / "fd").iterdir())), threads)


def together(pids: Sequence[int]) -> Taken:
    """By those of them that still are."""
    found = []
    for pid in pids:
        with suppress(OSError, IndexError):
            found.append(taken(pid))
    return Taken(*(sum(column) for column in zip(*found, strict=True))) if found else Taken(0, 0, 0, 0)


def name(pid: int) -> str:
    """The words that it was started with."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()


def _own(folder: Path) -> int:
    with suppress(OSError):
        lines = (folder / "smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) * 1024
    return 0
