"""Limits for wrong passwords at both doors: by number, by client address, and by browser."""

import logging
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.devices import known_device
from accounts.mobile import masked
from core.client_address import client_address
from core.rate_limits import Limit, LimitReached, Use, of_address, take_all

log = logging.getLogger(__name__)

PERIOD = timedelta(minutes=15)
BY_NUMBER = Limit("password by number", 10, PERIOD)
BY_ADDRESS = Limit("password by address", 10, PERIOD)
BY_DEVICE = Limit("password by device", 10, PERIOD)
PAUSED = "paused"
"""Code of the ValidationError."""


def take_try(request: HttpRequest, mobile: str) -> list[Use]:
    """Count a try before the password is hashed; a right one is given back.

    Raises ValidationError during a pause. It is the same for every number, whether or not it has an account,
    and for the right password, too: otherwise a pause would not stop who guesses.
    """
    device = known_device(request, mobile)
    # A browser that the account was used with isn't held up by others who guess, nor by its neighbours.
    known = [(BY_DEVICE, f"{mobile} {device}")]
    limits = known if device else [*of_address(BY_ADDRESS, request), (BY_NUMBER, mobile)]
    try:
        return take_all(*limits)
    except LimitReached as reached:
        log.warning(
            "sign-in of %s from %s paused: limit of %s",
            masked(mobile),
            client_address(request),
            reached.limit.name,
        )
        raise ValidationError(_pause(reached), code=PAUSED) from None


def _pause(reached: LimitReached) -> str:
    sentence = _(
        "Too many wrong tries. Try again at %(time)s, or use a browser that you've signed in with before."
    )
    return sentence % {"time": reached.again_at}
