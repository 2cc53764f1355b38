"""RSA2 signatures: SHA256 with RSA, PKCS#1 v1.5, base64; through OpenSSL."""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def sign(text: str, key: RSAPrivateKey) -> str:
    return base64.b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode()


PublicKeys = Sequence[RSAPublicKey]
"""Alipay's keys: one, or the old and the new one during a rotation."""


def is_signed(signed: bytes, signature: str, keys: PublicKeys) -> bool:
    """True if one of `keys` signed these bytes and `signature` is canonical base64. Never raises."""
    decoded = _decoded(signature)
    return decoded is not None and any(_verifies(key, decoded, signed) for key in keys)


def is_base64(signature: str) -> bool:
    """True if it is canonical base64 and not empty."""
    return _decoded(signature) is not None


def none_of(keys: PublicKeys) -> str:
    """Reason for rejecting a signature by another key, with the fingerprints of `keys`."""
    return f"signed with none of the known keys: {', '.join(map(fingerprint, keys))}"


def fingerprint(key: RSAPublicKey) -> str:
    """The first 8 hex digits of the key's SHA256: `openssl pkey -pubin -outform DER | sha256sum`."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()[:8]


def _decoded(signature: str) -> bytes | None:
    """Decode base64. None also if it is not the canonical encoding of its bytes."""
    try:
        decoded = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if decoded and base64.b64encode(decoded).decode() == signature else None


def _verifies(key: RSAPublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def text_to_sign(params: Mapping[str, str]) -> str:
    """`k=v` joined with `&`, sorted by name, values raw."""
    return "&".join(f"{name}={value}" for name, value in sorted(params.items()))
