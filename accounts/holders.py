"""Accounts of people who proved by a code that they hold the number."""

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from core.refusal import Refusal


def holder_of(mobile: str) -> User:
    """Return the renter's account of a number that was just proven, and note that it was.

    Raises Refusal. Only here may an answer tell whether a number has an account.
    """
    user = User.objects.filter(mobile=mobile).first()
    if user is None:
        raise Refusal(_("There is no account with this number yet. Create one first."))
    if not user.is_active:
        raise Refusal(_("This account has been closed."))
    if user.is_staff:
        raise Refusal(_("Staff sign in with their password."))
    user.set_mobile_verified()
    return user


def change_number(user: User, mobile: str) -> None:
    """Give the account another number, which a code has proven. Raises Refusal."""
    same = User.objects.filter(pk=user.pk, mobile=user.mobile, is_active=True)
    try:
        with transaction.atomic():
            changed = same.update(mobile=mobile, mobile_verified_at=timezone.now())
    except IntegrityError:
        raise Refusal(_("Another account has this number.")) from None
    if not changed:
        raise Refusal(_("Your account was changed elsewhere just now. Please start again."))
