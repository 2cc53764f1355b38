"""Accounts of people who proved by a code that they hold the number."""

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
