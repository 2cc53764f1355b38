"""A signed-in browser of a renter, for direct calls of the WSGI application."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.test import Client

from accounts.models import User
from benchmarks.calls import Answer, Application, call
from benchmarks.environment import SITE_URL


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
