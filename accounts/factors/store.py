"""The second factors of an account: whether it has one, and what a change of them does."""

import logging

from django.conf import settings
from django.db.models import F
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import events
from accounts.mobile import masked
from accounts.models import AccountEvent, Passkey, RecoveryCode, User
from core.transactions import durable_transaction

log = logging.getLogger(__name__)

Kind = AccountEvent.Kind


def is_required() -> bool:
    """Tell whether staff need a second factor: everywhere but on a site for rehearsal."""
    return not settings.REHEARSAL


def has_app(user: User) -> bool:
    return TOTPDevice.objects.filter(user=user).exists()


def has_any(user: User) -> bool:
    """Tell whether the account has a second factor. Costs no query if it never had one."""
    return bool(user.factor_changes) and (has_app(user) or Passkey.objects.filter(user=user).exists())


def note_change(user: User, kind: str, *, by: User | None, detail: str) -> None:
    """Write the event of a change, in its transaction, and end the account's sessions."""
    User.objects.filter(pk=user.pk).update(factor_changes=F("factor_changes") + 1)
    user.refresh_from_db(fields=["factor_changes"])
    events.note(user, kind, by=by, detail=detail)
    log.info("%s: %s of %s", Kind(kind).name, detail, masked(user.mobile))


def note_removed(user: User, detail: str) -> None:
    """Write that its owner removed a factor. Recovery codes end with the last one."""
    note_change(user, Kind.FACTOR_GONE, by=user, detail=detail)
    if not has_any(user):
        RecoveryCode.objects.filter(user=user).delete()


def remove_all(user: User) -> bool:
    """Remove all factors and recovery codes, in the caller's transaction. False if there were none."""
    kinds = TOTPDevice, Passkey, RecoveryCode
    return sum(kind._default_manager.filter(user=user).delete()[0] for kind in kinds) > 0


@durable_transaction
def remove_for(user: User, *, by: User) -> bool:
    """Remove the factors of somebody who lost them. False if there were none."""
    removed = remove_all(user)
    if removed:
        note_change(user, Kind.FACTOR_HELP, by=by, detail="all")
    return removed
