"""Error tracking: an error leaves the machine without anything that is somebody's."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from core import error_tracking, log_context
from core.log_context import LogContext
from ihome_site import environment
from tests.log_canary import secret_in

SIGNATURE = "kPbQIjX+xQc8F0/A6/AocELIjhhZnGbcBN6G4MM/HmfWL4ZiHM" * 3
SECRETS = f"13800000001 li.si@example.com sessionid=abcd /payments/paycomplete/?sign={SIGNATURE} {SIGNATURE}"


def frame(**more: object) -> dict[str, object]:
    return {"module": "x", "function": "f", "lineno": 1, "vars": {"password": SECRETS}, **more}


def test_an_event_is_rebuilt_from_what_may_leave() -> None:
    event = {
        "event_id": "1",
        "level": "error",
        "server_name": "secret-host",
        "request": {"url": SECRETS, "cookies": SECRETS, "data": SECRETS},
        "user": {"ip_address": "203.0.113.9"},
        "extra": {"sys.argv": SECRETS},
        "breadcrumbs": {"values": [{"message": SECRETS}]},
        "exception": {
            "values": [{"type": "ValueError", "value": SECRETS, "stacktrace": {"frames": [frame()]}}]
        },
        "logentry": {"message": "x %s", "formatted": SECRETS, "params": [SECRETS]},
    }
    kept = error_tracking.scrubbed(event, {})
    assert set(kept) == {"event_id", "level", "exception", "logentry", "tags"}
    assert kept["exception"]["values"][0]["stacktrace"]["frames"] == [
        {"module": "x", "function": "f", "lineno": 1, "in_app": None}
    ]
    text = json.dumps(kept)
    assert secret_in(text) == ""
    assert not any(part in text for part in ("138", "li.si", "abcd", "kPbQ", "203.0", "secret-host"))


@pytest.fixture
def sent() -> Iterator[list[dict[str, Any]]]:
    """Start error tracking; return the events that it sends."""
    sdk = pytest.importorskip("sentry_sdk", reason="requirements-sentry.txt is not installed")
    from sentry_sdk.transport import Transport

    events: list[dict[str, Any]] = []

    class Kept(Transport):
        def capture_envelope(self, envelope: Any) -> None:
            events.append(envelope.get_event())

    error_tracking.start("https://key@sentry.example/1", transport=Kept)
    yield events
    sdk.init()  # without an address, nothing is sent


def test_an_error_is_sent_with_its_request_and_no_variable(sent: list[dict[str, Any]]) -> None:
    secret_in_a_variable = "a-secret-in-a-variable"
    log = logging.getLogger("x")
    with log_context.within(LogContext("request", "r1", order="26112700000000")):
        log.warning("not this one")
        try:
            raise RuntimeError("failed")
        except RuntimeError:
            log.exception("order %s failed", "26112700000000")
    (event,) = sent
    assert event["tags"] == {"request": "r1", "order": "26112700000000"}
    assert event["logentry"]["message"] == "order 26112700000000 failed"
    assert event["exception"]["values"][0]["type"] == "RuntimeError"
    assert secret_in_a_variable not in json.dumps(event, default=str)


def test_a_missing_package_is_said_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTRY_DSN", "https://key@sentry.example/1")
    monkeypatch.setattr(environment, "find_spec", lambda name: None)
    with pytest.raises(ImproperlyConfigured, match=r"requirements-sentry\.txt"):
        environment.sentry()
