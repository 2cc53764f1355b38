"""An account that its owner closes: what goes, and what stays.

Email, nickname and password go, also guests' names and notes of bookings (orders/closing.py), and reviews are
signed "Closed account". Orders, payments and receipts stay, with name and number: the E-Commerce Law (article
31) wants them kept for three years at least, and staff find an order by its number when somebody asks. An
account without orders keeps neither name nor number.

The number is free for a new account as soon as somebody proves it by a code (holders.free_number): its owner
may come back, and operators give a number to somebody else after a while, who must not be locked out by a
stranger's account. The new account sees nothing of the old one. Coming back at once brings little: the codes
to a number are limited, and an account with unpaid orders can't be closed.
"""

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from accounts import events
from accounts.models import AccountEvent, User


def set_closed(user: User, *, keeps_records: bool) -> None:
    """Close the account, in the caller's transaction and under the row's lock."""
    gone: dict[str, object] = {"email": "", "email_verified_at": None, "nickname": ""}
    if not keeps_records:
        gone.update(name="", mobile=freed_number(user.pk), mobile_verified_at=None)
    User.objects.filter(pk=user.pk).update(
        is_active=False, closed_at=timezone.now(), password=make_password(None), **gone
    )
    events.note(user, AccountEvent.Kind.CLOSED, by=user)


def freed_number(key: int) -> str:
    """Return the unique text that stands in place of a number."""
    return f"-{key}"
