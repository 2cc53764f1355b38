"""Sessions in the database, as Django has them, read by a prepared statement: most pages read one."""

from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

from core.prepared import Select

_ALIVE = Select(
    lambda value: Session.objects.filter(
        session_key=value(Session, "session_key"), expire_date__gt=value(Session, "expire_date", "now")
    )
)


class SessionStore(db.SessionStore):
    def _get_session_from_db(self) -> Any:
        session = _ALIVE.first(session_key=self.session_key, now=timezone.now())
        if session is None:
            self._session_key = None
        return session
