"""Hourly clean-up. Never deletes money, orders, or messages that settled something or need staff."""

from datetime import timedelta
from importlib import import_module

from django.conf import settings

from accounts import access_log, browser_sessions
from core import rate_limits
from core.transactions import delete_old_markers
from houses import pending
from jobs import heartbeat, staff_mail
from payments.books import message_log

EVERY = timedelta(hours=1)


def due() -> list[str]:
    """Names of the kinds of rows to prune. Empty if a sweep has claimed this within the hour."""
    return list(_PRUNE) if heartbeat.claim("prune", every=EVERY) else []


def prune(name: str) -> int:
    """Delete old rows of a kind. Returns how many, if that is known."""
    return _PRUNE[name]()


def _sessions() -> int:
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    return 0


_PRUNE = {
    "messages": message_log.prune_bad,
    "answers": message_log.prune_answers,
    "sessions": _sessions,
    "browser sessions": browser_sessions.delete_old,
    "commits": delete_old_markers,
    "rate counts": rate_limits.delete_old,
    "sign-ins and codes": access_log.delete_old,
    "photos": pending.delete_old,
    "mails to staff": staff_mail.delete_old,
}
