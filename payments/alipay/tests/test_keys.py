"""GWX08: every unusable key file is refused with a message that says what to do and never shows the key."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

from payments.alipay import keys
from payments.alipay.keys import KeyProblem

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
RSA_1024 = rsa.generate_private_key(public_exponent=65537, key_size=1024)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def private_pem(
    key: PrivateKeyTypes,
    form: PrivateFormat = PrivateFormat.PKCS8,
    encryption: KeySerializationEncryption | None = None,
) -> bytes:
    return key.private_bytes(Encoding.PEM, form, encryption or NoEncryption())


def public_pem(key: PrivateKeyTypes) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def bare_base64(pem: bytes) -> bytes:
    return b"".join(pem.splitlines()[1:-1])


def certificate() -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Ant Financial")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return builder.public_key(RSA_KEY.public_key()).sign(RSA_KEY, SHA256()).public_bytes(Encoding.PEM)


def written(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    file = folder / "key.pem"
    file.write_bytes(content)
    file.chmod(mode)
    return file


def shows_key_material(message: str, content: bytes) -> bool:
    """True if any sixteen characters of the key's text are in the message."""
    lines = [line for line in content.decode("latin-1").split() if "-----" not in line]
    return any(
        line[n : n + 16] in message for line in lines for n in range(max(1, len(line) - 15)) if len(line) > 15
    )


PRIVATE_REFUSED = {
    "bare base64": (bare_base64(private_pem(RSA_KEY)), "-----BEGIN"),
    "empty": (b"", "-----BEGIN"),
    "1024 bit": (private_pem(RSA_1024), "1024 bits; RSA2 needs 2048"),
    "public key": (public_pem(RSA_KEY), "holds a public key"),
    "certificate": (certificate(), "not an RSA private key"),
    "EC key": (private_pem(EC_KEY), "not an RSA key"),
    "Ed25519 key": (private_pem(ed25519.Ed25519PrivateKey.generate()), "not an RSA key"),
    "with a password": (
        private_pem(RSA_KEY, encryption=BestAvailableEncryption(b"open sesame")),
        "without a password",
    ),
    "cut in half": (private_pem(RSA_KEY)[:900], "not an RSA private key"),
    "damaged": (private_pem(RSA_KEY).replace(b"A", b"B"), "not an RSA private key"),
    "binary": (
        b"-----BEGIN PRIVATE " + b"KEY-----\n\xff\xfe\x00\n-----END PRIVATE " + b"KEY-----\n",
        "not an RSA private key",
    ),
}


@pytest.mark.parametrize(("content", "reason"), PRIVATE_REFUSED.values(), ids=PRIVATE_REFUSED.keys())
def test_GWX08_private_key_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    file = written(tmp_path, content)
    with pytest.raises(KeyProblem) as refusal:
        keys.load_private_key(str(file))
    assert reason in str(refusal.value)
    assert str(file) in str(refusal.value)
    assert not shows_key_material(str(refusal.value), content)


PUBLIC_REFUSED = {
    "bare base64": (bare_base64(public_pem(RSA_KEY)), "-----BEGIN"),
    "empty": (b"", "-----BEGIN"),
    "1024 bit": (public_pem(RSA_1024), "1024 bits; RSA2 needs 2048"),
    "private key": (private_pem(RSA_KEY), "holds a private key"),
    "old private key": (private_pem(RSA_KEY, PrivateFormat.TraditionalOpenSSL), "holds a private key"),
    "certificate": (certificate(), "is a certificate"),
    "EC key": (public_pem(EC_KEY), "not an RSA key"),
    "DSA key": (public_pem(dsa.generate_private_key(key_size=1024)), "not an RSA key"),
    "cut in half": (public_pem(RSA_KEY)[:200], "not an RSA public key"),
    "binary": (
        b"-----BEGIN PUBLIC KEY-----\n\xff\xfe\x00\n-----END PUBLIC KEY-----\n",
        "not an RSA public key",
    ),
}


@pytest.mark.parametrize(("content", "reason"), PUBLIC_REFUSED.values(), ids=PUBLIC_REFUSED.keys())
def test_GWX08_public_key_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    file = written(tmp_path, content)
    with pytest.raises(KeyProblem) as refusal:
        keys.load_public_keys(str(file))
    assert reason in str(refusal.value)
    assert str(file) in str(refusal.value)
    assert not shows_key_material(str(refusal.value), content)


LOADERS = pytest.mark.parametrize("load", [keys.load_private_key, keys.load_public_keys])


@LOADERS
def test_GWX08_no_file_named(load: object) -> None:
    with pytest.raises(KeyProblem, match="not set"):
        load("")


@LOADERS
def test_GWX08_missing(load: object, tmp_path: Path) -> None:
    for path in (tmp_path / "missing.pem", tmp_path / "no folder" / "key.pem", tmp_path):
        with pytest.raises(KeyProblem, match="there is no file"):
            load(str(path))


@LOADERS
@pytest.mark.parametrize("path", ["a\0b", "x" * 5000], ids=["NUL", "long"])
def test_GWX08_an_invalid_path(load: object, path: str) -> None:
    with pytest.raises(KeyProblem):
        load(path)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the user `nobody` can enter, unlike pytest's tmp_path."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o700)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Drop root's privileges, since root may read every file."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


@LOADERS
def test_GWX08_unreadable_file(load: object, folder: Path) -> None:
    file = written(folder, private_pem(RSA_KEY), mode=0)
    with as_nobody(), pytest.raises(KeyProblem, match="can't be read: Permission denied"):
        load(str(file))


@LOADERS
def test_GWX08_unreadable_folder(load: object, folder: Path) -> None:
    file = written(folder, private_pem(RSA_KEY))
    folder.chmod(0)
    with as_nobody(), pytest.raises(KeyProblem) as refusal:
        load(str(file))
    assert str(file) in str(refusal.value)


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602, 0o601, 0o666, 0o777])
def test_GWX08_private_key_open_to_everybody(tmp_path: Path, mode: int) -> None:
    file = written(tmp_path, private_pem(RSA_KEY), mode)
    with pytest.raises(KeyProblem, match="chmod 600"):
        keys.load_private_key(str(file))


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640])
def test_private_key_of_its_owner_and_group(tmp_path: Path, mode: int) -> None:
    file = written(tmp_path, private_pem(RSA_KEY), mode)
    assert keys.load_private_key(str(file)).private_numbers() == RSA_KEY.private_numbers()


def test_both_forms_of_pem_are_read(tmp_path: Path) -> None:
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        file = written(tmp_path, b"# a note above\n" + private_pem(RSA_KEY, form).replace(b"\n", b"\r\n"))
        assert keys.load_private_key(str(file)).private_numbers() == RSA_KEY.private_numbers()


def test_public_key_may_be_open_to_everybody(tmp_path: Path) -> None:
    file = written(tmp_path, public_pem(RSA_KEY), 0o644)
    assert keys.load_public_keys(str(file)) == (RSA_KEY.public_key(),)


def test_GWX08_our_own_public_key_as_alipays() -> None:
    with pytest.raises(KeyProblem, match="app public key") as refusal:
        keys.check_pair(RSA_KEY, [RSA_KEY.public_key()])
    assert not shows_key_material(str(refusal.value), public_pem(RSA_KEY))
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    keys.check_pair(RSA_KEY, [other.public_key()])


def test_demo_keys_bear_their_mark(standin_keys: Path, tmp_path: Path) -> None:
    assert all(keys.is_demo_key(str(file)) for file in standin_keys.glob("*.pem"))
    assert not keys.is_demo_key(str(written(tmp_path, private_pem(RSA_KEY))))
