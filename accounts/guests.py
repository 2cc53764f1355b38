"""Accounts of renters for whom staff book, found or made by their mobile number."""

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts import events
from accounts.models import AccountEvent, User
from core.refusal import Refusal

UNKNOWN_NUMBER = "-lost"
"""In place of a mobile number, as accounts/closing.py has for freed ones."""
UNKNOWN_NAME = "未知租客"
"""In the language of staff: a name is one text for all languages."""


def account_of(mobile: str, name: str, *, by: User) -> User:
    """Return the account with this number, its row locked, in the caller's transaction. Raises Refusal.

    A new one has no password: its owner signs in by a code, which proves the number, or sets a password by
    one. `name` fills in an empty name and replaces none.
    """
    user = _locked(mobile) or _invite(mobile, name, by=by)
    if not user.is_active:
        raise Refusal(_("The account of this number is closed. Somebody who may change users can reopen it."))
    if name and not user.name:
        user.name = name
        user.save(update_fields=["name"])
    return user


def _locked(mobile: str) -> User | None:
    return User.objects.select_for_update().filter(mobile=mobile).first()


def _invite(mobile: str, name: str, *, by: User) -> User:
    try:
        with transaction.atomic():
            user = User.objects.create_user(mobile, name=name)
    except IntegrityError:  # somebody else was faster: the owner, or staff who pressed twice
        return User.objects.select_for_update().get(mobile=mobile)
    events.note(user, AccountEvent.Kind.ADDED, by=by)
    return user


def unknown_renter() -> User:
    """Return the account of orders whose renter a restored backup lost. Nobody can sign in with it."""
    closed = {"name": UNKNOWN_NAME, "is_active": False, "password": make_password(None)}
    return User.objects.get_or_create(mobile=UNKNOWN_NUMBER, defaults=closed)[0]
