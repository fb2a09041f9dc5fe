"""Secrets that are made once and kept in files, and changed there."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from guestlist.lib import keyfiles, keys


def test_secrets_are_made_once_and_kept_for_their_owner_alone(tmp_path):
    folder = tmp_path / "deep" / "keys"
    before = os.umask(0)
    try:
        made = keyfiles.kept(folder, ["SECRET_KEY", "LEDGER_KEY"])
    finally:
        os.umask(before)
    assert keyfiles.kept(folder, ["SECRET_KEY", "LEDGER_KEY"]) == made
    assert len(set(made.values())) == 2
    assert all(len(secret.encode()) >= keys.LEAST_BYTES for secret in made.values())
    assert sorted(path.name for path in folder.iterdir()) == ["LEDGER_KEY", "SECRET_KEY"]
    assert {mode(path) for path in folder.iterdir()} == {0o600}
    assert mode(folder) == 0o700


def test_a_secret_that_is_there_stays(tmp_path):
    (tmp_path / "SECRET_KEY").write_text("mine\n")
    assert keyfiles.kept(tmp_path, ["SECRET_KEY"]) == {"SECRET_KEY": "mine"}


def test_processes_that_start_together_agree(tmp_path):
    folder = tmp_path / "keys"
    script = (
        "import sys; from pathlib import Path; from guestlist.lib import keyfiles\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        f"print(keyfiles.kept(Path({str(folder)!r}), ['A', 'B', 'C']))"
    )
    root = Path(__file__).resolve().parents[2]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": root}
    started = [subprocess.Popen([sys.executable, "-c", script], **pipes) for _ in range(6)]
    assert [process.stdout.readline() for process in started] == ["ready\n"] * 6
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0] * 6
    assert len(set(answers)) == 1
    assert {mode(path) for path in folder.iterdir()} == {0o600}
    assert sorted(path.name for path in folder.iterdir()) == ["A", "B", "C"]


def test_a_change_takes_the_place_of_the_old_secret_for_its_owner_alone(tmp_path):
    keyfiles.kept(tmp_path, ["A", "B"])
    other = (tmp_path / "B").read_text()
    assert keyfiles.rewrite(tmp_path, "A", lambda old: f"{len(old)}-new") == "64-new"
    assert keyfiles.kept(tmp_path, ["A", "B"]) == {"A": "64-new", "B": other}
    assert {mode(path) for path in tmp_path.iterdir()} == {0o600}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["A", "B"]


def test_a_changed_secret_belongs_to_whom_it_belonged(tmp_path, monkeypatch):
    """An operator who is root must not lock the service out of its own keys."""
    keyfiles.kept(tmp_path, ["A"])
    given = []
    monkeypatch.setattr(os, "chown", lambda path, *owner: given.append((Path(path).parent, owner)))
    owner = (tmp_path / "A").stat()
    keyfiles.rewrite(tmp_path, "A", lambda _: "new")
    assert given == [(tmp_path, (owner.st_uid, owner.st_gid))]


def test_a_change_that_fails_leaves_the_old_secret_and_nothing_beside_it(tmp_path):
    before = keyfiles.kept(tmp_path, ["A"])
    with pytest.raises(ValueError, match="no ring"):
        keyfiles.rewrite(tmp_path, "A", fail)
    assert keyfiles.kept(tmp_path, ["A"]) == before
    assert [path.name for path in tmp_path.iterdir()] == ["A"]


def test_of_many_changes_at_once_none_is_lost_and_no_half_is_read(tmp_path):
    (tmp_path / "A").write_text("1:first")
    script = (
        "import sys; from pathlib import Path; from guestlist.lib import keyfiles, keys\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        f"for number in range(10): keyfiles.rewrite(Path({str(tmp_path)!r}), 'A', lambda old: keys.rotated(old, 'x'))"
    )
    root = Path(__file__).resolve().parents[2]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": root}
    started = [subprocess.Popen([sys.executable, "-c", script], **pipes) for _ in range(4)]
    assert [process.stdout.readline() for process in started] == ["ready\n"] * 4
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    while any(process.poll() is None for process in started):
        assert (tmp_path / "A").read_text().endswith("1:first")
    for process in started:
        process.communicate()
    assert [process.returncode for process in started] == [0] * 4
    assert list(keys.ring_entries((tmp_path / "A").read_text())) == list(range(41, 0, -1))
    assert [path.name for path in tmp_path.iterdir()] == ["A"]


def fail(old: str) -> str:
    raise ValueError("no ring")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
