"""Demo keys: one RSA pair for the merchant's app, one for the stand-in Alipay."""

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

# PEM parsers skip text before the BEGIN line. The site refuses a key with this line at the real Alipay.
DEMO_LINE = "# ihome demo key: never use it with the real Alipay\n"

_PAIRS = ("app", "alipay")
FILES = (*(f"{pair}_{half}_key.pem" for pair in _PAIRS for half in ("private", "public")), CONFIG_FILE)


class Incomplete(Exception):
    """The folder holds only some of the files: completing it would overwrite them or mix pairs."""


def make_demo_keys(folder: Path) -> bool:
    """Make the files (RSA, 2048 bits; private keys readable by their owner only) and return True.

    Return False and write nothing if all of them exist. Raises Incomplete, OSError.
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
    secret.touch(mode=0o600)  # before the key is written
    secret.write_bytes(DEMO_LINE.encode() + private)
    (folder / f"{pair}_public_key.pem").write_bytes(DEMO_LINE.encode() + public)
