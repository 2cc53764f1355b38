"""Direct calls of a WSGI application, in this thread and without sockets: nothing else is measured."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.test import Client

from accounts.models import User
from benchmarks.environment import SITE_URL

Application = Callable[..., object]


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Browser:
    """Session cookie and CSRF token of a signed-in renter."""

    cookies: str
    csrf_token: str

    @classmethod
    def of(cls, user: User) -> "Browser":
        client, request = Client(), HttpRequest()
        client.force_login(user)
        token = get_token(request)
        cookies = f"sessionid={client.cookies['sessionid'].value}; csrftoken={request.META['CSRF_COOKIE']}"
        return cls(cookies, token)

    def get(self, application: Application, path: str, query: str = "") -> Answer:
        return call(application, "GET", path, query=query, HTTP_COOKIE=self.cookies)

    def post_form(self, application: Application, path: str) -> Answer:
        body = urlencode({"csrfmiddlewaretoken": self.csrf_token}).encode()
        return call(application, "POST", path, body=body, HTTP_COOKIE=self.cookies, HTTP_ORIGIN=SITE_URL)


def call(
    application: Application, method: str, path: str, *, query: str = "", body: bytes = b"", **more: str
) -> Answer:
    answer = Answer()

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
        answer.status, answer.headers = int(status.split()[0]), dict(headers)

    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "HTTP_ACCEPT": "text/html",
        "CONTENT_TYPE": "application/x-www-form-urlencoded; charset=utf-8" if method == "POST" else "",
        "CONTENT_LENGTH": str(len(body)) if method == "POST" else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **more,
    }
    chunks = application(environ, start_response)
    try:
        answer.body = b"".join(chunks)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()  # Django sends request_finished here
    return answer
