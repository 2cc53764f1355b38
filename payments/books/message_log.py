"""GatewayMessage: first what came, then what was made of it.

Rows are made, judged and forgotten here; incoming.py marks those that a late look could not judge either.
"""

import hashlib
import logging
import secrets
from collections.abc import Mapping
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Subquery
from django.utils import timezone

from payments.alipay.signing import text_to_sign
from payments.models import GatewayMessage, Payment

log = logging.getLogger(__name__)

Channel = GatewayMessage.Channel
Verdict = GatewayMessage.Verdict

KEPT_BAD_MESSAGES = 1000
KEPT_BYTES_OF_BAD = 4096
KEPT_ANSWERS = timedelta(days=90)
PRUNE_ONE_IN = 50


def record_signed(channel: str, raw: bytes, params: Mapping[str, str]) -> GatewayMessage:
    """Commit a message of Alipay's before it is judged, so that nothing that it signed is lost.

    One whose signed text has come before is that row again: whoever has one could fill the disk otherwise.
    """
    digest = hashlib.sha256(f"{channel} {text_to_sign(params)}".encode()).hexdigest()
    try:
        with transaction.atomic():
            return GatewayMessage.objects.create(channel=channel, raw=raw, signature_ok=True, digest=digest)
    except IntegrityError:
        return GatewayMessage.objects.get(digest=digest)


def record_answer(raw: bytes, *, signed: bool, payment: Payment) -> GatewayMessage:
    """Commit what Alipay answered to a question of ours, before it is judged; of a bad one its beginning."""
    kept = raw if signed else raw[:KEPT_BYTES_OF_BAD]
    return GatewayMessage.objects.create(
        channel=Channel.ANSWER, raw=kept, signature_ok=signed, payment=payment
    )


def drop_repeat(message: GatewayMessage) -> bool:
    """Keep one of two answers in a row that say the very same: an attempt is asked about for hours.

    The newest; of those for staff the first, which they may have before them. False where this one is news.
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


def record_bad(channel: str, raw: bytes, why: str) -> None:
    """Keep the beginning of a message that is not Alipay's; the oldest of these make room."""
    log.warning("%s rejected: %s", channel, why)
    GatewayMessage.objects.create(
        channel=channel,
        raw=raw[:KEPT_BYTES_OF_BAD],
        signature_ok=False,
        verdict=Verdict.BAD,
        detail=_cut(why),
    )
    if secrets.randbelow(PRUNE_ONE_IN) == 0:
        prune_bad()


def prune_bad() -> int:
    """Delete all but the newest KEPT_BAD_MESSAGES that were not Alipay's; how many."""
    bad = GatewayMessage.objects.filter(verdict=Verdict.BAD)
    newest = bad.order_by("-id").values_list("id", flat=True)
    oldest_kept = newest[KEPT_BAD_MESSAGES - 1 : KEPT_BAD_MESSAGES].first()
    return 0 if oldest_kept is None else bad.filter(id__lt=oldest_kept).delete()[0]


def prune_answers() -> int:
    """Delete old answers of Alipay's that said nothing new; how many."""
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
    """Write the verdict; that a message settled an attempt stays said when it comes again.

    `told_fen`: the amount of a genuine message that tells another one than the attempt's.
    """
    level = logging.WARNING if verdict in GatewayMessage.NEEDS_STAFF else logging.INFO
    log.log(level, "message %s: %s %s %s", message.pk, verdict, payment or "", detail)
    row = GatewayMessage.objects.filter(pk=message.pk).exclude(verdict=Verdict.SETTLED)
    if verdict in GatewayMessage.NEEDS_STAFF:  # what they closed was another matter
        row.exclude(verdict=verdict).update(done_at=None, done_by=None, outcome="")
    row.update(verdict=verdict, detail=_cut(detail), payment=payment or message.payment_id, told_fen=told_fen)


def _cut(words: str) -> str:
    """What MariaDB would refuse and SQLite would keep."""
    return words[: GatewayMessage._meta.get_field("detail").max_length]
