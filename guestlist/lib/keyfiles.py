"""Secrets that this service made for itself and keeps in a folder: a file of mode 0600 each. Knows no database."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from guestlist.lib import keys


def kept(folder: Path, names: list[str]) -> Mapping[str, str]:
    """Secrets that were made once and are kept in `folder`, a file of mode 0600 each; missing ones are made.

    Processes that start together agree: a file is written under another name and linked, so the first one stands.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in names:
        if not (folder / name).exists():
            with _draft(folder / name, keys.token(384)) as draft, suppress(FileExistsError):
                os.link(draft, folder / name)  # when another process was first, its secret is the one
    return {name: (folder / name).read_text(encoding="ascii", errors="replace").strip() for name in names}


def rewrite(folder: Path, name: str, change: Callable[[str], str]) -> str:
    """Change a kept secret: what `change` makes of the present one takes its place, at once and wholly.

    Of two processes that do this together the second begins with what the first has written, so nothing is lost;
    whoever reads meanwhile finds the old or the new one, never half of one.
    """
    with _alone(folder):
        new = change((folder / name).read_text(encoding="ascii").strip())
        owner = (folder / name).stat()
        with _draft(folder / name, new) as draft:
            os.chown(draft, owner.st_uid, owner.st_gid)  # by root too, and the service can read it afterwards
            os.replace(draft, folder / name)
    return new


@contextmanager
def _draft(path: Path, text: str) -> Iterator[str]:
    """A file beside `path` with this text, on the disk; gone at the end, unless it was moved."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mkstemp makes mode 0600
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield draft
        _sync(path.parent)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(draft)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # the system lets go when the process ends, however it ends
        yield
    finally:
        os.close(handle)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)  # the name too, so that it is there after the power has failed
    finally:
        os.close(handle)
