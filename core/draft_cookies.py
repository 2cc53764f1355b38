"""Drafts of visitors who sign in first: in signed cookies, so that nobody fills the database with them."""

import json
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

SECONDS = 3600
MAX_LENGTH = 3500
"""Browsers drop a cookie above 4096 bytes. A thousand Chinese characters take about 2,800."""


def signed(draft: dict[str, Any], *, salt: str) -> str:
    return signing.dumps(draft, salt=salt, serializer=_Utf16, compress=True)


def read(request: HttpRequest, cookie: str, *, salt: str) -> dict[str, Any] | None:
    """Return the draft that `signed` wrote; None without one."""
    value = request.COOKIES.get(cookie, "")
    try:
        return signing.loads(value, salt=salt, serializer=_Utf16, max_age=SECONDS)
    except signing.BadSignature:
        return None


def keep(response: HttpResponse, cookie: str, value: str) -> None:
    response.set_cookie(
        cookie,
        value,
        max_age=SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def forget(response: HttpResponse, cookie: str) -> None:
    response.delete_cookie(cookie, samesite="Lax")


class _Utf16:
    """Two bytes for a Chinese character, where JSON's escapes take six."""

    def dumps(self, value: Any) -> bytes:
        return json.dumps(value, ensure_ascii=False).encode("utf-16-le", "surrogatepass")

    def loads(self, data: bytes) -> Any:
        return json.loads(data.decode("utf-16-le", "surrogatepass"))
