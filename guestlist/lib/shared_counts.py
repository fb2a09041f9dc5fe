"""Where the processes of one server keep their counts, so that each can answer for all: files in a folder of its own.

prometheus_client writes a file for each process and kind of count, and adds them up. Here is what it leaves to others:
the folder, and the files of processes that have ended, whose counts must stay and whose number must not grow.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from prometheus_client.mmap_dict import MmapedDict

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # read by prometheus_client when it is imported
START, END = "guestlist-", ".counts"
A_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def folder() -> Path | None:
    """The folder that this server's processes share; None where one process counts for itself."""
    found = os.environ.get(VARIABLE)
    return Path(found) if found else None


def new_folder() -> Path:
    """A private folder for the server that this process is about to become; OSError when there can be none.

    It is locked as long as this process, what it becomes by exec, or any child of theirs lives. systemd-tmpfiles, which
    sweeps /tmp, leaves locked folders alone too.
    """
    made = tempfile.mkdtemp(prefix=START)  # mode 0700
    lock = os.open(made, A_FOLDER)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.set_inheritable(lock, True)
    os.rename(made, made + END)  # only now, locked, it has the name by which others look for what they may sweep
    return Path(made + END)


def sweep() -> None:
    """Delete the folders of servers that have ended, however they ended."""
    for found in Path(tempfile.gettempdir()).glob(f"{START}*{END}"):
        with suppress(OSError), _locked(os.open(found, A_FOLDER), fcntl.LOCK_NB) as lock:  # held: its server lives
            if os.fstat(lock).st_uid == os.getuid():
                shutil.rmtree(found, ignore_errors=True)


def tidy() -> None:
    """Fold what processes have left that ended before this one began."""
    if (where := folder()) is not None:
        with files(where):
            pass


@contextmanager
def files(where: Path) -> Iterator[list[str]]:
    """The files to add up; no other thread or process folds them meanwhile."""
    with _locked(os.open(where / "turn", os.O_RDWR | os.O_CREAT, 0o600)):
        for kind in ("counter", "histogram"):
            _fold(kind, [file for file in where.glob(f"{kind}_*.db") if _has_ended(file)])
        yield [str(file) for file in where.glob("*.db") if file.stat().st_size]  # one is empty while it is made


def _fold(kind: str, ended: list[Path]) -> None:
    # A process that crashes over and over leaves a file each time; without them the counts would fall.
    if not ended:
        return
    together = MmapedDict(str(ended[0].with_name(f"{kind}_ended.db")))
    for file in ended:
        for key, value, _, _ in MmapedDict.read_all_values_from_file(str(file)) if file.stat().st_size else ():
            together.write_value(key, together.read_value(key)[0] + value, 0.0)
        file.unlink()
    together.close()


def _has_ended(file: Path) -> bool:
    process = file.stem.partition("_")[2]
    try:
        os.kill(int(process), 0)  # only asks
    except ProcessLookupError:
        return True
    except (PermissionError, ValueError):  # somebody's; or what was folded
        return False
    return False


@contextmanager
def _locked(descriptor: int, how: int = 0) -> Iterator[int]:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | how)
        yield descriptor
    finally:
        os.close(descriptor)
