"""Sends codes and links by SMS, by the provider that SMS_URL names."""

import logging
import sys

from django.conf import settings
from django.db import connection

from accounts.mobile import masked
from core import metrics
from core.circuit_breaker import CircuitBreaker

log = logging.getLogger(__name__)

CONSOLE = "console"

breaker = CircuitBreaker("the SMS provider")


class NotSent(Exception):
    """The provider took no message. The text has its error code, never the number or our code."""


class NoProvider(NotSent):
    """SMS_URL names none, so nothing will be sent until it does."""


def send_code(mobile: str, code: str) -> None:
    """Send a code. Raises NotSent; RuntimeError inside a transaction, whose locks would wait meanwhile."""
    if any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks):
        raise RuntimeError("an SMS is sent inside a transaction")
    if settings.SMS["provider"] == CONSOLE:
        _print(mobile, code)
    elif breaker.allows_call():
        _call_provider(mobile, code)
    else:
        raise NotSent("the provider is not responding")
    metrics.SMS.labels("sent").inc()
    log.info("code sent to %s", masked(mobile))


def send_link(mobile: str, url: str) -> None:
    """Send a link to an order. Raises NotSent: Alibaba Cloud has no approved text for it."""
    if settings.SMS["provider"] != CONSOLE:
        raise NotSent("no approved text for links")
    _print(mobile, url)
    log.info("link sent to %s", masked(mobile))


def _print(mobile: str, text: str) -> None:
    """Print a message where people try the site out. In production, logs keep what is printed."""
    if not (settings.REHEARSAL or settings.DEBUG):
        raise NoProvider("SMS_URL names no provider")
    sys.stdout.write(f"SMS to {mobile}: {text}\n")


def _call_provider(mobile: str, code: str) -> None:
    from accounts import aliyun  # its packages are optional

    try:
        aliyun.send_code(settings.SMS, mobile, code)
    except aliyun.Refused as refused:
        breaker.succeeded()
        metrics.SMS.labels("refused").inc()
        raise NotSent(str(refused)) from None
    except aliyun.Unreachable as unreachable:
        breaker.failed()
        metrics.SMS.labels("failed").inc()
        raise NotSent(str(unreachable)) from None
    breaker.succeeded()
