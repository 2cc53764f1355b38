"""Limits for wrong passwords at both doors: by number, client address and browser, and of the whole site."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts import access_log, busy
from accounts.devices import known_device
from accounts.mobile import masked
from accounts.models import AccessEvent, User
from core.client_address import client_address
from core.places import NoPlace
from core.rate_limits import (
    Limit,
    LimitReached,
    Use,
    give_back,
    of_address,
    refuse_if_used_up,
    take,
    take_all,
)

log = logging.getLogger(__name__)

PERIOD = timedelta(minutes=15)
BY_NUMBER = Limit("password by number", 10, PERIOD)
BY_ADDRESS = Limit("password by address", 10, PERIOD)
BY_DEVICE = Limit("password by device", 10, PERIOD)
OF_SITE = Limit("password of the site", 200, PERIOD)
"""Against one password tried for many numbers from many addresses. A thousand people who sign in within an
hour, one in ten of them with a wrong password first, make 25 wrong ones in a quarter of an hour.

Whoever has twenty addresses can use it up. Then nobody can sign in with a password from a browser and an
address that are new to the account. Renters can with a code or, after a mailed link, a quarter of an hour
later; staff a quarter of an hour later.
"""
PAUSED = "paused"
"""Code of the ValidationError."""


@contextmanager
def counted_try(request: HttpRequest, mobile: str, *, of_staff: bool = False) -> Iterator[None]:
    """Count the block as a try at the password of a number. A ValidationError in it: the password is wrong.

    `of_staff`: where only staff sign in, who can't with a code.
    Raises ValidationError before the block during a pause, or while too many passwords are being compared.
    """
    tries = _take_try(request, mobile, of_staff)
    try:
        with busy.HASHING.one(wait=busy.WAIT_SECONDS):
            yield
    except NoPlace:
        give_back(tries)
        raise ValidationError(_("Too many sign-ins at once. Try again in a few seconds.")) from None
    except ValidationError:
        log.info("wrong password for %s from %s", masked(mobile), client_address(request))
        _note_wrong(request, mobile)
        raise
    give_back(tries)


def check_password(request: HttpRequest, user: User, typed: str, *, of_staff: bool = False) -> None:
    """Check the password of a signed-in user. Raises ValidationError; a wrong one counts as at the doors."""
    with counted_try(request, user.mobile, of_staff=of_staff):
        if not user.check_password(typed):
            raise ValidationError(_("Your current password is incorrect."))


def _note_wrong(request: HttpRequest, mobile: str) -> None:
    if not known_device(request, mobile):
        with suppress(LimitReached):  # others were comparing theirs when it was used up
            take(OF_SITE, "")
    access_log.note(request, AccessEvent.Kind.WRONG_PASSWORD, mobile)


def _take_try(request: HttpRequest, mobile: str, of_staff: bool) -> list[Use]:
    """Count a try before the password is hashed. Raises ValidationError during a pause.

    A pause is the same for every number, whether or not it has an account, and for the right password, too:
    otherwise it would not stop who guesses.
    """
    device = known_device(request, mobile)
    # A browser that the account was used with isn't held up by others who guess, nor by its neighbours.
    known = [(BY_DEVICE, f"{mobile} {device}")]
    limits = known if device else [*of_address(BY_ADDRESS, request), (BY_NUMBER, mobile)]
    try:
        if not device:
            _refuse_strangers(request, mobile)
        return take_all(*limits)
    except LimitReached as reached:
        log.warning(
            "sign-in of %s from %s paused: limit of %s",
            masked(mobile),
            client_address(request),
            reached.limit.name,
        )
        access_log.note_refusal(request, AccessEvent.Kind.PAUSED, mobile, reached)
        raise ValidationError(_pause(reached, of_staff), code=PAUSED) from None


def _refuse_strangers(request: HttpRequest, mobile: str) -> None:
    """Raise LimitReached while the whole site is being guessed at, unless the address is known."""
    try:
        refuse_if_used_up(OF_SITE, "")
    except LimitReached:
        if not access_log.has_signed_in(request, mobile):
            raise


def _pause(reached: LimitReached, of_staff: bool) -> str:
    if reached.limit == OF_SITE and of_staff:
        sentence = _(
            "Many wrong passwords were tried on this site just now. Try again at %(time)s, or from a browser "
            "or an internet connection that you've signed in with before."
        )
        return sentence % {"time": reached.again_at}
    if reached.limit == OF_SITE:
        sentence = _(
            "Many wrong passwords were tried on this site just now. Sign in with a code by SMS, or try again "
            "at %(time)s, or use a browser that you've signed in with before."
        )
        return sentence % {"time": reached.again_at}
    sentence = _(
        "Too many wrong tries. Try again at %(time)s, or use a browser that you've signed in with before."
    )
    return sentence % {"time": reached.again_at}
