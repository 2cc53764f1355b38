"""Messages for the next page (django.contrib.messages): in a cookie, and what doesn't fit in the session."""

from typing import Any

from django.conf import settings
from django.contrib.messages.storage.base import Message
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage
from django.http import HttpResponse


class _OwnCookie(CookieStorage):
    cookie_name = f"{settings.COOKIE_PREFIX}messages"


class _SessionOfUsers(SessionStorage):
    """Drops messages of anonymous users: whoever fills the cookie would leave a session row each time."""

    def _store(self, messages: list[Message], response: HttpResponse, *args: Any, **kwargs: Any) -> list[Any]:
        if messages and not self.request.user.is_authenticated:
            return []
        return super()._store(messages, response, *args, **kwargs)  # type: ignore[misc]  # not in the stubs


class Messages(FallbackStorage):
    storage_classes = (_OwnCookie, _SessionOfUsers)
