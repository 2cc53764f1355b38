"""Checks codes of second factors, and limits wrong ones as accounts/guessing.py limits passwords."""

import logging
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts import access_log
from accounts.devices import known_device, remember
from accounts.factors import app_codes, passkeys, recovery
from accounts.guessing import PAUSED
from accounts.mobile import masked
from accounts.models import AccessEvent, User
from core.client_address import client_address
from core.rate_limits import Limit, LimitReached, Use, give_back, of_address, take_all

log = logging.getLogger(__name__)

PERIOD, DAY = timedelta(minutes=15), timedelta(days=1)
BY_ACCOUNT = Limit("factor by account", 10, PERIOD)
BY_ADDRESS = Limit("factor by address", 10, PERIOD)
BY_DEVICE = Limit("factor by device", 10, PERIOD)
DAILY = Limit("factor by account in a day", 100, DAY)
"""Three of a million codes are right at any time: a hundred tries a day find one in nine years."""


def check_code(request: HttpRequest, user: User, code: str) -> None:
    """Use up a code of the app, or a recovery code. Raises ValidationError."""
    tries = take_try(request, user)
    if not app_codes.accept(user, code) and not recovery.use(user, code):
        _note_wrong(request, user)
        raise ValidationError(_("This code is wrong, too old, or was used before."))
    accept(request, user, tries)


def check_passkey(request: HttpRequest, user: User, answer: str, challenge: str) -> None:
    """Raises ValidationError unless a passkey of the user signed the challenge."""
    tries = take_try(request, user)
    if not passkeys.accept(request, user, answer=answer, challenge=challenge):
        _note_wrong(request, user)
        raise ValidationError(_("This passkey was not accepted. Try again, or type a code."))
    accept(request, user, tries)


def take_try(request: HttpRequest, user: User) -> list[Use]:
    """Count a try before it is checked. Raises ValidationError during a pause."""
    device = known_device(request, _subject(user))
    # Whoever guesses knows the password, so their browser is known to the account. This one proved more.
    known = [(BY_DEVICE, f"{user.pk} {device}")]
    pk = str(user.pk)
    limits = known if device else [*of_address(BY_ADDRESS, request), (BY_ACCOUNT, pk), (DAILY, pk)]
    try:
        return take_all(*limits)
    except LimitReached as reached:
        _warn(request, user, f"paused: limit of {reached.limit.name}")
        access_log.note_refusal(request, AccessEvent.Kind.PAUSED, user.mobile, reached)
        sentence = _("Too many wrong codes. Try again at %(time)s.")
        raise ValidationError(sentence % {"time": reached.again_at}, code=PAUSED) from None


def accept(request: HttpRequest, user: User, tries: list[Use]) -> None:
    """Don't count a right one, and remember the browser."""
    log.info("second factor of %s from %s accepted", masked(user.mobile), client_address(request))
    give_back(tries)
    remember(request, _subject(user))


def _note_wrong(request: HttpRequest, user: User) -> None:
    _warn(request, user, "is wrong")
    access_log.note(request, AccessEvent.Kind.WRONG_CODE, user.mobile, "factor")


def _warn(request: HttpRequest, user: User, what: str) -> None:
    log.warning("second factor of %s from %s %s", masked(user.mobile), client_address(request), what)


def _subject(user: User) -> str:
    return f"factor of {user.pk}"
