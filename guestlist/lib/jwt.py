"""Signed tokens (JWT) with Ed25519 keys derived from secrets. Its library takes a tenth of a second: import it late."""

from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry

ALGORITHM = "EdDSA"  # RFC 8037; RFC 9864 would have it called Ed25519, which many verifiers do not know yet
KID = 16  # characters of the thumbprint, 96 bits: enough to tell keys apart


def signed(seed: bytes, typ: str, claims: dict[str, Any]) -> str:
    """The claims as a compact JWT, signed with the key of this seed of 32 bytes."""
    header = {"alg": ALGORITHM, "typ": typ, "kid": kid(seed)}
    return jwt.encode(header, claims, _key(seed), registry=_registry)


def public(seed: bytes) -> dict[str, Any]:
    """The public half of a seed's key, as a JWK (RFC 7517)."""
    return {**_key(seed).as_dict(private=False), "kid": kid(seed), "alg": ALGORITHM, "use": "sig"}


@lru_cache(maxsize=64)
def kid(seed: bytes) -> str:
    """The key's name: the beginning of its public half's thumbprint (RFC 7638), so it says nothing more than that."""
    return str(_key(seed).thumbprint())[:KID]


@lru_cache(maxsize=64)
def _key(seed: bytes) -> OKPKey:
    return OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(seed))


class _Registry(JWSRegistry):
    """One algorithm, without the library's warning that it has a newer name."""

    def get_alg(self, name: str) -> JWSAlgModel:
        return self.algorithms[ALGORITHM]


_registry = _Registry(algorithms=[ALGORITHM])
