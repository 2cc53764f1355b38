"""The requests that the site sends, and the pitfalls of the SDK that builds them."""

import json
import logging
import os
import subprocess
import sys
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qsl, urlsplit

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from django.conf import settings as site

from core.money import MAX_FEN
from payments.alipay.answers import Closed, NotExisting, Paid, Refused, Unknown, Waiting
from payments.alipay.client import AlipayClient, PayRequest
from payments.alipay.configured import alipay_client as client_of_the_process
from payments.alipay.http import GatewayUnreachable
from payments.alipay.keys import load_public_keys
from tests.alipay import answer, signature
from tests.settings import KEYS

GATEWAY = "https://openapi.alipay.com/gateway.do"
OURS, ALIPAYS = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
NUMBER = "26112200000001_1"
REQUEST = PayRequest(
    out_trade_no=NUMBER,
    amount_fen=30,
    subject="爱家租房 订单 26112200000001",
    expires_at=datetime(2026, 11, 22, 16, 30, tzinfo=UTC),
    return_url="https://ihome.example/payments/paycomplete/",
    notify_url="https://ihome.example/payments/notify/",
    quit_url="https://ihome.example/orders/26112200000001/",
)


@pytest.fixture
def alipay() -> AlipayClient:
    return AlipayClient(
        app_id="9021000000000001",
        gateway_url=GATEWAY,
        private_key=OURS,
        public_keys=[ALIPAYS.public_key()],
    )


def fields_of(query: str) -> dict[str, str]:
    """The fields of a request, after verifying its signature."""
    pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
    fields = dict(pairs)
    assert len(fields) == len(pairs)
    text = "&".join(f"{name}={value}" for name, value in sorted(fields.items()) if name != "sign")
    OURS.public_key().verify(b64decode(fields["sign"], validate=True), text.encode(), PKCS1v15(), SHA256())
    return fields


def sent_by(url: str) -> tuple[dict[str, str], dict[str, str]]:
    """The common fields and the biz_content of the URL for a browser."""
    address = urlsplit(url)
    assert f"{address.scheme}://{address.netloc}{address.path}" == GATEWAY
    fields = fields_of(address.query)
    return fields, json.loads(fields.pop("biz_content"))


@time_machine.travel("2026-11-22T15:59:59+00:00", tick=False)
def test_the_whole_request_of_a_phone(alipay: AlipayClient) -> None:
    fields, content = sent_by(alipay.wap_pay_url(REQUEST))
    del fields["sign"]
    assert fields == {
        "app_id": "9021000000000001",
        "method": "alipay.trade.wap.pay",
        "format": "JSON",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "timestamp": "2026-11-22 23:59:59",
        "version": "1.0",
        "return_url": REQUEST.return_url,
        "notify_url": REQUEST.notify_url,
    }
    assert content == {
        "out_trade_no": NUMBER,
        "total_amount": "0.30",
        "subject": "爱家租房 订单 26112200000001",
        "product_code": "QUICK_WAP_WAY",
        "time_expire": "2026-11-23 00:30:00",
        "quit_url": REQUEST.quit_url,
    }


def test_the_request_of_a_desktop(alipay: AlipayClient) -> None:
    fields, content = sent_by(alipay.page_pay_url(REQUEST))
    assert fields["method"] == "alipay.trade.page.pay"
    assert content["product_code"] == "FAST_INSTANT_TRADE_PAY"
    assert content["time_expire"] == "2026-11-23 00:30:00"
    assert "quit_url" not in content


@pytest.mark.parametrize(
    ("fen", "text"), [(1, "0.01"), (30, "0.30"), (100, "1.00"), (110, "1.10"), (MAX_FEN, "100000000.00")]
)
def test_FMT03_FMT04_amounts_go_out_as_exact_text(alipay: AlipayClient, fen: int, text: str) -> None:
    for pay_url in (alipay.wap_pay_url, alipay.page_pay_url):
        _, content = sent_by(pay_url(with_changes(amount_fen=fen)))
        assert content["total_amount"] == text


def with_changes(**changes: object) -> PayRequest:
    return PayRequest(**{name: changes.get(name, getattr(REQUEST, name)) for name in REQUEST.__slots__})


@pytest.mark.parametrize("amount", [0.3, "0.30", None, True])
def test_FMT04_an_amount_that_is_not_whole_fen_is_never_sent(alipay: AlipayClient, amount: object) -> None:
    with pytest.raises(ValueError, match="must be an int"):
        alipay.wap_pay_url(with_changes(amount_fen=amount))


@pytest.mark.parametrize("hours", [-5, 0, 8, 14])
def test_time_expire_is_in_beijing_time_for_any_zone(alipay: AlipayClient, hours: int) -> None:
    moment = REQUEST.expires_at.astimezone(timezone(timedelta(hours=hours)))
    _, content = sent_by(alipay.wap_pay_url(with_changes(expires_at=moment)))
    assert content["time_expire"] == "2026-11-23 00:30:00"


def test_the_same_attempt_is_the_identical_request(alipay: AlipayClient) -> None:
    """Alipay refuses another subject, amount or deadline under the same number (CONTEXT_INCONSISTENT)."""
    with time_machine.travel("2026-11-22T12:00:00+00:00", tick=False):
        first = sent_by(alipay.wap_pay_url(REQUEST))
    with time_machine.travel("2026-11-22T12:00:09+00:00", tick=False):
        second = sent_by(alipay.wap_pay_url(REQUEST))
    assert first[1] == second[1]
    changed = {name for name in first[0] if first[0][name] != second[0][name]}
    assert changed == {"timestamp", "sign"}


# --- FMT08: a server in another time zone -----------------------------------------------------------------

PRINT_TIMES = """
from datetime import UTC, datetime
import os, sys, time
import django
django.setup()
os.environ["TZ"] = sys.argv[1]
time.tzset()
from cryptography.hazmat.primitives.asymmetric import rsa
from payments.alipay.client import AlipayClient, PayRequest
key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
client = AlipayClient(app_id="1", gateway_url="g", private_key=key, public_keys=[key.public_key()])
request = PayRequest("1_1", 1, "s", datetime(2026, 11, 22, 16, 30, tzinfo=UTC), "r", "n", "q")
print(client.wap_pay_url(request))
"""


@pytest.mark.parametrize("zone", ["America/New_York", "UTC", "Pacific/Kiritimati"])
def test_FMT08_times_are_beijings_in_any_time_zone_of_the_server(zone: str) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    done = subprocess.run(
        [sys.executable, "-c", PRINT_TIMES, zone],
        cwd=site.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "ihome_site.settings"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    fields = dict(parse_qsl(urlsplit(done.stdout.strip()).query))
    timestamp = datetime.strptime(f"{fields['timestamp']} +0800", "%Y-%m-%d %H:%M:%S %z")
    assert before <= timestamp <= datetime.now(UTC)
    assert json.loads(fields["biz_content"])["time_expire"] == "2026-11-23 00:30:00"


# --- calls --------------------------------------------------------------------------------------------------


class Post:
    """Replaces http.post: keeps the last call, and returns or raises `said`."""

    said: bytes | Exception = b""
    call: tuple[str, str, float]

    def __call__(self, url: str, form: str, *, deadline: float) -> bytes:
        self.call = (url, form, deadline)
        if isinstance(self.said, Exception):
            raise self.said
        return self.said


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> Post:
    double = Post()
    monkeypatch.setattr("payments.alipay.http.post", double)
    return double


@pytest.fixture
def alipay_of_tests(alipay: AlipayClient) -> AlipayClient:
    """A client that trusts the key that tests/alipay.py signs with."""
    alipays = load_public_keys(str(KEYS / "alipay_public_key.pem"))
    return AlipayClient(app_id="9021000000000001", gateway_url=GATEWAY, private_key=OURS, public_keys=alipays)


@pytest.mark.parametrize("name", ["query", "close"])
@time_machine.travel("2026-11-22T15:59:59+00:00", tick=False)
def test_a_call_is_a_signed_form_with_its_deadline(alipay: AlipayClient, post: Post, name: str) -> None:
    post.said = GatewayUnreachable("nobody")
    getattr(alipay, name)(NUMBER, deadline=2.5)
    url, form, deadline = post.call
    assert deadline == 2.5
    assert NUMBER not in url  # nothing about the order in the URL
    fields = fields_of(f"{urlsplit(url).query}&{form}")
    assert fields["method"] == f"alipay.trade.{name}"
    assert json.loads(fields["biz_content"]) == {"out_trade_no": NUMBER}
    assert fields["timestamp"] == "2026-11-22 23:59:59"


@pytest.mark.parametrize("name", ["query", "close"])
def test_W1_the_common_parameters_stand_in_the_address(alipay: AlipayClient, post: Post, name: str) -> None:
    post.said = GatewayUnreachable("nobody")
    getattr(alipay, name)(NUMBER, deadline=1)
    url, form, _deadline = post.call
    assert url.startswith(f"{GATEWAY}?")
    in_address = dict(parse_qsl(urlsplit(url).query))
    common = {"app_id", "charset", "format", "method", "sign", "sign_type", "timestamp", "version"}
    assert (set(in_address), in_address["charset"]) == (common, "utf-8")
    assert [name for name, _value in parse_qsl(form)] == ["biz_content"]


def test_W1_an_answer_in_gbk_verifies_over_its_raw_bytes(alipay_of_tests: AlipayClient, post: Post) -> None:
    node = '{"code":"40004","msg":"Business Failed","sub_code":"ACQ.INVALID","sub_msg":"交易丂不存在"}'
    signed = signature(node, charset="gbk")
    post.said = f'{{"alipay_trade_query_response":{node},"sign":"{signed}"}}'.encode("gbk")
    reply = alipay_of_tests.query(NUMBER, deadline=1)
    assert (reply.result, reply.signed) == (Refused("40004", "ACQ.INVALID"), True)


ANSWERS = {
    "paid": (
        {"trade_status": "TRADE_SUCCESS", "trade_no": "2026", "total_amount": "0.30"},
        Paid("2026", 30, None),
    ),
    "waiting": ({"trade_status": "WAIT_BUYER_PAY"}, Waiting()),
    "closed": ({"trade_status": "TRADE_CLOSED"}, Closed()),
    "not existing": ({"code": "40004", "sub_code": "ACQ.TRADE_NOT_EXIST"}, NotExisting()),
    "refused": ({"code": "40004", "sub_code": "ACQ.INVALID"}, Refused("40004", "ACQ.INVALID")),
}


@pytest.mark.parametrize(("node", "result"), ANSWERS.values(), ids=ANSWERS.keys())
def test_a_signed_refusal_is_an_answer_and_no_exception(
    alipay_of_tests: AlipayClient, post: Post, node: dict[str, str], result: object
) -> None:
    post.said = answer("query", out_trade_no=NUMBER, **node)
    reply = alipay_of_tests.query(NUMBER, deadline=3)
    assert (reply.result, reply.raw, reply.signed) == (result, post.said, True)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"sign":null}',
        b"<html>",
        "房".encode("gbk"),
        b'{"error_response":{}}',
        b"[" * 60_000,
    ],
    ids=lambda said: repr(said[:20]),
)
def test_QRY03_an_answer_on_which_the_sdk_raises_is_unknown(
    alipay: AlipayClient, post: Post, said: bytes
) -> None:
    post.said = said
    for call in (alipay.query, alipay.close):
        reply = call(NUMBER, deadline=3)
        assert isinstance(reply.result, Unknown)
        assert (reply.raw, reply.signed) == (said, False)


def test_GWX01_no_answer_is_unknown(alipay: AlipayClient, post: Post) -> None:
    post.said = GatewayUnreachable("timed out")
    reply = alipay.query(NUMBER, deadline=3)
    assert (reply.result, reply.raw, reply.signed) == (Unknown("timed out"), b"", False)


def test_QRY02_a_signed_answer_about_another_trade_is_unknown(
    alipay_of_tests: AlipayClient, post: Post
) -> None:
    post.said = answer("query", out_trade_no="26112200000001_2", **ANSWERS["paid"][0])
    assert isinstance(alipay_of_tests.query(NUMBER, deadline=3).result, Unknown)
    post.said = answer("close", out_trade_no=NUMBER)
    assert isinstance(alipay_of_tests.query(NUMBER, deadline=3).result, Unknown)


# --- the SDK ------------------------------------------------------------------------------------------------


def test_the_sdk_leaves_the_logs_alone() -> None:
    logger = logging.getLogger("python-alipay-sdk")
    assert logger.handlers == []
    assert not logger.isEnabledFor(logging.DEBUG)


def test_logs_hold_no_request_and_no_answer(
    alipay_of_tests: AlipayClient, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    post.said = answer("query", out_trade_no=NUMBER, buyer_user_id="2088CANARY", **ANSWERS["paid"][0])
    alipay_of_tests.query(NUMBER, deadline=3)
    alipay_of_tests.wap_pay_url(REQUEST)
    assert NUMBER in caplog.text
    for secret in (
        "2088CANARY",
        '"sign"',
        "sign=",
        dict(parse_qsl(urlsplit(post.call[0]).query))["sign"],
        "BEGIN",
    ):
        assert secret not in caplog.text


def test_the_sdk_opens_no_connection(
    alipay: AlipayClient, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(*args: object, **options: object) -> None:
        raise AssertionError("urllib was used")

    monkeypatch.setattr("alipay.urlopen", opened)
    post.said = GatewayUnreachable("nobody")
    alipay.query(NUMBER, deadline=3)
    alipay.close(NUMBER, deadline=3)
    alipay.wap_pay_url(REQUEST)


def test_one_client_for_the_process() -> None:
    assert client_of_the_process() is client_of_the_process()


def test_threads_may_share_the_client(alipay: AlipayClient) -> None:
    requests = [with_changes(out_trade_no=f"26112200000001_{n}", amount_fen=n) for n in range(1, 33)]
    with ThreadPoolExecutor(8) as people:
        urls = list(people.map(alipay.wap_pay_url, requests))
    for request, url in zip(requests, urls, strict=True):
        _, content = sent_by(url)
        assert content["out_trade_no"] == request.out_trade_no
        assert content["total_amount"] == f"0.{request.amount_fen:02d}"
