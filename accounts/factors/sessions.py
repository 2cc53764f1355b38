"""The session of a member of staff: when it began, was last used, last proven, and by a factor or not."""

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest

from accounts import browser_sessions

KEY = "staff"
IDLE = timedelta(minutes=30)
AT_MOST = timedelta(hours=12)
PROOF_COUNTS_FOR = timedelta(minutes=10)
"""After a password, code or passkey, money moves without another one."""
NOTED_EVERY = timedelta(minutes=1)
"""A session is written at most once in this time for being used."""
OLD_ID_LIVES = timedelta(seconds=30)
END = "staff_end"
"""Key in a session that got another id: when it would have ended. Its seconds must not end the next one."""


def begin(sender: object, request: HttpRequest | None, user: Any, **kwargs: object) -> None:
    """Begin anew at each sign-in: what was proven before it doesn't count any more."""
    if request is not None and user.is_staff:
        now = time.time()
        request.session[KEY] = {"began": now, "used": now, "proven": now, "factor": False}


def is_over(request: HttpRequest) -> bool:
    """Tell whether staff must prove again who they are. So, too, in sessions that began as a renter's."""
    return _age(request, "began") > AT_MOST or _age(request, "used") > IDLE


def note_use(request: HttpRequest) -> None:
    if _age(request, "used") >= NOTED_EVERY:
        _set(request, used=time.time())


def has_factor(request: HttpRequest) -> bool:
    """Tell whether a second factor was proven. It still exists: a change of factors ends other sessions."""
    return bool(request.session.get(KEY, {}).get("factor"))


def is_proven(request: HttpRequest) -> bool:
    return _age(request, "proven") <= PROOF_COUNTS_FOR


def set_proven(request: HttpRequest, *, with_factor: bool = False) -> None:
    """Note that its owner proved again who they are. One that was over begins anew."""
    now = time.time()
    proof: dict[str, object] = {"used": now, "proven": now}
    if is_over(request):
        proof["began"] = now
    if with_factor:
        proof["factor"] = True
    if with_factor or "began" in proof:  # it opens more than before
        _take_new_id(request)
    _set(request, **proof)


def _take_new_id(request: HttpRequest) -> None:
    """Go on under a new session id; the one before lives on for seconds, without the proof.

    Whoever presses twice on a slow line sends it again. They are asked again; without it they would be signed
    out and lose what they typed.
    """
    session = request.session
    end = session.pop(END, session.get_expiry_date().timestamp())
    before = type(session)(session.session_key)
    before[END] = end
    before.set_expiry(datetime.now(UTC) + OLD_ID_LIVES)
    with suppress(UpdateError):
        if before.session_key:  # else ended elsewhere meanwhile
            before.save()
    browser_sessions.forget(None, request)
    session.create()
    session.set_expiry(datetime.fromtimestamp(end, UTC))


def _age(request: HttpRequest, name: str) -> timedelta:
    return timedelta(seconds=time.time() - request.session.get(KEY, {}).get(name, 0))


def _set(request: HttpRequest, **values: object) -> None:
    request.session[KEY] = {**request.session.get(KEY, {}), **values}
