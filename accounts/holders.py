"""Accounts of people who proved by a code that they hold the number."""

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import events
from accounts.closing import freed_number
from accounts.mobile import masked
from accounts.models import AccountEvent, User
from core.refusal import Refusal


def holder_of(mobile: str) -> User:
    """Return the renter's account of a number that was just proven.

    Raises Refusal. Only here may an answer tell whether a number has an account.
    """
    user = User.objects.filter(mobile=mobile).first()
    if user is None:
        raise Refusal(_("There is no account with this number yet. Create one first."))
    if user.closed_at and not user.is_active:
        raise Refusal(_("This account has been closed. You can create a new one with this number."))
    if not user.is_active:
        raise Refusal(_("This account has been closed."))
    if user.is_staff:
        raise Refusal(_("Staff sign in with their password."))
    return user


def prove_number(user: User) -> bool:
    """Note that a code proved the number. Tells whether that ended a password.

    The first time, it does: whoever made an account from before numbers were proven may be somebody else.
    With the password their sessions end, and the email they confirmed sets no new one.
    """
    unproven = User.objects.filter(pk=user.pk, mobile=user.mobile, mobile_verified_at=None)
    before = {"password": make_password(None), "email_verified_at": None}
    if not unproven.update(mobile_verified_at=timezone.now(), **before):
        return False
    had_password = user.has_usable_password()
    user.refresh_from_db()
    return had_password


def free_number(mobile: str) -> None:
    """Take the number, which a code has proven, from an account that its owner closed.

    Not from one that staff closed: who was sent away doesn't come back with the same number.
    """
    closed = User.objects.filter(mobile=mobile, is_active=False, closed_at__isnull=False)
    for key in closed.values_list("pk", flat=True):
        closed.filter(pk=key).update(mobile=freed_number(key), mobile_verified_at=None)


def change_number(user: User, mobile: str) -> None:
    """Give the account another number, which a code has proven. Superusers are told of staff.

    Raises Refusal.
    """
    same = User.objects.filter(pk=user.pk, mobile=user.mobile, is_active=True)
    try:
        with transaction.atomic():
            free_number(mobile)
            changed = same.update(mobile=mobile, mobile_verified_at=timezone.now())
            if changed and user.is_staff:
                events.note(user, AccountEvent.Kind.OWN_NUMBER, by=user, detail=masked(user.mobile))
    except IntegrityError:
        raise Refusal(_("Another account has this number.")) from None
    if not changed:
        raise Refusal(_("Your account was changed elsewhere just now. Please start again."))
