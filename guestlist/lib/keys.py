"""Random tokens, digests and derived keys. Knows neither Django nor the database."""

import hashlib
import hmac
import re
import secrets
from itertools import pairwise

LEAST_BYTES = 32  # of a secret, as HMAC-SHA-256's output: NIST SP 800-107r1 5.3.4
LEAST_DIFFERENT = 10  # characters; of hex digits 8, which 32 random ones have but once in a million times
RING_ENTRY = re.compile(r"(\d{1,4}):(.+)")
LARGEST_RING_ID = 9999
HEX = re.compile(r"[0-9a-fA-F-]+")  # UUIDs have dashes
RUN = 8  # characters in a row, such as 12345678 or hgfedcba: in 48 random bytes once in 10^10 times
EXAMPLE = re.compile(  # in a random key of 64 letters once in some millions
    r"change[-_ .]?(me|this|it)|replace[-_ .]?(me|this|it)|example|insecure|placeholder|password|qwerty|secret"
    r"|guestlist|openssl|paste[-_ ]|\$\(|^(your|test|demo|dummy|default)[-_ .]|[-_ .]here$|^<.*>$",
    re.IGNORECASE,
)


def token(bits: int) -> str:
    """A random token of `bits` bits from the system's CSPRNG, in the URL-safe base 64 alphabet."""
    return secrets.token_urlsafe(bits // 8)


def digest(text: str) -> str:
    """SHA-256 of a random token, in hex: what is stored instead of it. Enough for >= 112 random bits (ASVS 6.5.2)."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def same(left: str, right: str) -> bool:
    """Whether two texts are equal, as bytes, in constant time."""
    return hmac.compare_digest(left.encode("utf-8", "surrogatepass"), right.encode("utf-8", "surrogatepass"))


def mac(key: bytes, *fields: str) -> bytes:
    """HMAC-SHA-256 over the fields, each behind its length (4 bytes), so that no two lists of fields read alike."""
    message = b"".join(len(raw).to_bytes(4, "big") + raw for raw in (field.encode() for field in fields))
    return hmac.digest(key, message, "sha256")


def subkey(secret: bytes, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose: HKDF-SHA-256 (RFC 5869) with an empty salt and one block of output."""
    extracted = hmac.digest(bytes(32), secret, "sha256")
    return hmac.digest(extracted, purpose.encode() + b"\x01", "sha256")


def fault(secret: str) -> str | None:
    """Why nobody should rely on this secret, as the end of a sentence without the secret in it; None for a random one.

    It finds what people paste: short ones, words of examples, one piece repeated, the alphabet. A secret that passes
    may still be bad; one from `openssl rand` or a pair of UUIDs is never refused.
    """
    if len(secret.encode()) < LEAST_BYTES:
        return f"is too short: it needs at least {LEAST_BYTES} bytes"
    is_repeated = any(secret[period:] == secret[:-period] for period in range(1, len(secret) - RUN))
    different = 8 if HEX.fullmatch(secret) else LEAST_DIFFERENT
    if EXAMPLE.search(secret) or is_repeated or len(set(secret)) < different or _longest_run(secret) >= RUN:
        return "reads like an example and not like a random key: `openssl rand -base64 48` makes one"
    return None


def ring(text: str, purpose: str) -> dict[int, bytes]:
    """A key ring `id:key,id:key`, newest first, as subkeys for `purpose`; one bare key is ring id 1.

    Raises ValueError, without the key in it, when an id is missing or repeated or a key is shorter than 32 bytes.
    """
    found = ring_entries(text)
    for key in found.values():
        if len(key.encode()) < LEAST_BYTES:
            raise ValueError(f"each key needs at least {LEAST_BYTES} bytes")
    return {id_: subkey(key.encode(), purpose) for id_, key in found.items()}


def ring_entries(text: str) -> dict[int, str]:
    """The keys of a ring as they were written, by id. Raises ValueError, without a key in it, for what is no ring.

    The id 0 is nobody's: it stands for codes that come from no key.
    """
    entries = [entry.strip() for entry in text.split(",")]
    are_keys = len(entries) > 1 and all(len(entry.encode()) >= LEAST_BYTES for entry in entries)
    if not are_keys and not any(RING_ENTRY.fullmatch(entry) for entry in entries):
        entries = [f"1:{text.strip()}"]  # one bare key, which may have commas
    matches = [RING_ENTRY.fullmatch(entry) for entry in entries]
    found = {int(match[1]): match[2] for match in matches if match}
    if len(found) != len(entries) or 0 in found:
        raise ValueError("it must be one key, or a ring like 2:newkey,1:oldkey with each id once, from 1 to 9999")
    return found


def rotated(text: str, new: str) -> str:
    """The ring with a new key in front, under an id that none of the others has."""
    found = ring_entries(text)
    next_id = max(found) + 1
    if next_id > LARGEST_RING_ID:
        next_id = next(id_ for id_ in range(1, LARGEST_RING_ID + 1) if id_ not in found)
    return _written({next_id: new, **found})


def newest(text: str) -> str:
    """The ring without all but its newest key, which keeps its id."""
    id_, key = next(iter(ring_entries(text).items()))
    return _written({id_: key})


def _written(entries: dict[int, str]) -> str:
    return ",".join(f"{id_}:{key}" for id_, key in entries.items())


def _longest_run(text: str) -> int:
    """The most characters that follow each other up or down: 8 in `x12345678y`."""
    longest = 1
    for step in (1, -1):
        length = 1
        for before, after in pairwise(text):
            length = length + 1 if ord(after) - ord(before) == step else 1
            longest = max(longest, length)
    return longest
