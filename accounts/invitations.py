"""Links with which new staff set their password: one use, a few days, nobody else chooses it."""

from django.contrib.auth.tokens import PasswordResetTokenGenerator

from accounts import events
from accounts.models import AccountEvent, User
from core.links import absolute_url
from core.transactions import durable_transaction

LINK_KINDS = (AccountEvent.Kind.LINKED, AccountEvent.Kind.BREAK_GLASS)


class InvitationTokens(PasswordResetTokenGenerator):
    """Tokens that end with the next sign-in, password or link, and when the account is closed."""

    key_salt = "accounts.invitations"

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        newest = AccountEvent.objects.filter(user=user, kind__in=LINK_KINDS).order_by("-id").first()
        state = f"{user.mobile}{user.is_active}{newest.pk if newest else ''}"
        return super()._make_hash_value(user, timestamp) + state


_tokens = InvitationTokens()


@durable_transaction
def new_link(user: User, *, by: User) -> str:
    """Return a new link for the owner of an account. Earlier ones end."""
    events.note(user, AccountEvent.Kind.LINKED, by=by)
    return link_of(user)


def link_of(user: User) -> str:
    """Return the link that belongs to the newest event of LINK_KINDS.

    The key stands in the query, which no log of ours keeps.
    """
    return f"{absolute_url('accounts:invitation')}?key={user.pk}-{_tokens.make_token(user)}"


def user_of(key: str) -> User | None:
    """Return whoever a key belongs to, None if it is wrong, used, replaced or too old."""
    number, _, token = key.partition("-")
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        return None
    user = User.objects.filter(pk=int(number), is_active=True).first()
    return user if user is not None and _tokens.check_token(user, token) else None
