"""The message log (GatewayMessage): each message from Alipay as it came, then the verdict on it.

Rows are made, judged and deleted here; callbacks.py marks those that could not be judged late either.
"""

import hashlib
import logging
import secrets
from collections.abc import Mapping
from datetime import timedelta

from django.db import IntegrityError
from django.db.models import Subquery
from django.utils import timezone

from core import metrics
from core.prepared import Insert, Update
from payments.alipay.messages import Rejected
from payments.alipay.signing import text_to_sign
from payments.models import GatewayMessage, Payment

log = logging.getLogger(__name__)

Channel = GatewayMessage.Channel
Verdict = GatewayMessage.Verdict

_RECORD = Insert(GatewayMessage)
_JUDGE = Update(
    lambda value: (
        GatewayMessage.objects.filter(pk=value(GatewayMessage, "pk", "key")).exclude(verdict=Verdict.SETTLED),
        {name: value(GatewayMessage, name) for name in ("verdict", "detail", "payment", "told_fen")},
    )
)

KEPT_BAD_MESSAGES = 1000
KEPT_BYTES_OF_BAD = 4096
KEPT_ANSWERS = timedelta(days=90)
PRUNE_ONE_IN = 50


def record_signed(channel: str, raw: bytes, params: Mapping[str, str]) -> GatewayMessage:
    """Commit a signed message before it is judged, so that none is lost.

    Returns the same row for the same signed text: otherwise anyone who has one could fill the disk.
    """
    digest = hashlib.sha256(f"{channel} {text_to_sign(params)}".encode()).hexdigest()
    try:
        return _RECORD(GatewayMessage(channel=channel, raw=raw, signature_ok=True, digest=digest))
    except IntegrityError:
        return GatewayMessage.objects.get(digest=digest)


def record_answer(raw: bytes, *, signed: bool, payment: Payment) -> GatewayMessage:
    """Commit an answer to a call of ours before it is judged; of a badly signed one, only the first bytes."""
    kept = raw if signed else raw[:KEPT_BYTES_OF_BAD]
    return _RECORD(GatewayMessage(channel=Channel.ANSWER, raw=kept, signature_ok=signed, payment=payment))


def drop_repeat(message: GatewayMessage) -> bool:
    """Drop one of two identical consecutive answers: an attempt is polled for hours.

    Keeps the newer, or the older if it is in the work queue. Returns False if this answer is new.
    """
    verdict = Subquery(GatewayMessage.objects.filter(pk=message.pk).values("verdict"))
    before = GatewayMessage.objects.filter(
        payment=message.payment_id, channel=Channel.ANSWER, verdict=verdict, pk__lt=message.pk
    )
    last = before.order_by("-id").first()
    if last is None or bytes(last.raw) != bytes(message.raw):
        return False
    (last if last.verdict == Verdict.KNOWN else message).delete()
    return True


def record_bad(channel: str, raw: bytes, why: Rejected) -> None:
    """Keep the first bytes of a message that is not from Alipay. Now and then, prunes the oldest of these."""
    log.warning("%s rejected: %s", channel, why)
    metrics.REJECTED.labels(channel, why.reason.value).inc()
    GatewayMessage.objects.create(
        channel=channel,
        raw=raw[:KEPT_BYTES_OF_BAD],
        signature_ok=False,
        verdict=Verdict.BAD,
        detail=_cut(str(why)),
    )
    if secrets.randbelow(PRUNE_ONE_IN) == 0:
        prune_bad()


def prune_bad() -> int:
    """Delete all but the newest KEPT_BAD_MESSAGES bad messages. Returns how many it deleted."""
    bad = GatewayMessage.objects.filter(verdict=Verdict.BAD)
    newest = bad.order_by("-id").values_list("id", flat=True)
    oldest_kept = newest[KEPT_BAD_MESSAGES - 1 : KEPT_BAD_MESSAGES].first()
    return 0 if oldest_kept is None else bad.filter(id__lt=oldest_kept).delete()[0]


def prune_answers() -> int:
    """Delete answers older than KEPT_ANSWERS that said nothing new. Returns how many it deleted."""
    old = GatewayMessage.objects.filter(
        verdict=Verdict.KNOWN, channel=Channel.ANSWER, received_at__lt=timezone.now() - KEPT_ANSWERS
    )
    count = 0
    while keys := list(old.order_by("id").values_list("id", flat=True)[:10_000]):
        count += GatewayMessage.objects.filter(id__in=keys).delete()[0]
    return count


def judge(
    message: GatewayMessage,
    verdict: str,
    *,
    payment: Payment | None = None,
    detail: str = "",
    told_fen: int | None = None,
) -> None:
    """Write the verdict on a message. SETTLED is final, also when the same message comes again.

    `told_fen`: the amount in a genuine message, if it differs from the attempt's.
    """
    metrics.counter(metrics.MESSAGES, verdict).inc()
    level = logging.WARNING if verdict in GatewayMessage.NEEDS_STAFF else logging.INFO
    log.log(level, "message %s: %s %s %s", message.pk, verdict, payment or "", detail)
    if verdict in GatewayMessage.NEEDS_STAFF:  # staff resolved an earlier, different verdict
        row = GatewayMessage.objects.filter(pk=message.pk).exclude(verdict=Verdict.SETTLED)
        row.exclude(verdict=verdict).update(done_at=None, done_by=None, outcome="")
    about = payment.pk if payment else message.payment_id
    _JUDGE(key=message.pk, verdict=verdict, detail=_cut(detail), payment=about, told_fen=told_fen)


def _cut(detail: str) -> str:
    """Cut to the column's length: MariaDB refuses a longer text, SQLite would keep it."""
    return detail[: GatewayMessage._meta.get_field("detail").max_length]
