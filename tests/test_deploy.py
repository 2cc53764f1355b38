"""The files for nginx, systemd and the shell, with their own programs where these are installed."""

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings as site
from django.utils import timezone

from tests.browser.running import free_port
from tests.serving import serving

DEPLOY = Path(site.BASE_DIR) / "deploy"
EXAMPLE = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
UNITS = sorted((DEPLOY / "systemd").iterdir())
ROOTS = ("ihome-backup.service", "ihome-binlog.service")  # read what the site can't
SERVICES = [unit for unit in UNITS if unit.suffix == ".service" and unit.name not in ROOTS]
PATH = f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"
NGINX = shutil.which("nginx", path=PATH) or ""
SYSTEMD_ANALYZE = shutil.which("systemd-analyze", path=PATH) or ""
needs_nginx = pytest.mark.skipif(not NGINX, reason="nginx is not installed")
needs_systemd = pytest.mark.skipif(not SYSTEMD_ANALYZE, reason="systemd-analyze is not installed")


# --- nginx ------------------------------------------------------------------------------------------


def test_the_example_says_what_it_must() -> None:
    assert re.search(r"listen 80 default_server;.*?return 444;", EXAMPLE, re.DOTALL)
    assert "return 301 https://ihome.example$request_uri;" in EXAMPLE
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in EXAMPLE
    for server in re.split(r"^server \{", EXAMPLE, flags=re.MULTILINE)[1:]:
        assert "server_tokens off;" in server
        assert "access_log off;" in server or "ihome_access.log ihome;" in server
    (form,) = re.findall(r"^log_format ihome (.+);$", EXAMPLE, re.MULTILINE)
    assert not re.findall(r"\$(request\b|request_uri|args|query_string|http_|arg_|cookie_)", form)


class Proxy(NamedTuple):
    """nginx with the example, in front of a site that answers with what it was sent."""

    http: int
    https: int
    folder: Path
    certificate: Path

    def ask(
        self,
        path: str,
        method: str = "GET",
        host: str = "ihome.example",
        body: bytes | None = None,
        **headers: str,
    ) -> tuple[int, Message, str]:
        context = ssl.create_default_context(cafile=str(self.certificate))
        peer = socket.create_connection(("127.0.0.1", self.https), timeout=10)
        with context.wrap_socket(peer, server_hostname="ihome.example") as channel:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            lines = {"Host": host, "Connection": "close", **names}
            if body is not None:
                lines["Content-Length"] = str(len(body))
            head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
            channel.sendall(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + (body or b""))
            answer = http.client.HTTPResponse(channel, method=method)
            answer.begin()
            return answer.status, answer.headers, answer.read().decode()

    def log(self, name: str) -> str:
        file = self.folder / f"ihome_{name}.log"
        return file.read_text() if file.exists() else ""


class Echo(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = f"{self.path}\n{self.headers}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *args: object) -> None:
        pass


def make_certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ihome.example")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(timezone.now() - timedelta(days=1))
        .not_valid_after(timezone.now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("ihome.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "private.key").write_bytes(pem)
    path = folder / "certificate.pem"
    path.write_bytes(certificate.public_bytes(Encoding.PEM))
    return path


def configuration(folder: Path, http_port: int, https_port: int, site_port: int) -> Path:
    """Write the example with the paths and ports of a test, inside the least that nginx wants around it."""
    example = EXAMPLE
    for old, new in {
        "listen 80": f"listen 127.0.0.1:{http_port}",
        "listen 443": f"listen 127.0.0.1:{https_port}",
        "127.0.0.1:8000": f"127.0.0.1:{site_port}",
        "/etc/ssl/private/ihome.example.key": str(folder / "private.key"),
        "/etc/ssl/ihome.example.pem": str(folder / "certificate.pem"),
        "/var/log/ihome/": f"{folder}/",
        "/srv/ihome/current": str(site.BASE_DIR),
        "/srv/ihome/media/": f"{folder}/media/",
    }.items():
        assert old in example
        example = example.replace(old, new)
    places = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    path = folder / "nginx.conf"
    path.write_text(
        f"{user}daemon off;\npid {folder}/pid;\nerror_log {folder}/ihome_error.log;\nworker_processes 1;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{places}types {{ image/webp webp; }}\n{example}\n}}\n",
        encoding="utf-8",
    )
    return path


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "x.webp").write_bytes(b"RIFF")
    certificate = make_certificate(tmp_path)
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    it = Proxy(free_port(), free_port(), tmp_path, certificate)
    path = configuration(tmp_path, it.http, it.https, upstream.server_port)
    with serving(upstream, threading.Event()):
        process = subprocess.Popen([NGINX, "-c", path, "-p", tmp_path], stderr=subprocess.PIPE)
        try:
            wait_for(it.https, process)
            yield it
        finally:
            process.terminate()
            process.communicate(timeout=10)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        assert process.poll() is None, process.communicate()[1].decode()
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
    pytest.fail("nginx does not listen")


@needs_nginx
def test_nginx_accepts_the_example(tmp_path: Path) -> None:
    make_certificate(tmp_path)
    path = configuration(tmp_path, 8080, 8443, 8000)
    done = subprocess.run([NGINX, "-t", "-c", path, "-p", tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


@needs_nginx
def test_no_log_of_nginx_has_a_signature(proxy: Proxy) -> None:
    for path in (
        "/payments/paycomplete/?sign=SECRET",
        "/payments/paycomplete?sign=SECRET",
        "/x%0aFORGED?sign=SECRET",
    ):
        assert proxy.ask(path)[0] in (200, 301)
    with socket.create_connection(("127.0.0.1", proxy.http)) as peer:
        peer.sendall(b"GET /payments/paycomplete/?sign=SECRET HTTP/1.0\r\nHost: ihome.example\r\n\r\n")
        assert b"Location: https://ihome.example/payments/paycomplete/?sign=SECRET" in peer.recv(4096)
    time.sleep(0.2)
    lines = proxy.log("access").splitlines()
    assert len(lines) == 4
    assert all(
        re.match(r'127\.0\.0\.1 \[\d{4}-\d\d-\d\dT[\d:]{8}[+-]\d\d:\d\d\] "GET /', line) for line in lines
    )
    assert "SECRET" not in proxy.log("access") + proxy.log("error")


@needs_nginx
def test_a_signature_stays_out_of_the_error_log_while_the_site_is_down(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    it = Proxy(free_port(), free_port(), tmp_path, certificate)
    path = configuration(tmp_path, it.http, it.https, free_port())
    process = subprocess.Popen([NGINX, "-c", path, "-p", tmp_path], stderr=subprocess.PIPE)
    try:
        wait_for(it.https, process)
        for address in ("/payments/paycomplete/?sign=SECRET", "/orders/"):
            status, headers, text = it.ask(address)
            assert (status, headers["Retry-After"]) == (502, "30")
            assert "马上回来" in text and "be right back" in text
        status, headers, _ = it.ask("/static/away/away.css")
        assert (status, headers["Cache-Control"]) == (200, "no-store")
        assert it.ask("/static/css/base.css")[0] == 502  # the site's, as before
    finally:
        process.terminate()
        process.communicate(timeout=10)
    assert "Connection refused" in it.log("error")
    assert "SECRET" not in it.log("error") + it.log("access")


@needs_nginx
def test_SEC07_nginx_replaces_a_forged_address(proxy: Proxy) -> None:
    _, headers, sent = proxy.ask("/", X_Forwarded_For="203.0.113.66", X_Forwarded_Proto="http")
    assert re.findall(r"X-Forwarded-\w+: .*", sent) == [
        "X-Forwarded-Proto: https",
        "X-Forwarded-For: 127.0.0.1",
    ]
    ids = re.findall(r"X-Request-Id: ([0-9a-f]{32})\n", sent)
    assert len(ids) == 1
    for _ in range(100):
        if proxy.log("access").endswith(f" {ids[0]}\n"):
            break
        time.sleep(0.02)
    assert proxy.log("access").endswith(f" {ids[0]}\n")
    assert headers["Server"] == "nginx"  # without a version


@needs_nginx
def test_another_name_gets_no_answer(proxy: Proxy) -> None:
    for host in (b"evil.example", b"127.0.0.1"):
        with socket.create_connection(("127.0.0.1", proxy.http)) as peer:
            peer.sendall(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
            assert peer.recv(4096) == b""
    with pytest.raises(http.client.RemoteDisconnected):  # also inside a connection to our name
        proxy.ask("/", host="evil.example")
    peer = socket.create_connection(("127.0.0.1", proxy.https))
    with pytest.raises(ssl.SSLError):
        ssl.create_default_context().wrap_socket(peer, server_hostname="evil.example")


@needs_nginx
@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/signup/", "/admin/login/"])
def test_a_flood_of_forms_is_refused_in_words(proxy: Proxy, path: str) -> None:
    answers = [proxy.ask(path, "POST", body=b"a=1") for _ in range(30)]
    statuses = [status for status, _, _ in answers]
    assert statuses[:20] == [200] * 20
    assert statuses[-1] == 429
    _, headers, text = answers[-1]
    assert "请过一分钟再试" in text
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["Retry-After"] == "60"
    assert [proxy.ask(path)[0] for _ in range(30)] == [200] * 30  # looking is free
    assert proxy.ask("/orders/26112600000000/review/", "POST", body=b"a=1")[0] == 200


@needs_nginx
def test_photos_carry_their_own_headers(proxy: Proxy) -> None:
    for path, expected in (("/media/x.webp", 200), ("/media/none.webp", 404), ("/media/../private.key", 200)):
        status, headers, text = proxy.ask(path)
        assert status == expected
        assert "PRIVATE KEY" not in text
        if path != "/media/../private.key":  # goes to the site as /private.key
            assert headers["Content-Security-Policy"].startswith("default-src 'none'; frame-ancestors 'none'")
            assert (headers["X-Frame-Options"], headers["X-Content-Type-Options"]) == ("DENY", "nosniff")
            assert ("immutable" in headers.get("Cache-Control", "")) == (expected == 200)
    assert proxy.ask("/media/x.webp", "POST", body=b"")[0] == 403


@needs_nginx
def test_only_the_machine_that_watches_sees_readyz(proxy: Proxy) -> None:
    assert proxy.ask("/readyz")[0] == 200  # the test is on the same machine
    path = proxy.folder / "nginx.conf"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("allow 127.0.0.1;", ""), encoding="utf-8")
    subprocess.run([NGINX, "-c", path, "-p", proxy.folder, "-s", "reload"], check=True)
    for _ in range(100):
        if (status := proxy.ask("/readyz")[0]) == 403:
            break
        time.sleep(0.05)
    assert status == 403
    assert proxy.ask("/livez")[0] == 200


@needs_nginx
def test_a_large_form_is_for_staff_only(proxy: Proxy) -> None:
    for path, expected in (("/payments/notify/", 413), ("/admin/login/", 413), ("/admin/houses/", 200)):
        assert proxy.ask(path, "POST", body=b"x" * 100_000)[0] == expected


# --- systemd ----------------------------------------------------------------------------------------


def directives(unit: Path) -> dict[str, str]:
    return dict(re.findall(r"^(\w+)=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_service_may_do_no_more_than_it_needs(unit: Path) -> None:
    says = directives(unit)
    assert says["User"] == "ihome"
    assert (says["ProtectSystem"], says["CapabilityBoundingSet"], says["NoNewPrivileges"]) == (
        "strict",
        "",
        "true",
    )
    assert re.fullmatch(r"\d+[MG]", says["MemoryMax"])
    assert says["InaccessiblePaths"] == "-/srv/ihome/.git"  # the history; "-": it may not be there
    assert says["WorkingDirectory"] == "/srv/ihome/current"
    # Photos are uploaded to the site; nothing else writes files.
    assert says.get("ReadWritePaths") == ("/srv/ihome/media" if unit.name == "ihome.service" else None)


def with_programs_of_this_machine(folder: Path) -> list[Path]:
    """Copy the units: systemd-analyze wants every program that they start to exist."""
    copies = []
    for unit in UNITS:
        copies.append(folder / unit.name)
        text = re.sub(
            r"^(ExecStart=)\S+", r"\1/bin/true", unit.read_text(encoding="utf-8"), flags=re.MULTILINE
        )
        copies[-1].write_text(text, encoding="utf-8")
    return copies


@needs_systemd
def test_systemd_knows_every_line_of_the_units(tmp_path: Path) -> None:
    units = with_programs_of_this_machine(tmp_path)
    done = subprocess.run([SYSTEMD_ANALYZE, "verify", "--man=no", *units], capture_output=True, text=True)
    ours = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "ihome" in line]
    assert (done.returncode, ours) == (0, [])


@pytest.mark.parametrize("name", ["ihome.service", "ihome-sweep.service"])
def test_CRA05_a_service_that_comes_up_before_the_database_is_tried_again_for_good(name: str) -> None:
    says = directives(DEPLOY / "systemd" / name)
    assert (says["Restart"], says["StartLimitIntervalSec"]) == ("always", "0")


def test_CRA06_one_worker_that_memory_ran_out_for_takes_no_other_with_it() -> None:
    """By default systemd then stops the service: the others' requests would break off, too."""
    assert directives(DEPLOY / "systemd/ihome.service")["OOMPolicy"] == "continue"


@pytest.mark.parametrize("name", ROOTS)
def test_the_backup_has_few_of_roots_rights(name: str) -> None:
    says = directives(DEPLOY / "systemd" / name)
    assert "User" not in says
    assert says["CapabilityBoundingSet"] == "CAP_DAC_OVERRIDE CAP_CHOWN CAP_FOWNER"
    assert (says["ProtectSystem"], says["NoNewPrivileges"]) == ("strict", "true")
    assert says["ReadWritePaths"] == "-/var/backups/ihome -/etc/ihome /run/lock"


@needs_systemd
@pytest.mark.parametrize(
    "unit", [*SERVICES, *(DEPLOY / "systemd" / name for name in ROOTS)], ids=lambda unit: unit.name
)
def test_systemd_rates_the_units_as_safe(tmp_path: Path, unit: Path) -> None:
    """From 0 to 100; a service without any of these lines gets 92 to 96."""
    with_programs_of_this_machine(tmp_path)
    most = 40 if unit.name in ROOTS else 25
    command = [SYSTEMD_ANALYZE, "security", "--offline=true", f"--threshold={most}", "--no-pager"]
    done = subprocess.run([*command, tmp_path / unit.name], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-300:] + done.stderr


# --- Scripts ----------------------------------------------------------------------------------------


def test_server_sh_enables_what_the_units_have() -> None:
    server = (DEPLOY / "server.sh").read_text(encoding="utf-8")
    library = (DEPLOY / "lib.sh").read_text(encoding="utf-8")
    for unit in UNITS:
        if unit.suffix in (".timer", ".socket") or unit.name in ("ihome.service", "ihome-sweep.service"):
            assert unit.name in server + library, unit.name


def test_the_page_while_the_site_is_away_needs_nothing_of_it() -> None:
    """Only what nginx serves itself: no style, picture or script from elsewhere."""
    page = (Path(site.BASE_DIR) / "static/away/away.html").read_text(encoding="utf-8")
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert sources == ["/static/away/away.css", "/"]
    assert "style=" not in page and "<script" not in page
    assert "url(" not in (Path(site.BASE_DIR) / "static/away/away.css").read_text(encoding="utf-8")
