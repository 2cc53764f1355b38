"""Links with which new staff set their own password. A link works once, for a few days."""

from datetime import timedelta

from django.core import signing
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts import events
from accounts.models import AccountEvent, User
from core.links import absolute_url
from core.transactions import durable_transaction

LINK_KINDS = (AccountEvent.Kind.LINKED, AccountEvent.Kind.BREAK_GLASS)
LIFE = timedelta(days=3)
SALT = "accounts.invitations"


@durable_transaction
def new_link(user: User, *, by: User) -> str:
    """Return a new link for the owner of an account. Earlier ones end."""
    events.note(user, AccountEvent.Kind.LINKED, by=by)
    return link_of(user)


def link_of(user: User) -> str:
    """Return the link that belongs to the newest event of LINK_KINDS.

    The key stands in the query, which no log of ours keeps.
    """
    key = signing.dumps([user.pk, _state(user)], salt=SALT)
    return f"{absolute_url('accounts:invitation')}?key={key}"


def user_of(key: str) -> User | None:
    """Return whoever a key belongs to, None if it is wrong, used, replaced or too old."""
    try:
        pk, state = signing.loads(key, salt=SALT, max_age=LIFE)
    except signing.BadSignature:
        return None
    user = User.objects.filter(pk=pk, is_active=True).first()
    return user if user is not None and constant_time_compare(state, _state(user)) else None


def _state(user: User) -> str:
    """Return a digest that changes with the next sign-in, password, number or link."""
    newest = (
        AccountEvent.objects.filter(user=user, kind__in=LINK_KINDS).order_by("-created_at", "-id").first()
    )
    state = (user.password, user.last_login, user.mobile, user.is_active, newest and newest.pk)
    return salted_hmac(SALT, repr(state), algorithm="sha256").hexdigest()
