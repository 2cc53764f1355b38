"""What may be forgotten. Money, orders and whatever Alipay said that settled or puzzled stay for good."""

from datetime import timedelta
from importlib import import_module

from django.conf import settings

from core.transactions import delete_old_markers
from jobs import heartbeat
from payments.books import message_log

EVERY = timedelta(hours=1)


def due() -> list[str]:
    """What to prune now; nothing while a sweep has done so within the hour."""
    return list(_PRUNE) if heartbeat.claim("prune", every=EVERY) else []


def prune(what: str) -> int:
    """How many rows were deleted, where that is known."""
    return _PRUNE[what]()


def _sessions() -> int:
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    return 0


_PRUNE = {
    "messages": message_log.prune_bad,
    "answers": message_log.prune_answers,
    "sessions": _sessions,
    "commits": delete_old_markers,
}
