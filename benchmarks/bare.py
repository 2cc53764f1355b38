"""Lower bound for return and notify: the same SQL and commits over the bare driver, the same RSA, the same
query to Alipay. No framework, no page, no log, and only the columns that are needed.

Each run compares its statements with the site's (paying.py), so that both keep doing the same work.
"""

import base64
import hashlib
import json
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

import MySQLdb
import pycurl
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from django.conf import settings
from django.db import connection

from benchmarks.environment import pem_text

StartResponse = Callable[[str, list[tuple[str, str]]], object]
Row = tuple


def beijing_now() -> datetime:
    """Return the current time as the database stores it: naive, in Beijing time."""
    return datetime.now(ZoneInfo("Asia/Shanghai")).replace(tzinfo=None)


class Bare:
    """A WSGI application for one thread."""

    def __init__(self) -> None:
        database = connection.settings_dict
        self.db = MySQLdb.connect(
            user=database["USER"],
            database=database["NAME"],
            unix_socket=database["OPTIONS"]["unix_socket"],
            charset="utf8mb4",
            autocommit=True,
        )
        self.cursor = self.db.cursor()
        self.cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        private = load_pem_private_key(pem_text(settings.ALIPAY_APP_PRIVATE_KEY_PATH).encode(), None)
        public = load_pem_public_key(pem_text(settings.ALIPAY_PUBLIC_KEY_PATH).encode())
        assert isinstance(private, RSAPrivateKey) and isinstance(public, RSAPublicKey)
        self.private_key, self.public_key = private, public
        self.curl = pycurl.Curl()

    def __call__(self, environ: dict, start_response: StartResponse) -> list[bytes]:
        if environ["REQUEST_METHOD"] == "POST":
            answer = self.notify(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        else:
            answer = self.returned(environ["QUERY_STRING"].encode(), environ["HTTP_COOKIE"])
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
        return [answer]

    def notify(self, raw: bytes) -> bytes:
        params = self.verified(raw)
        message = self.record("NOTIFY", raw)
        payment, order, amount_fen, _ = self.payment(params)
        self.settle(payment, order, params["trade_no"], amount_fen, "NOTIFY", message)
        return b"success"

    def returned(self, raw: bytes, cookies: str) -> bytes:
        params = self.verified(raw)
        message = self.record("RETURN", raw)
        payment, order, amount_fen, status = self.payment(params)
        if status == "OPEN":
            self.ask(payment, order, params["out_trade_no"], amount_fen)
            self.one("SELECT status FROM payments_payment WHERE id = %s", payment)
        self.judge(message, "KNOWN", payment)
        session = dict(pair.split("=") for pair in cookies.split("; "))["sessionid"]
        self.one("SELECT session_data FROM django_session WHERE session_key = %s", session)
        (renter,) = self.one(
            "SELECT id FROM accounts_user WHERE id = (SELECT renter_id FROM orders_order WHERE id = %s)",
            order,
        )
        (order_status,) = self.one(
            "SELECT status FROM orders_order WHERE id = %s AND renter_id = %s", order, renter
        )
        return f"{renter} {order_status} {status}".encode()

    def verified(self, raw: bytes) -> dict[str, str]:
        """Return the parameters. Raises an error unless Alipay signed them for our app and seller."""
        params = dict(parse_qsl(raw.decode(), keep_blank_values=True, strict_parsing=True))
        text = "&".join(f"{k}={v}" for k, v in sorted(params.items()) if k not in ("sign", "sign_type"))
        self.public_key.verify(base64.b64decode(params["sign"]), text.encode(), PKCS1v15(), SHA256())
        if (params["app_id"], params["seller_id"]) != (settings.ALIPAY_APP_ID, settings.ALIPAY_SELLER_ID):
            raise ValueError("wrong app or seller")
        return params

    def record(self, channel: str, raw: bytes, payment: int | None = None) -> int:
        digest = None if channel == "ANSWER" else hashlib.sha256(channel.encode() + raw).hexdigest()
        self.cursor.execute(
            "INSERT INTO payments_gatewaymessage"
            " (channel, raw, signature_ok, verdict, detail, payment_id, digest, received_at)"
            " VALUES (%s, %s, 1, 'UNJUDGED', '', %s, %s, %s)",
            (channel, raw, payment, digest, beijing_now()),
        )
        return int(self.cursor.lastrowid)

    def payment(self, params: dict[str, str]) -> tuple[int, int, int, str]:
        payment, order, amount_fen, status = self.one(
            "SELECT id, order_id, amount_fen, status FROM payments_payment WHERE out_trade_no = %s",
            params["out_trade_no"],
        )
        if int(params["total_amount"].replace(".", "")) != amount_fen:
            raise ValueError("wrong amount")
        return payment, order, amount_fen, status

    def ask(self, payment: int, order: int, out_trade_no: str, amount_fen: int) -> None:
        now = beijing_now()
        self.cursor.execute(
            "UPDATE payments_payment SET asked_at = %s, next_try_at = %s"
            " WHERE id = %s AND (asked_at IS NULL OR asked_at < %s)",
            (now, now + timedelta(seconds=15), payment, now - timedelta(seconds=3)),
        )
        raw, node = self.query(out_trade_no)
        message = self.record("ANSWER", raw, payment)
        if node["out_trade_no"] != out_trade_no or node["trade_status"] != "TRADE_SUCCESS":
            raise ValueError("not paid")
        if int(node["total_amount"].replace(".", "")) != amount_fen:
            raise ValueError("wrong amount")
        self.settle(payment, order, node["trade_no"], amount_fen, "QUERY", message)

    def query(self, out_trade_no: str) -> tuple[bytes, dict[str, str]]:
        """Query a trade; return the raw answer and its verified node."""
        params = {
            "app_id": settings.ALIPAY_APP_ID,
            "biz_content": json.dumps({"out_trade_no": out_trade_no}),
            "charset": "utf-8",
            "format": "JSON",
            "method": "alipay.trade.query",
            "sign_type": "RSA2",
            "timestamp": f"{beijing_now():%Y-%m-%d %H:%M:%S}",
            "version": "1.0",
        }
        text = "&".join(f"{name}={value}" for name, value in params.items())  # already sorted
        signature = base64.b64encode(self.private_key.sign(text.encode(), PKCS1v15(), SHA256())).decode()
        self.curl.setopt(pycurl.URL, settings.ALIPAY_GATEWAY_URL)
        self.curl.setopt(pycurl.POSTFIELDS, urlencode({**params, "sign": signature}))
        self.curl.setopt(pycurl.HTTPHEADER, ["Expect:"])
        raw = self.curl.perform_rb()
        answer = json.loads(raw)
        node = raw[raw.index(b":") + 1 : raw.rindex(b',"sign"')]  # {"…_response":{node},"sign":"…"}
        self.public_key.verify(base64.b64decode(answer["sign"]), node, PKCS1v15(), SHA256())
        return raw, answer["alipay_trade_query_response"]

    def settle(
        self, payment: int, order: int, trade_no: str, amount_fen: int, evidence: str, message: int
    ) -> None:
        execute, now = self.cursor.execute, beijing_now()
        self.db.begin()
        execute("INSERT INTO core_commit (`key`, made_at) VALUES (%s, %s)", (str(uuid.uuid4()), now))
        _, house, live = self.one(
            "SELECT orders_order.status, house_id, live.id FROM orders_order"
            " LEFT JOIN payments_payment AS live ON live.live_for_id = orders_order.id"
            " WHERE orders_order.id = %s FOR UPDATE",
            order,
        )
        won = execute(
            "UPDATE payments_payment SET status = 'PAID', live_for_id = NULL, trade_no = %s,"
            " received_fen = %s, paid_at = %s, evidence = %s, contradicted_at = NULL, next_try_at = NULL"
            " WHERE id = %s AND status IN ('OPEN', 'CLOSED')",
            (trade_no, amount_fen, now, evidence, payment),
        )
        moved = execute(
            "UPDATE orders_order SET status = 'WAIT_COMMENT', trade_no = %s"
            " WHERE id = %s AND status = 'WAIT_PAYMENT'",
            (trade_no, order),
        )
        if not (won and moved) or live not in (None, payment):
            raise ValueError("already settled, or another attempt is live")
        execute(
            "INSERT INTO orders_orderevent"
            " (order_id, kind, from_status, to_status, actor_id, reason, amount_fen, created_at)"
            " VALUES (%s, 'PAID', 'WAIT_PAYMENT', 'WAIT_COMMENT', NULL, '', %s, %s)",
            (order, amount_fen, now),
        )
        execute("UPDATE houses_house SET order_count = order_count + 1 WHERE id = %s", (house,))
        self.judge(message, "SETTLED", payment)
        self.db.commit()

    def judge(self, message: int, verdict: str, payment: int) -> None:
        self.cursor.execute(
            "UPDATE payments_gatewaymessage SET verdict = %s, detail = 'the order is paid', payment_id = %s"
            " WHERE id = %s AND verdict <> 'SETTLED'",
            (verdict, payment, message),
        )

    def one(self, statement: str, *values: object) -> Row:
        self.cursor.execute(statement, values)
        (row,) = self.cursor.fetchall()
        return row
