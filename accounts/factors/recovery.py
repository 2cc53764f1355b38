"""Recovery codes: each signs in once in the place of a second factor that is lost."""

import secrets

from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from accounts import emails, events
from accounts.models import AccountEvent, RecoveryCode, User
from core.transactions import durable_transaction

HOW_MANY = 10
GROUPS, LETTERS = 6, 4
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""32 signs, without I, O, 0 and 1: 24 of them are 120 bits, too many to guess even from the digests."""


@durable_transaction
def renew(user: User) -> list[str]:
    """Make new codes and return them, to be shown once. Earlier ones end."""
    codes = ["-".join(_group() for _ in range(GROUPS)) for _ in range(HOW_MANY)]
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, digest=_digest(user, code)) for code in codes)
    events.note(user, AccountEvent.Kind.FACTOR_SET, by=user, detail="recovery codes")
    return codes


def left(user: User) -> int:
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


def use(user: User, typed: str) -> bool:
    """Tell whether this is an unused code of the user, and use it up. Its owner is told by mail."""
    if len(_plain(typed)) != GROUPS * LETTERS or not _use_up(user, typed):
        return False
    emails.tell(user, _("A recovery code was used"), "accounts/code_used_mail.txt", left=left(user))
    return True


@durable_transaction
def _use_up(user: User, typed: str) -> bool:
    unused = RecoveryCode.objects.filter(user=user, digest=_digest(user, typed), used_at=None)
    used = unused.update(used_at=timezone.now())
    if used:
        events.note(user, AccountEvent.Kind.CODE_USED, by=user, detail=f"{left(user)} left")
    return bool(used)


def _group() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LETTERS))


def _plain(typed: str) -> str:
    """Return the letters as they are stored: people leave out the hyphens, and type small letters."""
    return "".join(sign for sign in typed.upper() if sign.isalnum())


def _digest(user: User, code: str) -> str:
    return salted_hmac(f"accounts.factors.recovery.{user.pk}", _plain(code), algorithm="sha256").hexdigest()
