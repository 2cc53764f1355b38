"""One call to the gateway, against small servers that misbehave."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from payments.alipay import http
from payments.alipay.http import MAX_ANSWER_BYTES, GatewayUnreachable
from tests.serving import serving

FORM = "method=alipay.trade.query&sign=abc%2B"
FAR_TOO_LONG = 30
"""Seconds. Not a measure of speed: without a deadline these servers would run for minutes."""


class Server:
    """Answers every request with `answer`, and records the requests."""

    def __init__(self) -> None:
        self.answer: Callable[[BaseHTTPRequestHandler], None] = lambda handler: reply(handler, b"{}")
        self.asked: list[tuple[str, str, bytes, dict[str, str]]] = []
        self.connections: set[tuple[str, int]] = set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except (ConnectionError, ssl.SSLError):
                    self.close_connection = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.asked.append((self.command, self.path, body, dict(self.headers)))
                outer.connections.add(self.client_address)
                outer.answer(self)

            do_GET = do_POST

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/gateway.do"
        self.stopping = threading.Event()

    def drip(self, handler: BaseHTTPRequestHandler) -> None:
        """Send one byte every 50 ms, so that no single read times out."""
        handler.send_response(200)
        handler.send_header("Content-Length", "10000")
        handler.end_headers()
        while not self.stopping.wait(0.05):
            handler.wfile.write(b"x")
            handler.wfile.flush()


def reply(
    handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, headers: dict[str, str] | None = None
) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    with serving(made.http, made.stopping):
        yield made


def refused(url: str, deadline: float = 20) -> str:
    with pytest.raises(GatewayUnreachable) as unreachable:
        http.post(url, FORM, deadline=deadline)
    return str(unreachable.value)


def test_the_form_is_posted_and_the_body_comes_back(server: Server) -> None:
    server.answer = lambda handler: reply(handler, '{"a": "房"}'.encode())
    assert http.post(server.url, FORM, deadline=20) == '{"a": "房"}'.encode()
    ((method, path, body, headers),) = server.asked
    assert (method, path, body) == ("POST", "/gateway.do", FORM.encode())
    assert headers["Content-Type"] == "application/x-www-form-urlencoded; charset=utf-8"
    assert "Expect" not in headers


def test_calls_of_a_thread_share_a_connection(server: Server) -> None:
    for _ in range(3):
        http.post(server.url, FORM, deadline=20)
    assert (len(server.asked), len(server.connections)) == (3, 1)


def test_QRY06_one_byte_at_a_time_ends_at_the_deadline(server: Server) -> None:
    server.answer = server.drip
    began = time.monotonic()
    assert "timed out" in refused(server.url, deadline=0.6)
    assert 0.5 < time.monotonic() - began < FAR_TOO_LONG


def test_QRY06_silence_ends_at_the_deadline(server: Server) -> None:
    server.answer = lambda handler: server.stopping.wait(120)
    began = time.monotonic()
    assert "timed out" in refused(server.url, deadline=0.4)
    assert time.monotonic() - began < FAR_TOO_LONG


def test_QRY06_the_thread_is_usable_again_after_a_timeout(server: Server) -> None:
    server.answer = server.drip
    refused(server.url, deadline=0.2)
    server.answer = lambda handler: reply(handler, b"fresh")
    assert http.post(server.url, FORM, deadline=20) == b"fresh"


def test_QRY08_64_kilobytes_are_taken(server: Server) -> None:
    server.answer = lambda handler: reply(handler, b"x" * MAX_ANSWER_BYTES)
    assert len(http.post(server.url, FORM, deadline=20)) == MAX_ANSWER_BYTES == 64 * 1024


def test_QRY08_one_byte_more_is_not(server: Server) -> None:
    server.answer = lambda handler: reply(handler, b"x" * (MAX_ANSWER_BYTES + 1))
    assert "more than 65536 bytes" in refused(server.url)


def test_QRY08_an_endless_answer_is_cut(server: Server) -> None:
    sent = []

    def pour(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(500 * 1024 * 1024))
        handler.end_headers()
        while not server.stopping.is_set():
            handler.wfile.write(b"x" * 65536)
            sent.append(65536)

    server.answer = pour
    assert "more than 65536 bytes" in refused(server.url)
    assert sum(sent) < 64 * 1024 * 1024


def test_QRY08_what_is_packed_is_not_unpacked(server: Server) -> None:
    server.answer = lambda handler: reply(handler, b"\x1f\x8b packed", headers={"Content-Encoding": "gzip"})
    assert http.post(server.url, FORM, deadline=20) == b"\x1f\x8b packed"
    assert "Accept-Encoding" not in server.asked[0][3]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_QRY07_a_redirect_is_not_followed(server: Server, status: int) -> None:
    server.answer = lambda handler: reply(handler, b"", status, {"Location": server.url + "?elsewhere"})
    assert refused(server.url) == f"HTTP {status}, a redirect, not followed"
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 500, 502, 503, 201, 204])
def test_any_other_status_is_no_answer(server: Server, status: int) -> None:
    server.answer = lambda handler: reply(handler, b"" if status == 204 else b"{}", status)
    assert refused(server.url) == f"HTTP {status}"


def test_an_answer_that_is_cut_short_is_no_answer(server: Server) -> None:
    def cut(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"half")
        handler.close_connection = True

    server.answer = cut
    assert refused(server.url)


def test_a_response_that_is_not_http_is_no_answer(server: Server) -> None:
    def speak(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"\x00\xff not HTTP\r\n\r\n")
        handler.close_connection = True

    server.answer = speak
    assert refused(server.url)


def test_GWX01_nobody_listens(server: Server) -> None:
    server.http.socket.close()
    assert "timed out" not in refused(server.url)


def test_GWX01_a_name_that_does_not_exist() -> None:
    assert refused("http://gateway.invalid/gateway.do")


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x", "dict://127.0.0.1/"]
)
def test_only_http_is_supported(url: str) -> None:
    assert refused(url)


# --- TLS --------------------------------------------------------------------------------------------------


def secured(server: Server, folder: Path, host: str) -> Path:
    """Put the server behind TLS with a self-signed certificate for `host`; returns the certificate."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    alternative = x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .serial_number(x509.random_serial_number())
        .public_key(key.public_key())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    file, chain = folder / "certificate.pem", folder / "chain.pem"
    file.write_bytes(certificate.public_bytes(Encoding.PEM))
    chain.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + file.read_bytes()
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    server.http.socket = context.wrap_socket(
        server.http.socket, server_side=True, do_handshake_on_connect=False
    )
    server.url = server.url.replace("http:", "https:")
    return file


@pytest.fixture
def trust(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Trust a certificate for the rest of the test, with a new libcurl handle."""
    monkeypatch.setattr(http, "_local", threading.local())
    yield lambda certificate: monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


def test_GWX03_an_untrusted_certificate(
    server: Server, tmp_path: Path, trust: Callable[[Path], None]
) -> None:
    secured(server, tmp_path, "127.0.0.1")
    assert "certificate" in refused(server.url).lower()
    assert server.asked == []


def test_GWX03_twin_the_same_certificate_once_it_is_trusted(
    server: Server, tmp_path: Path, trust: Callable[[Path], None]
) -> None:
    trust(secured(server, tmp_path, "127.0.0.1"))
    assert http.post(server.url, FORM, deadline=20) == b"{}"


def test_GWX03_a_trusted_certificate_of_another_host(
    server: Server, tmp_path: Path, trust: Callable[[Path], None]
) -> None:
    trust(secured(server, tmp_path, "openapi.example"))
    assert refused(server.url)
    assert server.asked == []


def test_a_download_is_a_plain_get_and_may_be_large(server: Server) -> None:
    content = bytes(MAX_ANSWER_BYTES + 1)
    server.answer = lambda handler: reply(handler, content)
    assert http.download(server.url, deadline=20) == content
    ((method, path, body, headers),) = server.asked
    assert (method, path, body) == ("GET", "/gateway.do", b"")
    assert "Content-Type" not in headers


def test_a_download_that_redirects_fails_or_never_ends_is_no_download(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(deadline: float = 20) -> str:
        with pytest.raises(GatewayUnreachable) as caught:
            http.download(server.url, deadline=deadline)
        return str(caught.value)

    server.answer = lambda handler: reply(handler, b"", 302, {"Location": "http://127.0.0.1:9/"})
    assert "not followed" in unreachable()
    server.answer = lambda handler: reply(handler, b"gone", 403)
    assert unreachable() == "HTTP 403"
    server.answer = server.drip
    assert "timed out" in unreachable(0.5)
    monkeypatch.setattr(http, "MAX_DOWNLOAD_BYTES", 1000)
    server.answer = lambda handler: reply(handler, bytes(1001))
    assert unreachable() == "an answer of more than 1000 bytes"
