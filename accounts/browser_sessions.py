"""Browsers that are signed in to an account: 我的 lists them, and signs them out.

Django's sessions know neither user nor browser. A row has these beside the session's key; the session stays
in the store of SESSION_ENGINE, which decides whether it is valid. So nobody stays signed in for lack of a
row, and a row signs nobody in.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from importlib import import_module
from itertools import islice
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.core.cache.backends.locmem import LocMemCache
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.models import BrowserSession, User
from core.client_address import client_address, network_of

log = logging.getLogger(__name__)

RENEW_EVERY = timedelta(minutes=5)
MOST_SHOWN = 20
SIGNED_IN_AT = "signed_in_at"
"""Key in the session: its row is made anew where the session got another key, as with a new password."""

_renewed = LocMemCache("accounts.browser_sessions", {"OPTIONS": {"MAX_ENTRIES": 10_000}})
"""Sessions that this process has renewed lately. In memory, because most requests must cost nothing."""


def remember(sender: object, request: HttpRequest | None, user: Any, **kwargs: object) -> None:
    """Note the browser after a sign-in of any kind."""
    if request is None:
        return
    request.session[SIGNED_IN_AT] = timezone.now().timestamp()
    if request.session.session_key is None:  # another user was signed in
        request.session.create()
    key = str(request.session.session_key)
    _renewed.set(key, True, RENEW_EVERY.total_seconds())
    _note(request, key, user.pk)


def forget(sender: object, request: HttpRequest, **kwargs: object) -> None:
    """Delete the row after a sign-out."""
    if key := request.session.session_key:
        BrowserSession.objects.filter(session_key=key).delete()


def signed_in_browsers(user: User) -> list[BrowserSession]:
    """Return the rows whose session is still valid, the latest seen first.

    A session that gets another key leaves a row behind: those of a week of staff must not hide others.
    """
    rows = BrowserSession.objects.filter(user=user, seen_at__gt=_oldest()).order_by("-seen_at", "-id")
    return list(islice((row for row in rows if _is_valid(row.session_key, user)), MOST_SHOWN))


def end(user: User, *, keep: str | None, only: int | None = None) -> int:
    """End the sessions of the user's browsers but `keep`, or one of them. Returns how many there were."""
    rows = BrowserSession.objects.filter(user=user)
    rows = rows if keep is None else rows.exclude(session_key=keep)
    ended = list(rows if only is None else rows.filter(pk=only))
    for row in ended:
        _store().delete(row.session_key)
        row.delete()
    return len(ended)


def delete_old() -> int:
    """Delete the rows of sessions that have expired."""
    return BrowserSession.objects.filter(seen_at__lte=_oldest()).delete()[0]


class BrowserSessionMiddleware:
    """Note when a session was last seen: one statement in RENEW_EVERY, in each process."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        session = request.session
        # Looked at by the view, hence loaded: a page that doesn't ask who is signed in stays without queries.
        if session.accessed and session.session_key and response.status_code < 500:
            _renew(request, session.session_key, session.get(SESSION_KEY))
        return response


def _renew(request: HttpRequest, key: str, user: str | None) -> None:
    if user is None or not _renewed.add(key, True, RENEW_EVERY.total_seconds()):
        return
    try:
        _note(request, key, int(user))
    except DatabaseError as error:  # read-only, or full: the page itself was read
        log.warning("browser session not noted: %s", error)


def _note(request: HttpRequest, key: str, user: int) -> None:
    """Renew the row of the session, or insert it."""
    values = {
        "user_agent": request.headers.get("User-Agent", "")[:200],
        "network": network_of(client_address(request)),
        "seen_at": timezone.now(),
        "signed_in_at": _signed_in_at(request.session),
    }
    if not BrowserSession.objects.filter(session_key=key, user=user).update(**values):
        row = BrowserSession(session_key=key, user_id=user, **values)
        BrowserSession.objects.bulk_create([row], ignore_conflicts=True)


def _signed_in_at(session: SessionBase) -> datetime | None:
    seconds = session.get(SIGNED_IN_AT)
    return seconds and datetime.fromtimestamp(seconds, tz=timezone.get_current_timezone())


def _store(key: str | None = None) -> SessionBase:
    return import_module(settings.SESSION_ENGINE).SessionStore(key)


def _is_valid(key: str, user: User) -> bool:
    """Tell whether the session would sign the user in: it has not expired, nor the password changed."""
    session = _store(key).load()
    held = session.get(HASH_SESSION_KEY, "")
    return session.get(SESSION_KEY) == str(user.pk) and any(
        constant_time_compare(held, current) for current in _hashes(user)
    )


def _hashes(user: User) -> Iterator[str]:
    yield user.get_session_auth_hash()
    yield from user.get_session_auth_fallback_hash()


def _oldest() -> datetime:
    """Time before which no session that is still valid can have been seen last."""
    return timezone.now() - timedelta(seconds=settings.SESSION_COOKIE_AGE)
