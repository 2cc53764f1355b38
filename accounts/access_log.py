"""Traces of sign-ins, wrong passwords and codes, for staff with the right and for the account's owner.

Rows are bounded: equal events within a quarter of an hour are one row with a count, refusals by one limit are
one row, and of all but BY_OWNERS no more than ROWS new rows are written in a quarter. Log lines have all.
An event costs one statement if its row exists, and at most ten. That is the same for numbers with and without
an account.
"""

import logging
from datetime import timedelta
from typing import Any

from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.mobile import is_mobile, masked
from accounts.models import AccessEvent, User
from core.client_address import UNKNOWN, client_address, client_network
from core.rate_limits import Limit, LimitReached, take

log = logging.getLogger(__name__)

Kind = AccessEvent.Kind

QUARTER = timedelta(minutes=15)
ROWS = Limit("rows of the access log", 200, QUARTER)
BY_OWNERS = (Kind.SIGNED_IN, Kind.NUMBER_CHANGED, Kind.EMAIL_CONFIRMED)
"""Always written: these take a password or a code, and a flood must not hide what a thief does next."""
KEPT = timedelta(days=183)
"""The Cybersecurity Law of the PRC, article 21, wants such records for six months."""
LATEST = 5

REASONS: dict[str, str | Promise] = {
    "password by number": _("too many wrong passwords for this number"),
    "password by address": _("too many wrong passwords from this address"),
    "password by device": _("too many wrong passwords from this browser"),
    "password of the site": _("too many wrong passwords on the whole site"),
    "codes again": _("a code was sent less than a minute before"),
    "codes to a number": _("too many codes to this number in a quarter of an hour"),
    "codes to a number in a day": _("too many codes to this number in a day"),
    "codes of an address": _("too many codes from this address in a quarter of an hour"),
    "codes of an address in a day": _("too many codes from this address in a day"),
    "codes of the site in a day": _("the site's codes of a day are used up"),
    "tries of a code": _("too many wrong tries of one code"),
    "wrong codes of an address": _("too many wrong codes from this address"),
    "factor by account": _("too many wrong codes for this account"),
    "factor by account in a day": _("too many wrong codes for this account in a day"),
    "factor by address": _("too many wrong codes from this address"),
    "factor by device": _("too many wrong codes from this browser"),
    "factor": _("of the second factor"),
    "provider": _("the SMS provider took no message"),
    "sign-up": _("to create an account"),
    "sign-in": _("to sign in"),
    "verify": _("to confirm the number"),
    "reset": _("to set a new password"),
    "change": _("to change the number"),
    "close": _("to close the account"),
}
"""Words for the names of limits and purposes, which rows hold."""


def note(request: HttpRequest, kind: str, mobile: str, reason: str = "") -> None:
    """Count an event of a number, as it was typed, from a client. Call it outside of transactions."""
    _count(request, kind, mobile, reason, f"{mobile} {client_network(request)} {reason}")


def note_refusal(request: HttpRequest, kind: str, mobile: str, reached: LimitReached) -> None:
    """Count a refusal by a limit. A flood from many addresses, or for many numbers, is still one row."""
    _count(request, kind, mobile, reached.limit.name, reached.key)


def note_sign_in(sender: object, request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    """Count a sign-in of any kind: the receiver of Django's signal."""
    if request is not None:
        log.info("signed in: %s from %s", masked(user.mobile), client_address(request))
        note(request, Kind.SIGNED_IN, user.mobile)


def _count(request: HttpRequest, kind: str, mobile: str, reason: str, what: str) -> None:
    now = timezone.now()
    period = int(now.timestamp() // QUARTER.total_seconds())
    key = salted_hmac("accounts.access_log", f"{kind} {what} {period}", algorithm="sha256").hexdigest()
    same = AccessEvent.objects.filter(key=key)
    if same.update(count=F("count") + 1, last_at=now) or not _has_room(kind):
        return
    user = User.objects.filter(mobile=mobile).first() if is_mobile(mobile) else None
    row = AccessEvent(kind=kind, user=user, reason=reason, key=key, first_at=now)
    row.number = masked(mobile) if is_mobile(mobile) else ""
    row.address = client_address(request)
    AccessEvent.objects.bulk_create([row], ignore_conflicts=True)  # another request may just have written it
    same.update(count=F("count") + 1, last_at=now)


def _has_room(kind: str) -> bool:
    if kind in BY_OWNERS:
        return True
    try:
        take(ROWS, "")
    except LimitReached:
        return False
    return True


def has_signed_in(request: HttpRequest, mobile: str) -> bool:
    """Tell whether the account has been signed in to from the client's network address."""
    address = client_address(request)
    if address == UNKNOWN:
        return False
    rows = AccessEvent.objects.filter(kind=Kind.SIGNED_IN, user__mobile=mobile, address=address)
    return rows.exists()


def latest_of(user: User) -> QuerySet[AccessEvent]:
    """The last sign-ins and wrong passwords of an account, for its owner."""
    kinds = (Kind.SIGNED_IN, Kind.WRONG_PASSWORD)
    return AccessEvent.objects.filter(user=user, kind__in=kinds)[:LATEST]


def delete_old() -> int:
    return AccessEvent.objects.filter(last_at__lt=timezone.now() - KEPT).delete()[0]
