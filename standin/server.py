"""HTTP/1.1 server with keep-alive: routes each request to its handler and writes the reply."""

import logging
import select
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from . import pages
from .bill import Bills
from .cashier import Cashier
from .errors import Refused
from .gateway import Gateway
from .language import speaking
from .wire import Manner, Reply, Request

log = logging.getLogger("standin")

_LONGEST_BODY = 1_000_000
_IDLE_SECONDS = 120
_HANG_SECONDS = 120
_HUGE_BYTES = 500_000_000


class Server:
    """Listens once constructed; answers after `start()`. `cashier` is the URL prefix of sessions."""

    def __init__(
        self,
        host: str,
        port: int,
        gateway: Gateway,
        cashier: Cashier,
        bills: Bills,
        control: Callable[[Request, str], Reply],
    ) -> None:
        self._http = _Http((host, port), self)
        self.port = int(self._http.server_address[1])
        self.cashier = f"http://localhost:{self.port}/cashier/"
        self.stopping = threading.Event()
        self._gateway = gateway
        self._cashier = cashier
        self._bills = bills
        self._control = control
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.1,), name="stand-in Alipay", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and close the open connections."""
        self.stopping.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
        self._http.drop_connections()

    def answer(self, request: Request) -> Reply:
        """Answer a request. Never raises: an unexpected error is a 500, its traceback goes to the log."""
        try:
            with speaking(request):
                return self._route(request)
        except Refused as refused:
            return pages.error_page(refused)
        except Exception:
            log.exception("unexpected error at %s", request.path)
            return Reply(b"the stand-in failed; see its log\n", 500)

    def _route(self, request: Request) -> Reply:
        part, _, rest = request.path.lstrip("/").partition("/")
        match part:
            case "v3":
                return self._gateway.no_v3(request)
            case "gateway.do":
                return self._gateway.handle(request, self.cashier, f"http://localhost:{self.port}/redirected")
            case "redirected":
                return self._gateway.followed(request)
            case "cashier":
                return self._cashier.handle(request, rest)
            case "cashier.css":
                return Reply(pages.CSS, content_type="text/css; charset=utf-8")
            case "bill":
                return self._bills.download(rest)
            case "_standin":
                return self._control(request, rest)
            case "":
                return Reply("模拟支付宝 stand-in Alipay: see /_standin/health\n".encode())
        return Reply(b"not found\n", 404)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], owner: Server) -> None:
        self.owner = owner
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def drop_connections(self) -> None:
        with self._lock:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # closed by the client

    def handle_error(self, request: object, client_address: object) -> None:
        """Log a connection that the client closed early; our own errors are caught in `Server.answer`."""
        log.debug("connection closed early", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "stand-in"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = 65536
    timeout = _IDLE_SECONDS
    server: _Http

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    do_PUT = do_PATCH = do_DELETE = do_POST

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the URLs contain signatures, and the gateway logs its calls."""

    def _serve(self) -> None:
        body = self._read_body()
        if isinstance(body, Reply):
            self.close_connection = True
            self._write(body)
            return
        try:
            parts = urlsplit(self.path)
        except ValueError:
            self._write(Reply(b"malformed URL\n", 400))
            return
        self._write(
            self.server.owner.answer(Request(self.command, parts.path, parts.query, self.headers, body))
        )

    def _read_body(self) -> bytes | Reply:
        """Read the body, or return the error reply if its length is missing, malformed or too large."""
        if "Transfer-Encoding" in self.headers:
            return Reply(b"Content-Length required\n", 411)
        given = self.headers.get("Content-Length", "0")
        if not (given.isascii() and given.isdigit()):
            return Reply(b"malformed Content-Length\n", 400)
        if len(given) > 9 or int(given) > _LONGEST_BODY:
            return Reply(b"body too large\n", 413)
        return self.rfile.read(int(given))

    def _write(self, reply: Reply) -> None:
        if reply.manner != "whole":
            self.close_connection = True
            self._misbehave(reply, reply.manner)
            return
        self._head(reply, len(reply.body))
        self.wfile.write(reply.body)
        self.wfile.flush()

    def _head(self, reply: Reply, length: int) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(length))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def _misbehave(self, reply: Reply, manner: Manner) -> None:
        match manner:
            case "hang":
                self._idle(_HANG_SECONDS)
            case "drip":
                self._head(reply, len(reply.body))
                self._drip(reply.body)
            case "broken":
                self._head(reply, len(reply.body))
                self.wfile.write(reply.body[: len(reply.body) // 2])
                self.wfile.flush()
            case "huge":
                self._head(reply, _HUGE_BYTES)
                for _ in range(_HUGE_BYTES // 65536):
                    self.wfile.write(b" " * 65536)

    def _drip(self, body: bytes) -> None:
        for place in range(len(body)):
            self.wfile.write(body[place : place + 1])
            self.wfile.flush()
            if self._idle(1):
                return

    def _idle(self, seconds: float) -> bool:
        """Wait `seconds`. Return True early if the client closes the connection or the stand-in stops."""
        waited = 0.0
        while waited < seconds and not self.server.owner.stopping.is_set():
            readable, _, _ = select.select([self.connection], [], [], min(0.25, seconds))
            if readable:
                return True  # the client sends nothing more: readable means closed
            waited += 0.25
        return self.server.owner.stopping.is_set()
