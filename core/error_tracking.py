"""Error tracking by Sentry, or what speaks its protocol. Needs requirements-sentry.txt.

Only what an error is goes out: type, place, log line, ids. No request, variables, user, breadcrumbs or names.
"""

import re
from typing import Any

from core import log_context
from core.log_context import LogContext

_SECRETS = re.compile(
    r"[A-Za-z0-9+/=%]{60,}"  # signatures, keys
    r"|(?<![\w.])1[3-9]\d{9}(?!\w)"
    r"|[\w.+-]+@[\w-]+\.[\w.-]+"
    r"|\?[^\s'\"]*"
    r"|\b(?:sessionid|csrftoken|sign)=[^\s;&'\"]+"
)
_KEPT = ("event_id", "timestamp", "level", "logger", "platform", "release", "environment", "exception")

_PLACE = ("module", "function", "lineno", "in_app")


def start(dsn: str, **options: Any) -> None:
    import sentry_sdk
    from sentry_sdk.integrations.logging import LoggingIntegration

    sentry_sdk.init(
        dsn=dsn,
        before_send=scrubbed,  # type: ignore[arg-type]
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[LoggingIntegration(level=None)],  # ERROR lines; no breadcrumbs
        max_breadcrumbs=0,
        include_local_variables=False,
        include_source_context=False,
        **options,
    )


def scrubbed(event: dict[str, Any], hint: object) -> dict[str, Any]:
    """Return a new event of what may leave the machine, with the ids of the request and the order."""
    kept = {name: event[name] for name in _KEPT if name in event}
    kept["exception"] = {"values": [_exception(each) for each in _values(event)]}
    if line := event.get("logentry"):
        kept["logentry"] = {"message": _clean(line.get("formatted") or line.get("message") or "")}
    context: LogContext | None = log_context.current()
    fields = context.fields() if context is not None else {}
    kept["tags"] = {name: str(fields[name]) for name in ("request", "round", "order") if name in fields}
    return kept


def _values(event: dict[str, Any]) -> list[dict[str, Any]]:
    return (event.get("exception") or {}).get("values") or []


def _exception(value: dict[str, Any]) -> dict[str, Any]:
    frames = (value.get("stacktrace") or {}).get("frames") or []
    places = [{name: frame.get(name) for name in _PLACE} for frame in frames]
    return {
        "type": value.get("type"),
        "value": _clean(value.get("value") or ""),
        "stacktrace": {"frames": places},
    }


def _clean(text: str) -> str:
    return _SECRETS.sub("…", text)
