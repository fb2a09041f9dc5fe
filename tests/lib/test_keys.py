"""Tokens, digests, derived keys, rings of them, and keys that nobody should rely on."""

import base64
import hashlib
import hmac
import os
import uuid

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


def test_the_id_0_belongs_to_no_key():
    for text in (f"0:{NEW}", f"1:{NEW},0:{OLD}", f"00:{NEW}"):
        with pytest.raises(ValueError, match="from 1 to 9999"):
            keys.ring_entries(text)


def test_a_new_key_comes_in_front_under_an_id_of_its_own():
    assert keys.rotated(OLD, NEW) == f"2:{NEW},1:{OLD}"
    assert keys.rotated(f"3:{OLD},7:{OLD}x", NEW) == f"8:{NEW},3:{OLD},7:{OLD}x"
    assert keys.rotated(f"9999:{OLD},1:{OLD}x", NEW) == f"2:{NEW},9999:{OLD},1:{OLD}x"


def test_dropping_leaves_the_newest_key_under_its_id():
    assert keys.newest(f"3:{NEW},2:{OLD}") == f"3:{NEW}"
    assert keys.newest(NEW) == f"1:{NEW}"


RANDOM = [lambda: base64.b64encode(os.urandom(48)).decode(), lambda: os.urandom(32).hex(), lambda: keys.token(384)]
RANDOM += [lambda: f"{uuid.uuid4()}{uuid.uuid4()}", lambda: f"{uuid.uuid4().hex}{uuid.uuid4().hex}"]


@pytest.mark.parametrize("draw", RANDOM)
def test_a_random_key_has_no_fault(draw):
    assert [secret for secret in (draw() for _ in range(2000)) if keys.fault(secret)] == []


@pytest.mark.parametrize("secret", ["", "k", "x" * 31, "ж" * 15, "sCEgDZKt-Ojyj5O-qXMmuA"])
def test_a_short_key_is_one_fault(secret):
    assert keys.fault(secret) == "is too short: it needs at least 32 bytes"


@pytest.mark.parametrize(
    "secret",
    [
        "k" * 64,
        "changeme" * 4,
        "changemechangemechangemechangeme!",
        "Change-Me-To-Something-Long-And-Random-1",
        "change_this_before_going_to_production_42",
        "example-key-with-more-than-32-characters",
        "secret-key-for-the-production-server-7391",
        "SECRET_KEY_2024_prod_do_not_share_with_us",
        "supersecretsupersecretsupersecret!",
        "django-insecure-9fK2vQ7xLwT4mZr8NcB5yHd3JpG6sWqX",
        "your-secret-key-goes-right-in-here",
        "your-48-random-bytes-go-here-2vQ7xLwT4mZr8N",
        "put-thirty-two-random-characters-here",
        "<a random text of at least 32 characters>",
        "placeholder_9fK2vQ7xLwT4mZr8NcB5yHd3Jp",
        "replace-me-9fK2vQ7xLwT4mZr8NcB5yHd3JpG",
        "passwordpassword-9fK2vQ7xLwT4mZr8NcB5yHd",
        "abcdefghijklmnopqrstuvwxyzabcdef",
        "0123456789abcdef0123456789abcdef",
        "zyxwvutsrqponmlkjihgfedcba9876543210",
        "12345678901234567890123456789012",
        "qwertyuiopasdfghjklzxcvbnm123456",
        "00112233" * 8,
        "9fK2vQ7xLwT4mZr8" * 3,
        "ababababababababababababababababab!",
        "guestlist-guestlist-guestlist-guestlist!",
    ],
)
def test_what_people_paste_is_an_example(secret):
    assert "example" in str(keys.fault(secret))
    assert secret not in str(keys.fault(secret))
