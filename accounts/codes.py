"""Codes by SMS: whoever types one back holds the number.

Nothing is stored. A code is a keyed hash of a nonce, and the nonce is in a signed form field, the proof. So
only the browser that asked for a code can try it, and nobody else can use up its tries.
"""

import logging
import secrets
from datetime import timedelta
from enum import StrEnum

from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from accounts import access_log, sms
from accounts.devices import known_device
from accounts.mobile import masked
from accounts.models import AccessEvent
from core.client_address import client_address
from core.rate_limits import Limit, LimitReached, Use, give_back, of_address, take, take_all
from core.refusal import Refusal

log = logging.getLogger(__name__)

Kind = AccessEvent.Kind

LIFE = timedelta(minutes=10)
DIGITS = 6
SALT = "accounts.codes"

QUARTER, DAY = timedelta(minutes=15), timedelta(days=1)
AGAIN = Limit("codes again", 1, timedelta(minutes=1))
SENT = Limit("codes to a number", 3, QUARTER)
SENT_DAILY = Limit("codes to a number in a day", 10, DAY)
ASKED, ASKED_DAILY = "codes of an address", "codes of an address in a day"
BUDGET = "codes of the site in a day"

TRIES = Limit("tries of a code", 3, LIFE)
WRONG = Limit("wrong codes of an address", 10, QUARTER)
USED = Limit("uses of a code", 1, LIFE)


class Purpose(StrEnum):
    """A code for one purpose is none for another."""

    SIGN_UP = "sign-up"
    SIGN_IN = "sign-in"
    VERIFY = "verify"
    RESET = "reset"
    CHANGE = "change"
    CLOSE = "close"


def send(request: HttpRequest, purpose: Purpose, mobile: str) -> str:
    """Send a code, whether or not the number has an account. Returns the proof. Raises Refusal."""
    taken = _take_uses(request, mobile)
    nonce = secrets.token_urlsafe(16)
    try:
        sms.send_code(mobile, _code(nonce))
    except sms.NotSent as reason:
        give_back(taken)
        log.error("code for %s not sent: %s", masked(mobile), reason)
        access_log.note(request, Kind.CODE_REFUSED, mobile, "provider")
        raise Refusal(_not_sent(reason)) from None
    access_log.note(request, Kind.CODE_SENT, mobile, purpose)
    return signing.dumps([purpose, mobile, nonce], salt=SALT)


def _not_sent(reason: sms.NotSent) -> str:
    if isinstance(reason, sms.NoProvider):
        return _("This site can't send codes by SMS at present. Sign in with your password, or contact us.")
    return _("We couldn't send the code. Please try again in a minute.")


def shown(proof: str) -> str:
    """Return the code if the page may show it: on a rehearsal site without a provider. Otherwise empty."""
    if not settings.REHEARSAL or settings.SMS["provider"] != sms.CONSOLE:
        return ""
    try:
        return _code(signing.loads(proof, salt=SALT, max_age=LIFE)[2])
    except signing.BadSignature:
        return ""


def _take_uses(request: HttpRequest, mobile: str) -> list[Use]:
    device = known_device(request, mobile)
    # Strangers who ask for codes to this number can't keep its owner from one.
    number = f"{mobile} {device}" if device else mobile
    of_number = [(limit, number) for limit in (AGAIN, SENT, SENT_DAILY)]
    most = settings.SMS_PER_ADDRESS
    of_client = [
        *of_address(Limit(ASKED, most, QUARTER), request),
        *of_address(Limit(ASKED_DAILY, 3 * most, DAY), request),
    ]
    budget = (Limit(BUDGET, settings.SMS_DAILY_BUDGET, DAY), "")
    try:
        return take_all(*of_number, *of_client, budget)
    except LimitReached as reached:
        log.warning(
            "code for %s from %s refused: limit of %s",
            masked(mobile),
            client_address(request),
            reached.limit.name,
        )
        access_log.note_refusal(request, Kind.CODE_REFUSED, mobile, reached)
        raise Refusal(_too_many(reached)) from None


def _too_many(reached: LimitReached) -> str:
    if reached.limit.name == BUDGET:
        log.error("SMS_DAILY_BUDGET is used up: no codes are sent until %s", reached.ends_at)
        return _("We can't send any more codes today. Sign in with your password, or contact us.")
    if reached.limit == AGAIN:
        return _("A code was sent a moment ago. Wait a minute before you ask for another.")
    if reached.limit.period == DAY:
        return _("Too many codes requested today. Try again tomorrow, or sign in with your password.")
    return _("Too many codes requested. Try again at %(time)s.") % {"time": reached.again_at}


def check(request: HttpRequest, purpose: Purpose, mobile: str, proof: str, typed: str) -> None:
    """Raise ValidationError unless this is the code. A right one isn't counted, and is valid until use()."""
    nonce = _nonce(purpose, mobile, proof)
    try:
        taken = take_all(*of_address(WRONG, request), (TRIES, nonce))
    except LimitReached as reached:
        log.warning("codes for %s from %s paused", masked(mobile), client_address(request))
        access_log.note_refusal(request, Kind.PAUSED, mobile, reached)
        raise ValidationError(_paused(reached)) from None
    if not constant_time_compare(_code(nonce), typed):
        log.warning("wrong code for %s from %s", masked(mobile), client_address(request))
        access_log.note(request, Kind.WRONG_CODE, mobile, purpose)
        raise ValidationError(_("Wrong code. Please try again."))
    give_back(taken)


def _paused(reached: LimitReached) -> str:
    if reached.limit == TRIES:
        return _("Too many wrong codes. Ask for a new one.")
    return _("Too many wrong codes. Try again at %(time)s.") % {"time": reached.again_at}


def use(purpose: Purpose, mobile: str, proof: str) -> None:
    """Use up a code that was checked. Raises Refusal if it has been used already."""
    try:
        take(USED, _nonce(purpose, mobile, proof))
    except LimitReached:
        raise Refusal(_("This code has been used. Ask for a new one.")) from None


def _nonce(purpose: Purpose, mobile: str, proof: str) -> str:
    try:
        sent_for, sent_to, nonce = signing.loads(proof, salt=SALT, max_age=LIFE)
    except signing.BadSignature:
        raise ValidationError(_("This code has expired. Ask for a new one.")) from None
    if (sent_for, sent_to) != (purpose, mobile):
        raise ValidationError(_("The code was sent to another number. Ask for a new one."))
    return nonce


def _code(nonce: str) -> str:
    number = int(salted_hmac(SALT, nonce, algorithm="sha256").hexdigest(), 16)
    return f"{number % 10**DIGITS:0{DIGITS}}"
