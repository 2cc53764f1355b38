"""Writes GatewayMessage: first what came, then what was made of it."""

import logging
import secrets

from payments.models import GatewayMessage, Payment

log = logging.getLogger(__name__)

Channel = GatewayMessage.Channel
Verdict = GatewayMessage.Verdict

KEPT_BAD_MESSAGES = 1000
KEPT_BYTES_OF_BAD = 4096


def record(
    channel: str, raw: bytes, *, signed: bool = True, payment: Payment | None = None
) -> GatewayMessage:
    """Commit a message before it is judged, so that nothing that Alipay signed is lost."""
    return GatewayMessage.objects.create(channel=channel, raw=raw, signature_ok=signed, payment=payment)


def record_bad(channel: str, raw: bytes, why: str) -> None:
    """Keep the beginning of a message that is not Alipay's; the oldest of these make room."""
    log.warning("%s rejected: %s", channel, why)
    GatewayMessage.objects.create(
        channel=channel, raw=raw[:KEPT_BYTES_OF_BAD], signature_ok=False, verdict=Verdict.BAD, detail=why
    )
    if secrets.randbelow(50) == 0:
        prune_bad()


def prune_bad() -> None:
    """Delete all but the newest KEPT_BAD_MESSAGES that were not Alipay's."""
    bad = GatewayMessage.objects.filter(verdict=Verdict.BAD)
    newest = bad.order_by("-id").values_list("id", flat=True)
    oldest_kept = newest[KEPT_BAD_MESSAGES - 1 : KEPT_BAD_MESSAGES].first()
    if oldest_kept is not None:
        bad.filter(id__lt=oldest_kept).delete()


def judge(message: GatewayMessage, verdict: str, *, payment: Payment | None = None, detail: str = "") -> None:
    level = logging.WARNING if verdict in GatewayMessage.NEEDS_STAFF else logging.INFO
    log.log(level, "message %s: %s %s %s", message.pk, verdict, payment or "", detail)
    message.verdict, message.detail = verdict, detail[:300]
    message.payment = payment or message.payment
    message.save(update_fields=["verdict", "detail", "payment"])
