"""RSA2: SHA256 with RSA, PKCS#1 v1.5, base64. The signed text differs by kind of message."""

import base64
import binascii
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)

from .wire import CODECS, UTF8

CONFIG_FILE = "standin.json"


class BadKeys(Exception):
    """The keys folder can't be used; the message gives the reason."""


@dataclass(frozen=True)
class Account:
    """The merchant's app and seller ids, the app's public key, and Alipay's private key for the app."""

    app_id: str
    seller_id: str
    app_public_key: RSAPublicKey
    alipay_private_key: RSAPrivateKey

    @classmethod
    def load(cls, folder: Path, app_id: str = "", seller_id: str = "") -> "Account":
        """Load app_public_key.pem, alipay_private_key.pem and standin.json; ids passed in take precedence.

        Raises BadKeys.
        """
        try:
            public = load_pem_public_key((folder / "app_public_key.pem").read_bytes())
            private = load_pem_private_key((folder / "alipay_private_key.pem").read_bytes(), password=None)
            if not (app_id and seller_id):
                config = json.loads((folder / CONFIG_FILE).read_text())
                app_id, seller_id = (
                    app_id or config["app_id"],
                    seller_id or config["seller_id"],
                )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadKeys(f"the keys in {folder} can't be used ({error})") from error
        if not isinstance(public, RSAPublicKey) or not isinstance(private, RSAPrivateKey):
            raise BadKeys(f"the keys in {folder} are not RSA keys")
        return cls(app_id, seller_id, public, private)

    def sign(self, text: str, charset: str = UTF8) -> str:
        """Return Alipay's signature over the text's bytes in `charset`, in base64."""
        return rsa2(self.alipay_private_key, text.encode(CODECS[charset.lower()]))

    def is_signed_by_app(self, text: str, signature: str, charset: str = UTF8) -> bool:
        try:
            raw = base64.b64decode(signature, validate=True)
            self.app_public_key.verify(raw, text.encode(CODECS[charset.lower()]), PKCS1v15(), SHA256())
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


def rsa2(key: RSAPrivateKey, signed: bytes) -> str:
    return base64.b64encode(key.sign(signed, PKCS1v15(), SHA256())).decode()


def joined(params: Mapping[str, str], leave_out: Collection[str]) -> str:
    """Return the text to sign: `k=v` sorted by name, joined with `&`, not URL-encoded, no empty values."""
    return "&".join(
        f"{name}={value}" for name, value in sorted(params.items()) if value and name not in leave_out
    )
