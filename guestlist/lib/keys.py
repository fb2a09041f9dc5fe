"""Random tokens, digests and derived keys. Knows neither Django nor the database."""

import hashlib
import hmac
import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

LEAST_BYTES = 32  # of a secret, as HMAC-SHA-256's output: NIST SP 800-107r1 5.3.4
RING_ENTRY = re.compile(r"(\d{1,4}):(.+)")


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
    """The keys of a ring as they were written, by id. Raises ValueError, without a key in it, for what is no ring."""
    entries = [entry.strip() for entry in text.split(",")]
    if len(entries) == 1 and not RING_ENTRY.fullmatch(entries[0]):
        entries = [f"1:{entries[0]}"]
    matches = [RING_ENTRY.fullmatch(entry) for entry in entries]
    found = {int(match[1]): match[2] for match in matches if match}
    if len(found) != len(entries):
        raise ValueError("it must be one key, or a ring like 2:newkey,1:oldkey with each id once")
    return found


def kept(folder: Path, names: list[str]) -> Mapping[str, str]:
    """Secrets that were made once and are kept in `folder`, a file of mode 0600 each; missing ones are made.

    Processes that start together agree: a file is written under another name and linked, so the first one stands.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in names:
        if not (folder / name).exists():
            _write_once(folder / name, token(384))
    return {name: (folder / name).read_text(encoding="ascii").strip() for name in names}


def _write_once(path: Path, text: str) -> None:
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mkstemp makes mode 0600
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first; its secret is the one
    finally:
        os.unlink(draft)
