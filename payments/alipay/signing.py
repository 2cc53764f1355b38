"""RSA2: SHA256 with RSA, PKCS#1 v1.5, base64; through OpenSSL."""

import base64
import binascii
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256


def sign(text: str, key: RSAPrivateKey) -> str:
    return base64.b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode()


def is_signed(text: str, signature: str, key: RSAPublicKey) -> bool:
    """True where `signature` is the canonical base64 of a signature of `text`. Never raises."""
    try:
        decoded = base64.b64decode(signature, validate=True)
        if base64.b64encode(decoded).decode() != signature:
            return False  # the same bytes written another way
        key.verify(decoded, text.encode(), PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def text_to_sign(params: Mapping[str, str]) -> str:
    """`k=v` joined with `&`, sorted by name, values raw."""
    return "&".join(f"{name}={value}" for name, value in sorted(params.items()))
