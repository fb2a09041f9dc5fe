"""Tokens, digests, derived keys, and secrets that are made once."""

import hashlib
import hmac
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guestlist.lib import keys

NEW, OLD = "n" * 32, "o" * 40


def test_tokens_hold_as_many_bits_as_asked_for_and_never_repeat():
    assert (len(keys.token(128)), len(keys.token(256))) == (22, 43)
    assert len({keys.token(128) for _ in range(1000)}) == 1000


def test_a_digest_is_sha_256():
    assert keys.digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-4
    assert keys.digest("\ud800") != keys.digest("?")


def test_equal_texts_are_the_same_and_others_are_not():
    assert keys.same("Ж\ud800", "Ж\ud800")
    assert not keys.same("abc", "abC")
    assert not keys.same("abc", "abcd")
    assert not keys.same("", "a")


def test_a_mac_is_hmac_sha_256_over_fields_behind_their_lengths():
    message = b"\x00\x00\x00\x02v1" + b"\x00\x00\x00\x04" + "Жa ".encode()
    assert keys.mac(b"k" * 32, "v1", "Жa ") == hmac.new(b"k" * 32, message, hashlib.sha256).digest()


@given(st.lists(st.text(max_size=6), max_size=5), st.lists(st.text(max_size=6), max_size=5))
def test_no_two_lists_of_fields_read_alike(left, right):
    assert (keys.mac(b"k" * 32, *left) == keys.mac(b"k" * 32, *right)) == (left == right)


@pytest.mark.parametrize(
    ("left", "right"),
    [(("ab", "c"), ("a", "bc")), (("a",), ("a", "")), ((), ("",)), (("a", "b"), ("ab",)), (("\x00",), ("",))],
)
def test_moving_a_border_between_fields_changes_the_mac(left, right):
    assert keys.mac(b"k" * 32, *left) != keys.mac(b"k" * 32, *right)


def test_a_subkey_is_the_known_answer_of_hkdf():
    """RFC 5869, test case 3: no salt, no info; the first 32 bytes of its output."""
    known = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
    assert keys.subkey(b"\x0b" * 22, "").hex() == known


@given(st.binary(min_size=1, max_size=80), st.text(max_size=20))
def test_a_subkey_is_hkdf_by_its_definition(secret, purpose):
    """RFC 5869, 2.2 and 2.3: extract under a salt of zeros, then the first block of expand."""
    extracted = hmac.new(b"\x00" * hashlib.sha256().digest_size, secret, hashlib.sha256).digest()
    expanded = hmac.new(extracted, b"" + purpose.encode() + bytes([1]), hashlib.sha256).digest()
    assert keys.subkey(secret, purpose) == expanded


def test_each_purpose_has_a_key_of_its_own():
    assert keys.subkey(b"k" * 32, "a") != keys.subkey(b"k" * 32, "b")
    assert keys.subkey(b"k" * 32, "a") != keys.subkey(b"l" * 32, "a")


def test_one_bare_key_is_ring_id_1():
    assert keys.ring(NEW, "codes") == {1: keys.subkey(NEW.encode(), "codes")}
    assert keys.ring(f"1:{NEW}", "codes") == keys.ring(NEW, "codes")


def test_a_bare_key_may_hold_colons():
    bare = "abc:" + NEW
    assert keys.ring(bare, "codes") == {1: keys.subkey(bare.encode(), "codes")}


def test_a_ring_keeps_its_order_newest_first():
    ring = keys.ring(f" 12:{NEW} , 3:{OLD} ", "codes")
    assert list(ring.items()) == [(12, keys.subkey(NEW.encode(), "codes")), (3, keys.subkey(OLD.encode(), "codes"))]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "short",
        "k" * 31,
        "ж" * 15,  # 30 bytes
        f"1:{NEW},2:short",
        f"1:{NEW},1:{OLD}",
        f"1:{NEW},01:{OLD}",
        f"{NEW},{OLD}",
        f"1:{NEW},{OLD}",
        f"1:{NEW},",
        f"12345:{NEW},1:{OLD}",
        f"x:{NEW},1:{OLD}",
    ],
)
def test_a_ring_that_does_not_fit_is_refused_without_naming_a_key(text):
    with pytest.raises(ValueError, match=r"one key, or a ring|at least 32 bytes") as refused:
        keys.ring(text, "codes")
    assert NEW not in str(refused.value)
    assert OLD not in str(refused.value)


def test_secrets_are_made_once_and_kept_for_their_owner_alone(tmp_path):
    folder = tmp_path / "deep" / "keys"
    before = os.umask(0)
    try:
        made = keys.kept(folder, ["SECRET_KEY", "LEDGER_KEY"])
    finally:
        os.umask(before)
    assert keys.kept(folder, ["SECRET_KEY", "LEDGER_KEY"]) == made
    assert len(set(made.values())) == 2
    assert all(len(secret.encode()) >= keys.LEAST_BYTES for secret in made.values())
    assert sorted(path.name for path in folder.iterdir()) == ["LEDGER_KEY", "SECRET_KEY"]
    assert {mode(path) for path in folder.iterdir()} == {0o600}
    assert mode(folder) == 0o700


def test_a_secret_that_is_there_stays(tmp_path):
    (tmp_path / "SECRET_KEY").write_text("mine\n")
    assert keys.kept(tmp_path, ["SECRET_KEY"]) == {"SECRET_KEY": "mine"}


def test_processes_that_start_together_agree(tmp_path):
    folder = tmp_path / "keys"
    script = (
        "import sys; from pathlib import Path; from guestlist.lib import keys\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        f"print(keys.kept(Path({str(folder)!r}), ['A', 'B', 'C']))"
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


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
