"""Makes the keys of a demo: the merchant's app's pair and the stand-in Alipay's pair."""

import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from standin.signing import CONFIG_FILE

DEMO_APP_ID = "9021000000000001"
DEMO_SELLER_ID = "2088000000000001"

# Parsers of PEM skip text before the BEGIN line. The site refuses a key with this line at the real Alipay.
DEMO_LINE = "# ihome demo key: never use it with the real Alipay\n"

_PAIRS = ("app", "alipay")
FILES = (*(f"{pair}_{half}_key.pem" for pair in _PAIRS for half in ("private", "public")), CONFIG_FILE)


class Incomplete(Exception):
    """The folder holds some of the files but not all: making the rest would overwrite or mismatch."""


def make_demo_keys(folder: Path) -> bool:
    """Makes the files (2048 bit RSA; private ones only for their owner) and says True.

    False, and nothing is touched, where all of them are there. Raises Incomplete, OSError.
    """
    present = [name for name in FILES if (folder / name).exists()]
    if len(present) == len(FILES):
        return False
    if present:
        raise Incomplete(f"{folder} holds only {', '.join(present)}: remove them or choose another folder")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    for pair in _PAIRS:
        _make_pair(folder, pair)
    config = {"app_id": DEMO_APP_ID, "seller_id": DEMO_SELLER_ID}
    (folder / CONFIG_FILE).write_text(json.dumps(config, indent=2) + "\n")
    return True


def _make_pair(folder: Path, pair: str) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    secret = folder / f"{pair}_private_key.pem"
    secret.touch(mode=0o600)  # narrow before the key is in it
    secret.write_bytes(DEMO_LINE.encode() + private)
    (folder / f"{pair}_public_key.pem").write_bytes(DEMO_LINE.encode() + public)
