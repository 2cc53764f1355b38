"""GWX06: Alipay changes its key. The old and the new one are both accepted, and nothing is lost."""

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.conf import settings as site
from django.core.checks import run_checks
from django.test import Client
from pytest_django import Settings

from payments import queries
from payments.alipay import keys, signing
from payments.alipay.answers import Paid, Unknown
from payments.alipay.keys import KeyProblem
from payments.checks import ALIPAY_TAG
from payments.models import GatewayMessage, Payment
from tests import alipay, make
from tests.alipay import NOTIFY, Gateway
from tests.serving import database_url

FORM = "application/x-www-form-urlencoded; charset=utf-8"
NEW_KEY = "rotation/new_alipay_private_key.pem"


def public_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="session")
def new_key(standin_keys: Path) -> rsa.RSAPrivateKey:
    """Alipay's next key, in a file that tests/alipay.py can sign with (and caches)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file = standin_keys / NEW_KEY
    file.parent.mkdir()
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key


@pytest.fixture
def old_pem(standin_keys: Path) -> bytes:
    return (standin_keys / "alipay_public_key.pem").read_bytes()


@pytest.fixture
def both(tmp_path: Path, settings: Settings, new_key: rsa.RSAPrivateKey, old_pem: bytes) -> Path:
    """ALIPAY_PUBLIC_KEY_PATH with the old key and the new one."""
    file = tmp_path / "alipay.pem"
    file.write_bytes(old_pem + b"# since November\r\n" + public_pem(new_key).replace(b"\n", b"\r\n"))
    settings.ALIPAY_PUBLIC_KEY_PATH = str(file)
    return file


def notify_body(payment: Payment, key: str) -> bytes:
    return urlencode(alipay.signed(alipay.notify_params(payment), key=key)).encode()


def paid(payment: Payment, key: str, monkeypatch: pytest.MonkeyPatch) -> bytes:
    sign = alipay.signature
    with monkeypatch.context() as patch:
        patch.setattr(alipay, "signature", lambda text: sign(text, key))
        return alipay.paid(payment)


KEYS = pytest.mark.parametrize("key", ["alipay_private_key.pem", NEW_KEY], ids=["old", "new"])


@KEYS
@pytest.mark.django_db
def test_GWX06_a_notify_by_either_key_settles(client: Client, both: Path, key: str) -> None:
    payment = make.attempt()
    assert client.post(NOTIFY, notify_body(payment, key), FORM).content == b"success"
    payment.refresh_from_db()
    assert payment.status == "PAID"


@KEYS
@pytest.mark.django_db
def test_GWX06_an_answer_by_either_key_settles(
    gateway: Gateway, both: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = make.attempt()
    gateway.says["query"] = paid(payment, key, monkeypatch)
    assert isinstance(queries.query_trade(payment), Paid)
    assert payment.status == "PAID"


@pytest.mark.django_db
def test_GWX06_an_answer_by_an_unknown_key_is_an_alarm(
    gateway: Gateway,
    new_key: rsa.RSAPrivateKey,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    payment = make.attempt()
    gateway.says["query"] = paid(payment, NEW_KEY, monkeypatch)
    assert isinstance(queries.query_trade(payment), Unknown)
    assert payment.status == "OPEN"
    (known,) = keys.load_public_keys(site.ALIPAY_PUBLIC_KEY_PATH)
    (alarm,) = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert f"none of the known keys: {signing.fingerprint(known)}" in alarm


@pytest.mark.django_db
@pytest.mark.parametrize("garbage", [b"<html>", b'{"alipay_trade_query_response":{},"sign":"%%%"}', b"{}"])
def test_GWX06_garbage_is_no_alarm_about_keys(
    gateway: Gateway, garbage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.says["query"] = garbage
    assert isinstance(queries.query_trade(make.attempt()), Unknown)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.django_db
def test_GWX06_a_notify_by_an_unknown_key_is_distinguished_from_garbage_without_an_alarm(
    client: Client, both: Path, caplog: pytest.LogCaptureFixture, standin_keys: Path
) -> None:
    """Anyone can send one: it is recorded with the keys that were tried, at warning level only."""
    payment = make.attempt()
    known = ", ".join(map(signing.fingerprint, keys.load_public_keys(str(both))))
    body = notify_body(payment, "app_private_key.pem")
    assert client.post(NOTIFY, body, FORM).content == b"fail"
    assert make.rows(GatewayMessage).get().detail == f"signed with none of the known keys: {known}"
    client.post(NOTIFY, body.replace(b"&sign=", b"&sign=!"), FORM)
    assert make.rows(GatewayMessage).first().detail == "the signature is not base64"
    assert {record.levelname for record in caplog.records} == {"WARNING"}


def test_GWX06_a_fingerprint_is_what_openssl_says(tmp_path: Path, new_key: rsa.RSAPrivateKey) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(public_pem(new_key))
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", file, "-outform", "DER"], capture_output=True, check=True
    )
    digest = subprocess.run(["sha256sum"], input=der.stdout, capture_output=True, check=True)
    assert digest.stdout[:8].decode() == signing.fingerprint(new_key.public_key())


# --- Deployment checks ------------------------------------------------------------------------------------


def problems() -> list[str]:
    return [message.id for message in run_checks(tags=[ALIPAY_TAG], include_deployment_checks=True)]


def test_GWX06_both_keys_are_as_it_should_be(both: Path) -> None:
    assert problems() == []


def test_GWX06_our_own_key_among_alipays(both: Path, standin_keys: Path) -> None:
    both.write_bytes(both.read_bytes() + (standin_keys / "app_public_key.pem").read_bytes())
    assert problems() == ["payments.E012"]


@pytest.mark.parametrize("cut", [-60, -1, 100], ids=["no END", "no last dash", "cut in half"])
def test_GWX06_a_second_key_that_is_not_whole_is_refused(
    tmp_path: Path, new_key: rsa.RSAPrivateKey, old_pem: bytes, cut: int
) -> None:
    file = tmp_path / "keys.pem"
    file.write_bytes(old_pem + public_pem(new_key).rstrip()[:cut])
    with pytest.raises(KeyProblem, match="not an RSA public key"):
        keys.load_public_keys(str(file))


def test_GWX06_a_second_key_that_is_too_short_is_refused(tmp_path: Path, old_pem: bytes) -> None:
    file = tmp_path / "keys.pem"
    file.write_bytes(old_pem + public_pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)))
    with pytest.raises(KeyProblem, match="1024 bits"):
        keys.load_public_keys(str(file))


# --- A running site ---------------------------------------------------------------------------------------


@pytest.fixture
def gunicorn(both: Path, old_pem: bytes) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """gunicorn with one worker and only the old key, and its port."""
    both.write_bytes(old_pem)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "ihome_site.settings",
        "DATABASE_URL": database_url(),
        "ALIPAY_PUBLIC_KEY_PATH": str(both),
        "WEB_CONCURRENCY": "1",
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py"]
    command += [f"--bind=127.0.0.1:{port}", "ihome_site.wsgi"]
    with (both.parent / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=site.BASE_DIR, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield process, port
    finally:
        process.terminate()
        process.wait(40)


def post_notice(port: int, body: bytes) -> bytes | None:
    """Post a notice. Returns the answer, None if the connection fails."""
    http = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        http.request("POST", NOTIFY, body, {"Content-Type": FORM, "Host": "testserver"})
        return http.getresponse().read()
    except OSError:
        return None
    finally:
        http.close()


def post_until(port: int, body: bytes, wanted: bytes) -> list[bytes | None]:
    """Post a notice until the answer is `wanted`, for at most 30 s. Returns all answers."""
    give_up, answers = time.monotonic() + 30, [post_notice(port, body)]
    while answers[-1] != wanted:
        assert time.monotonic() < give_up, answers[-5:]
        time.sleep(0.1)
        answers.append(post_notice(port, body))
    return answers


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_GWX06_a_new_key_is_added_without_downtime(
    gunicorn: tuple[subprocess.Popen[bytes], int], both: Path, old_pem: bytes, new_key: rsa.RSAPrivateKey
) -> None:
    process, port = gunicorn
    body = notify_body(make.attempt(), NEW_KEY)
    post_until(port, body, b"fail")
    both.write_bytes(old_pem + public_pem(new_key))
    process.send_signal(signal.SIGHUP)
    answers = post_until(port, body, b"success")
    assert None not in answers  # no connection failed
    assert make.rows(Payment).get().status == "PAID"
    assert post_notice(port, notify_body(make.attempt(), "alipay_private_key.pem")) == b"success"
