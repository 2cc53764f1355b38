"""Sending by SMS: the settings, the console, and Alibaba Cloud's SDK against a local endpoint."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings as site
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from pytest_django import Settings

from accounts import sms
from ihome_site import environment
from tests.serving import serving

MOBILE, CODE = "13912345678", "042137"
SECRET = "a/secret@with:marks"
URL = (
    "aliyun://LTAI5t:a%2Fsecret%40with%3Amarks@dysmsapi.aliyuncs.com/?sign=%E7%88%B1%E5%AE%B6&template=SMS_1"
)
SENT = {"Message": "OK", "RequestId": "F655A8D5", "Code": "OK", "BizId": "900619746936498440^0"}


class Endpoint(BaseHTTPRequestHandler):
    """Answers as dysmsapi.aliyuncs.com does: refusals of a message with 200, others with 4xx."""

    def do_POST(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        if self.server.hangs:
            self.server.let_go.wait(20)
            return
        status, answer = self.server.answer
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json;charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def endpoint(settings: Settings) -> Iterator[ThreadingHTTPServer]:
    pytest.importorskip("alibabacloud_dysmsapi20170525", reason="requirements-sms.txt is not installed")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    server.asked, server.answer, server.hangs, server.let_go = [], (200, SENT), False, threading.Event()
    settings.SMS = {
        "provider": "aliyun",
        "key_id": "LTAI5t",
        "secret": SECRET,
        "endpoint": f"127.0.0.1:{server.server_port}",
        "sign": "爱家租房",
        "template": "SMS_1",
    }
    with serving(server, server.let_go):
        yield server


# --- Alibaba Cloud ------------------------------------------------------------------------------------


def test_the_code_goes_to_the_number_in_the_template_signed(endpoint: ThreadingHTTPServer) -> None:
    sms.send_code(MOBILE, CODE)
    ((address, headers),) = endpoint.asked
    assert parse_qs(urlsplit(address).query) == {
        "PhoneNumbers": [MOBILE],
        "SignName": ["爱家租房"],
        "TemplateCode": ["SMS_1"],
        "TemplateParam": ['{"code": "042137"}'],
    }
    assert headers["x-acs-action"] == "SendSms"
    assert headers["Authorization"].startswith("ACS3-HMAC-SHA256 Credential=LTAI5t,")
    assert SECRET not in str(headers)


@pytest.mark.parametrize(
    ("status", "answer", "reason"),
    [
        (200, {**SENT, "Code": "isv.BUSINESS_LIMIT_CONTROL", "Message": "x"}, "isv.BUSINESS_LIMIT_CONTROL"),
        (200, {**SENT, "Code": "isv.AMOUNT_NOT_ENOUGH", "Message": "x"}, "isv.AMOUNT_NOT_ENOUGH"),
        (
            404,
            {"Code": "InvalidAccessKeyId.NotFound", "Message": "x", "RequestId": "y"},
            "InvalidAccessKeyId",
        ),
        (400, {"Code": "SignatureDoesNotMatch", "Message": "x", "RequestId": "y"}, "SignatureDoesNotMatch"),
        (503, {"Code": "ServiceUnavailable", "Message": "x", "RequestId": "y"}, "ServiceUnavailable"),
        (200, b"<html>", "Exception"),
        (200, b'"nonsense"', "Error"),
        (200, b"", "Exception"),
    ],
)
def test_a_refusal_names_its_code_and_neither_number_nor_code(
    endpoint: ThreadingHTTPServer, caplog: pytest.LogCaptureFixture, status: int, answer: object, reason: str
) -> None:
    caplog.set_level("DEBUG")
    endpoint.answer = (status, answer)
    with pytest.raises(sms.NotSent, match=reason) as refused:
        sms.send_code(MOBILE, CODE)
    for told in (str(refused.value), caplog.text):
        assert MOBILE not in told
        assert CODE not in told
        assert SECRET not in told
    assert len(endpoint.asked) == 1


def test_an_endpoint_that_is_gone_is_no_longer_called(
    endpoint: ThreadingHTTPServer, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint.answer = (503, {"Code": "ServiceUnavailable", "Message": "x", "RequestId": "y"})
    for _ in range(8):
        with pytest.raises(sms.NotSent):
            sms.send_code(MOBILE, CODE)
    assert len(endpoint.asked) == 5
    assert "circuit open for the SMS provider" in caplog.text


def test_an_endpoint_that_hangs_is_left_after_seconds(
    endpoint: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.aliyun.READ_MS", 100)
    endpoint.hangs = True
    with pytest.raises(sms.NotSent):
        sms.send_code(MOBILE, CODE)
    assert len(endpoint.asked) == 1  # a second try might send a second message


# --- the console, transactions, settings --------------------------------------------------------------


def test_the_console_prints_the_code(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    settings.SMS = {"provider": "console"}
    sms.send_code(MOBILE, CODE)
    assert capsys.readouterr().out == f"SMS to {MOBILE}: {CODE}\n"


def test_in_production_nothing_is_printed(
    settings: Settings, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    settings.SMS, settings.REHEARSAL = {"provider": "console"}, False
    caplog.set_level("DEBUG")
    for send in (sms.send_code, sms.send_link):
        with pytest.raises(sms.NotSent) as refused:
            send(MOBILE, CODE)
        for told in (str(refused.value), caplog.text, *capsys.readouterr()):
            assert MOBILE not in told
            assert CODE not in told
    settings.DEBUG = True
    sms.send_code(MOBILE, CODE)
    assert CODE in capsys.readouterr().out


@pytest.mark.django_db(transaction=True)
def test_nothing_is_sent_inside_a_transaction(capsys: pytest.CaptureFixture[str]) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="inside a transaction"):
        sms.send_code(MOBILE, CODE)
    assert capsys.readouterr().out == ""


def test_the_default_is_the_console(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SMS_URL")
    assert environment.sms("console://") == {"provider": "console"}


def test_the_account_is_read_from_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("alibabacloud_dysmsapi20170525", reason="requirements-sms.txt is not installed")
    monkeypatch.setenv("SMS_URL", URL)
    assert environment.sms("console://") == {
        "provider": "aliyun",
        "key_id": "LTAI5t",
        "secret": SECRET,
        "endpoint": "dysmsapi.aliyuncs.com",
        "sign": "爱家",
        "template": "SMS_1",
    }


@pytest.mark.parametrize(
    "url",
    [
        "console",
        "tencent://LTAI5t:top@sms.tencentcloudapi.com/?sign=x&template=y",
        "aliyun://LTAI5t@dysmsapi.aliyuncs.com/?sign=x&template=y",
        "aliyun://LTAI5t:top@dysmsapi.aliyuncs.com/?sign=x",
        "aliyun://LTAI5t:top@dysmsapi.aliyuncs.com/",
        "aliyun://LTAI5t:top/secret@dysmsapi.aliyuncs.com/?sign=x&template=y",
    ],
)
def test_another_url_is_refused_without_its_secret(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("SMS_URL", url)
    with pytest.raises(ImproperlyConfigured, match="SMS_URL") as refused:
        environment.sms("console://")
    assert "top" not in str(refused.value)


def test_without_the_sdk_the_site_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMS_URL", URL)
    monkeypatch.setattr("ihome_site.environment.find_spec", lambda name: None)
    with pytest.raises(ImproperlyConfigured, match=r"requirements-sms\.txt"):
        environment.sms("console://")
    assert (Path(site.BASE_DIR) / "requirements-sms.txt").is_file()


@pytest.mark.parametrize("value", ["-1", "many", "1.5", "٣"])
def test_the_budget_is_a_whole_number(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SMS_DAILY_BUDGET", value)
    with pytest.raises(ImproperlyConfigured, match="SMS_DAILY_BUDGET"):
        environment.count("SMS_DAILY_BUDGET", 500)
