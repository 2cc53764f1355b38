"""Alipay's official SDKs against the stand-in, each in a process of its own: official/shop.*."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

SHOPS = Path(__file__).parent / "official"
INSTALLED = Path(sys.prefix) / "official"
COMMANDS = {
    "Python": [sys.executable, "-W", "ignore", SHOPS / "shop.py"],
    "Node": ["node", SHOPS / "shop.cjs"],
}
METHODS = {
    *("alipay.trade.page.pay", "alipay.trade.wap.pay", "alipay.trade.app.pay", "alipay.trade.precreate"),
    *("alipay.trade.create", "alipay.trade.query", "alipay.trade.close", "alipay.trade.cancel"),
    *("alipay.trade.refund", "alipay.trade.fastpay.refund.query"),
    "alipay.data.dataservice.bill.downloadurl.query",
}

pytestmark = pytest.mark.skipif(
    not (INSTALLED / "installed").exists(), reason="deploy/machine.sh test installs the SDKs"
)


@pytest.fixture(scope="module")
def keys(standin_keys, tmp_path_factory) -> Path:
    """Write the demo keys as both SDKs want them: PKCS#1, and nothing above the BEGIN line."""
    folder = tmp_path_factory.mktemp("keys")
    private = load_pem_private_key((standin_keys / "app_private_key.pem").read_bytes(), None)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    (folder / "app_private_key.pem").write_bytes(pem)
    public = (standin_keys / "alipay_public_key.pem").read_text()
    (folder / "alipay_public_key.pem").write_text(public[public.index("-----BEGIN") :])
    return folder


@pytest.fixture(params=COMMANDS)
def run(request, standin, keys):
    """Return a function that runs the shop of one SDK to its end."""
    (wheel,) = INSTALLED.glob("alipay_sdk_python-*.whl")
    paths = {"PYTHONPATH": str(wheel), "NODE_PATH": str(INSTALLED / "node_modules")}
    command = [*COMMANDS[request.param], standin.gateway_url, keys]
    return lambda: subprocess.run(
        command, env={**os.environ, **paths}, capture_output=True, text=True, timeout=60
    )


def test_W6_an_official_sdk_pays_queries_refunds_and_verifies(standin, run):
    done = run()
    assert done.returncode == 0, done.stderr
    assert set(standin.calls()["count"]) - {"/v3/alipay/trade/query"} == METHODS


def test_W6_twin_an_official_sdk_finds_a_wrong_signature(standin, run):
    standin.fault("query.bad_sign")
    done = run()
    assert done.returncode != 0
    assert "sign verify failed" in done.stderr or "验签失败" in done.stderr
    assert standin.calls()["count"]["alipay.trade.query"] == 1
