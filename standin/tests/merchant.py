"""A merchant, written independently of the stand-in: signs requests and verifies the answers."""

import base64
import json
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from standin import StandIn

APP_ID = "9021000000000001"
WAP = {"method": "alipay.trade.wap.pay", "product_code": "QUICK_WAP_WAY"}
PAGE = {"method": "alipay.trade.page.pay", "product_code": "FAST_INSTANT_TRADE_PAY"}
NUMBER = "26112248392017_1"
FORM = "application/x-www-form-urlencoded"

PATIENCE_SECONDS = 30  # for events that are certain to happen, on a busy machine


def beijing(seconds_from_now: float = 0) -> str:
    moment = datetime.now(timezone(timedelta(hours=8))) + timedelta(seconds=seconds_from_now)
    return moment.strftime("%Y-%m-%d %H:%M:%S")


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def location(self) -> str:
        return self.headers["Location"]

    @property
    def charset(self) -> str:
        return self.headers["Content-Type"].partition("charset=")[2]

    @property
    def text(self) -> str:
        return self.body.decode(self.charset)

    @property
    def node(self) -> dict:
        """The content of the one `..._response`."""
        (node,) = (value for name, value in json.loads(self.text).items() if name != "sign")
        return node

    @property
    def code(self) -> str:
        """The sub code, or 10000; for a page, the code in its header."""
        if "X-Standin-Sub-Code" in self.headers:
            return self.headers["X-Standin-Sub-Code"]
        return self.node.get("sub_code", self.node["code"])


def fetch(address: str, body: bytes | None = None, verb: str = "", timeout: float = 5, **headers) -> Answer:
    """Send one request without following redirects. localhost is reached as 127.0.0.1."""
    parts = urlsplit(address)
    connection = HTTPConnection("127.0.0.1", parts.port, timeout=timeout)
    try:
        if body is not None:
            headers = {"Content-Type": FORM, **headers}
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(verb or ("GET" if body is None else "POST"), target, body, headers)
        response = connection.getresponse()
        return Answer(response.status, dict(response.headers), response.read())
    finally:
        connection.close()


@cache  # checking a private key takes longer than most tests
def _private_key(path: Path) -> RSAPrivateKey:
    key = load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, RSAPrivateKey)
    return key


class Merchant:
    def __init__(self, standin: StandIn, keys: Path) -> None:
        self.standin = standin
        self._private = _private_key(keys / "app_private_key.pem")
        self._alipay = load_pem_public_key((keys / "alipay_public_key.pem").read_bytes())

    def signed(self, method: str, biz: dict | str, **top: str) -> dict[str, str]:
        params = {
            "app_id": APP_ID,
            "method": method,
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": beijing(),
            "version": "1.0",
            "biz_content": biz if isinstance(biz, str) else json.dumps(biz, ensure_ascii=False),
            **top,
        }
        text = "&".join(f"{name}={params[name]}" for name in sorted(params) if params[name])
        encoding = "gbk" if params["charset"] == "gbk" else "utf-8"
        raw = self._private.sign(text.encode(encoding), padding.PKCS1v15(), SHA256())
        return {**params, "sign": base64.b64encode(raw).decode()}

    def call(self, method: str, timeout: float = 5, **biz: str) -> Answer:
        """Make an API call; assert that Alipay signed the exact bytes of the answer's node."""
        answer = self.call_unchecked(method, timeout, **biz)
        assert self.is_signed_answer(answer.body)
        return answer

    def call_unchecked(self, method: str, timeout: float = 5, **biz: str) -> Answer:
        return self.send(self.signed(f"alipay.{method}", biz), timeout)

    def send(self, params: dict[str, str], timeout: float = 5) -> Answer:
        """Send a call as Alipay documents it: biz_content in the body, all else in the address."""
        common = {name: value for name, value in params.items() if name != "biz_content"}
        biz = {name: value for name, value in params.items() if name == "biz_content"}
        address = f"{self.standin.gateway_url}?{urlencode(common)}"
        return fetch(address, urlencode(biz).encode(), timeout=timeout)

    def pay_request(self, number: str = NUMBER, product: dict = PAGE, **changes: str) -> dict[str, str]:
        """Return a signed pay request; a change to None removes a field."""
        biz = {
            "out_trade_no": number,
            "total_amount": "300.00",
            "subject": f"ihome {number}",
            "product_code": product["product_code"],
            "time_expire": beijing(600),
        }
        top = {name: changes.pop(name) for name in ("return_url", "notify_url") if name in changes}
        biz = {name: value for name, value in {**biz, **changes}.items() if value is not None}
        return self.signed(product["method"], biz, **top)

    def press_pay(self, number: str = NUMBER, product: dict = PAGE, **changes: str) -> Answer:
        """Send a pay request as a browser does and return the answer."""
        query = urlencode(self.pay_request(number, product, **changes))
        return fetch(f"{self.standin.gateway_url}?{query}")

    def is_signed(self, text: str | bytes, signature: str) -> bool:
        raw = text.encode() if isinstance(text, str) else text
        try:
            self._alipay.verify(base64.b64decode(signature), raw, padding.PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return True

    def is_signed_answer(self, body: bytes) -> bool:
        start, end = body.index(b":") + 1, body.rindex(b',"sign":"')
        return self.is_signed(body[start:end], body[end:].split(b'"')[3].decode())

    def is_signed_message(self, encoded: str, leave_out: tuple[str, ...] = ("sign", "sign_type")) -> bool:
        """Verify the signature of a return's query string or a notice's body."""
        params = message(encoded)
        text = "&".join(f"{name}={params[name]}" for name in sorted(params) if name not in leave_out)
        return self.is_signed(text.encode(params["charset"]), params["sign"])


def wait_until(ready) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not ready():
        assert time.monotonic() < until, "timed out"
        time.sleep(0.01)


def tries(standin: StandIn) -> int:
    """Return the number of scheduled tries of the first notice."""
    return standin.trade(NUMBER)["notices"][0]["tries"]


def message(encoded: str) -> dict[str, str]:
    """Parse a return's query string or a notice's body by its own charset."""
    encoding = "gbk" if "charset=GBK" in encoded.split("&") else "utf-8"
    pairs = parse_qsl(encoded, keep_blank_values=True, strict_parsing=True, encoding=encoding)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


class _ShopServer(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


class Shop:
    """A site that receives notices (POST) and returns (GET). Sends `answers` in turn, repeats the last."""

    def __init__(self) -> None:
        self.answers = ["success"]
        self.notices: list[str] = []
        self.notice_headers: list[dict] = []
        self.returns: list[str] = []
        self.received = threading.Condition()
        self._server = _ShopServer(("127.0.0.1", 0), self._handler())
        origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.urls = {"return_url": f"{origin}/paycomplete/", "notify_url": f"{origin}/notify/"}
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait(self, ready, seconds: float = PATIENCE_SECONDS) -> None:
        with self.received:
            assert self.received.wait_for(ready, seconds), "timed out"

    def wait_notices(self, count: int, seconds: float = PATIENCE_SECONDS) -> list[str]:
        self.wait(lambda: len(self.notices) >= count, seconds)
        return self.notices

    def _handler(shop) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                with shop.received:
                    answer = shop.answers.pop(0) if len(shop.answers) > 1 else shop.answers[0]
                    shop.notices.append(body)
                    shop.notice_headers.append(dict(self.headers))
                    shop.received.notify_all()
                self._reply(answer)

            def do_GET(self) -> None:
                with shop.received:
                    shop.returns.append(urlsplit(self.path).query)
                    shop.received.notify_all()
                self._reply("thanks")

            def _reply(self, text: str) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *args) -> None:
                pass

        return Handler
