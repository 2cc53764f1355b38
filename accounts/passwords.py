"""Replaces a password that its owner chose."""

from accounts import events
from accounts.models import AccountEvent, User
from core.transactions import durable_transaction


@durable_transaction
def replace(user: User, before: str) -> bool:
    """Write the new hash of `user`, with its event.

    False if the hash is no longer `before`, or the account was closed: hashing takes a while.
    """
    unchanged = User.objects.filter(pk=user.pk, is_active=True, password=before)
    if not unchanged.update(password=user.password):
        return False
    events.note(user, AccountEvent.Kind.PASSWORD_SET, by=user)
    return True
