"""Account events: writing them, and deriving from them which accounts one person may control."""

from collections.abc import Iterable
from datetime import timedelta

from django.utils import timezone

from accounts.models import AccountEvent, User

Kind = AccountEvent.Kind

HELP_COUNTS_FOR = timedelta(days=30)
TOLD_OF_REFUSALS_EVERY = timedelta(hours=1)
"""Superusers get one mail about the refused attempts of one account in this time."""

_TOLD = (Kind.APPROVED, Kind.BREAK_GLASS, Kind.OWN_NUMBER, Kind.REFUSED)
"""Superusers get a mail about these."""


def note(user: User, kind: str, *, by: User | None, detail: str = "") -> AccountEvent:
    """Write an event, in the caller's transaction if there is one. `by`: None on the server."""
    now = timezone.now()
    return AccountEvent.objects.create(
        user=user,
        account=user.pk,
        kind=kind,
        actor=by,
        detail=detail[:200],
        created_at=now,
        mail_due_at=now if kind in _TOLD and not _was_told(kind, by) else None,
    )


def note_rights(user: User, before: set[str], after: set[str], *, by: User | None) -> None:
    """Write what was given and taken. `before` and `after` are roles.labels_of()."""
    given, taken = after - before, before - after
    detail = ", ".join([*(f"+{name}" for name in sorted(given)), *(f"−{name}" for name in sorted(taken))])
    if given or taken:
        note(user, Kind.RIGHTS_GIVEN if given else Kind.RIGHTS_TAKEN, by=by, detail=detail)


def is_one_human(asker: User, approver: User) -> bool:
    """Tell whether one person may be behind two accounts.

    That is so if the asker helped the approver to their account, or if somebody else than a superuser helped
    both or one of them helped the other; also through further accounts, within HELP_COUNTS_FOR. Superusers
    could do so anyway: they are told of every approval instead.
    """
    behind = _behind(asker) & _behind(approver)
    return bool(behind) and (
        asker.pk in behind or User.objects.filter(pk__in=behind, is_superuser=False).exists()
    )


def _behind(user: User) -> set[int]:
    """Keys of the account and of all who helped it, or helped one of these."""
    found, new = {user.pk}, {user.pk}
    while new := _helpers(new) - found:
        found |= new
    return found


def _helpers(accounts: Iterable[int]) -> set[int]:
    since = timezone.now() - HELP_COUNTS_FOR
    helped = AccountEvent.objects.filter(
        kind__in=AccountEvent.HELP, created_at__gte=since, user__in=accounts, actor__isnull=False
    )
    return set(helped.order_by().values_list("actor", flat=True))


def _was_told(kind: str, by: User | None) -> bool:
    since = timezone.now() - TOLD_OF_REFUSALS_EVERY
    told = AccountEvent.objects.filter(kind=kind, actor=by, created_at__gte=since)
    return kind == Kind.REFUSED and told.exists()
