"""Genuine messages of Alipay as raw requests, and whether another request says the same."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from urllib.parse import parse_qsl, quote_from_bytes, unquote_to_bytes

from django.test.client import ClientHandler

from payments.alipay.messages import MAX_BYTES, RETURN_FIELDS
from tests.alipay import NOTIFY, PAYCOMPLETE

FORM = "application/x-www-form-urlencoded"
Fields = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Message:
    """A request. `raw`: the body of a notice, the query string of a return."""

    method: str
    path: str
    raw: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def notice(cls, raw: bytes) -> "Message":
        return cls("POST", NOTIFY, raw, {"CONTENT_TYPE": f"{FORM}; charset=utf-8"})

    @classmethod
    def back(cls, raw: bytes) -> "Message":
        return cls("GET", PAYCOMPLETE, raw)

    @cached_property
    def fields(self) -> Fields:
        """Names and values, unescaped."""
        pairs = (pair.replace(b"+", b" ").partition(b"=") for pair in self.raw.split(b"&"))
        return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in pairs]

    def with_fields(
        self, fields: Fields, escaped: Callable[[bytes], str] = lambda text: quote_from_bytes(text, safe="")
    ) -> "Message":
        pairs = (f"{escaped(name)}={escaped(value)}" for name, value in fields)
        return replace(self, raw="&".join(pairs).encode("latin-1"))

    def with_headers(self, **headers: str) -> "Message":
        return replace(self, headers={**self.headers, **headers})

    def says_the_same_as(self, other: "Message") -> bool:
        """True if both bring the same parameters to the same door, however they are written.

        Empty ones say nothing, nor do those on a return that Alipay does not document. No message of Alipay's
        is longer than MAX_BYTES.
        """
        return len(self.raw) <= MAX_BYTES and self._door == other._door and self._told == other._told

    @property
    def _door(self) -> tuple[str, str, str]:
        kind = self.headers.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        method = self.method.upper()  # as Django does
        return method, self.path, kind if method == "POST" else ""

    @cached_property
    def _told(self) -> list[tuple[str, str]]:
        pairs = parse_qsl(self.raw.decode("latin-1"), encoding="latin-1")
        return sorted(pair for pair in pairs if self.method.upper() == "POST" or pair[0] in RETURN_FIELDS)


def send(site: ClientHandler, message: Message) -> tuple[int, bytes]:
    """Return the status and the body of the site's answer."""
    is_post = message.method not in ("GET", "HEAD")
    environ = {
        "REQUEST_METHOD": message.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": message.path,
        "QUERY_STRING": "" if is_post else message.raw.decode("latin-1"),
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "testserver",
        "CONTENT_LENGTH": str(len(message.raw)) if is_post else "",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(message.raw if is_post else b""),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        **message.headers,
    }
    answer = site(environ)
    return answer.status_code, answer.getvalue()
