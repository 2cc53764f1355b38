"""The session of a member of staff: when it began, was last used, last proven, and by a factor or not."""

import time
from datetime import timedelta
from typing import Any

from django.http import HttpRequest

KEY = "staff"
IDLE = timedelta(minutes=30)
AT_MOST = timedelta(hours=12)
PROOF_COUNTS_FOR = timedelta(minutes=10)
"""After a password, code or passkey, money moves without another one."""
NOTED_EVERY = timedelta(minutes=1)
"""A session is written at most once in this time for being used."""


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


def set_factor(request: HttpRequest) -> None:
    """Note that a second factor was proven, under a new session id."""
    request.session.cycle_key()
    _set(request, factor=True, proven=time.time())


def is_proven(request: HttpRequest) -> bool:
    return _age(request, "proven") <= PROOF_COUNTS_FOR


def set_proven(request: HttpRequest) -> None:
    """Note that its owner proved again who they are. One that was over begins anew."""
    now = time.time()
    if is_over(request):
        request.session.cycle_key()
        _set(request, began=now)
    _set(request, used=now, proven=now)


def _age(request: HttpRequest, name: str) -> timedelta:
    return timedelta(seconds=time.time() - request.session.get(KEY, {}).get(name, 0))


def _set(request: HttpRequest, **values: object) -> None:
    request.session[KEY] = {**request.session.get(KEY, {}), **values}
