"""Loads our private key and Alipay's public keys from PEM files. Errors never contain key material."""

import stat
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

RSA2_BITS = 2048
BEGIN = b"-----BEGIN"
DEMO_MARK = b"ihome demo key"
"""Precedes the PEM block in files made by make_demo_keys."""


class KeyProblem(Exception):
    """A key file can't be used. The message says why, and what to do."""


def load_private_key(path: str) -> RSAPrivateKey:
    """Our app's private key. Raises KeyProblem."""
    file = _existing(path)
    if file.stat().st_mode & stat.S_IRWXO:
        raise KeyProblem(f"{file} can be read by every user of this machine. Run: chmod 600 {file}")
    pem = _pem(file)
    if b"PUBLIC KEY-----" in pem:
        raise KeyProblem(f"{file} holds a public key. Our app's private key belongs here.")
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        _check_label(file, pem)
        raise KeyProblem(f"{file} is not an RSA private key in PEM format without a password.") from error
    if not isinstance(key, RSAPrivateKey):
        raise KeyProblem(f"{file} is not an RSA key.")
    _check_length(file, key.key_size)
    return key


def load_public_keys(path: str) -> tuple[RSAPublicKey, ...]:
    """Alipay's public keys for our app, one for each PEM block of the file. Raises KeyProblem."""
    file = _existing(path)
    pem = _pem(file)
    if b"PRIVATE KEY-----" in pem:
        raise KeyProblem(f"{file} holds a private key. Alipay's public key belongs here.")
    if b"CERTIFICATE-----" in pem:
        raise KeyProblem(
            f"{file} is a certificate. Use the app in public-key mode and store Alipay's public key."
        )
    return tuple(_public_key(file, BEGIN + block) for block in pem.split(BEGIN)[1:])


def _public_key(file: Path, pem: bytes) -> RSAPublicKey:
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        _check_label(file, pem)
        raise KeyProblem(f"{file} has a PEM block that is not an RSA public key.") from error
    if not isinstance(key, RSAPublicKey):
        raise KeyProblem(f"{file} has a key that is not an RSA key.")
    _check_length(file, key.key_size)
    return key


def check_pair(private_key: RSAPrivateKey, public_keys: Sequence[RSAPublicKey]) -> None:
    """Raises KeyProblem if our own public key was stored as Alipay's, a frequent mistake."""
    if private_key.public_key() in public_keys:
        raise KeyProblem(
            "ALIPAY_PUBLIC_KEY_PATH holds our own app's public key. Take the one that Alipay's console "
            'calls "Alipay public key" (支付宝公钥), not "app public key" (应用公钥).'
        )


def is_demo_key(path: str) -> bool:
    return DEMO_MARK in _pem(_existing(path))


def _existing(path: str) -> Path:
    file = Path(path)
    try:
        found = file.is_file()
    except OSError as error:
        raise KeyProblem(f"{path[:80]} can't be read: {error.strerror}.") from error
    if not path or not found:
        raise KeyProblem(f"there is no file {file}." if path else "not set.")
    return file


def _pem(file: Path) -> bytes:
    try:
        pem = file.read_bytes()
    except OSError as error:
        raise KeyProblem(f"{file} can't be read: {error.strerror}.") from error
    if BEGIN not in pem:
        raise KeyProblem(
            f"{file} has no -----BEGIN … KEY----- line. If the console gave bare base64, put the "
            "-----BEGIN and -----END lines around it."
        )
    return pem


def _check_label(file: Path, pem: bytes) -> None:
    """Raise KeyProblem if only the label is wrong: PKCS#1 and PKCS#8 were mixed up."""
    kind = b"PRIVATE KEY-----" if b"PRIVATE KEY-----" in pem else b"PUBLIC KEY-----"
    is_pkcs1 = b" RSA " + kind in pem
    right = b" " + kind if is_pkcs1 else b" RSA " + kind
    relabelled = pem.replace(b" RSA " + kind if is_pkcs1 else b" " + kind, right)
    try:
        if kind.startswith(b"PRIVATE"):
            load_pem_private_key(relabelled, password=None)
        else:
            load_pem_public_key(relabelled)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return
    label = right.decode().strip(" -")
    raise KeyProblem(
        f"{file} has the wrong label: its content is that of a {label}. Write -----BEGIN {label}----- "
        f"and -----END {label}----- around it."
    )


def _check_length(file: Path, bits: int) -> None:
    if bits < RSA2_BITS:
        raise KeyProblem(f"{file} has {bits} bits; RSA2 needs {RSA2_BITS}.")
