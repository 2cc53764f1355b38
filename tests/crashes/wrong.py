"""Removed guards for the twins: installed in the process that dies, to show the damage without them."""

from typing import Any

from django.utils import timezone

from orders import mailing
from orders.models import Order, OrderEvent
from payments.alipay.client import AlipayClient
from payments.books import attempts, rows


def success_before_the_commit() -> None:
    """Answer `success` first and record the money after the answer is sent."""
    from tests.crashes.site import Answer

    settle, close = attempts.settle, Answer.close
    postponed: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def settle_later(*what: Any, **kw: Any) -> attempts.Settlement:
        postponed.append((what, kw))
        return attempts.Settlement(attempts.Outcome.APPLIED)

    def close_then_settle(answer: Answer) -> None:
        close(answer)
        while postponed:
            what, kw = postponed.pop()
            settle(*what, **kw)

    attempts.settle = settle_later
    Answer.close = close_then_settle


def settle_without_a_transaction() -> None:
    """Write each row in its own transaction, the attempt first, then the order."""
    rows.lock_order_and_live = lambda payment: (Order.objects.get(pk=payment.order_id), payment.pk)
    attempts.settle = attempts.settle.__wrapped__


def refund_under_a_number_that_is_not_on_disk() -> None:
    refund = AlipayClient.refund

    def refund_under_a_new_number(client: Any, out_trade_no: str, out_request_no: str, *rest: Any, **kw: Any):
        return refund(client, out_trade_no, f"{out_request_no}x", *rest, **kw)

    AlipayClient.refund = refund_under_a_new_number


def mark_mails_before_they_are_sent() -> None:
    deliver = mailing._deliver

    def mark_then_deliver(event: OrderEvent) -> bool:
        mailing._mark(event, mail_due_at=None, mailed_at=timezone.now())
        return deliver(event)

    mailing._deliver = mark_then_deliver
