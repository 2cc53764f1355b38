"""The guards of the money code, each with a patch that removes it: random histories must then fail."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from houses import availability
from jobs import sweep
from orders import transitions, waiting_changes
from orders.models import Order, StayChange
from payments import callbacks, queries, refunding
from payments.alipay import bill_rows, notices
from payments.alipay.answers import Closed, NotExisting, RefundResult
from payments.books import attempts, refunds
from payments.models import Payment, Refund

GUARDS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {}


def guard(off: Callable[[pytest.MonkeyPatch], None]) -> Callable[[pytest.MonkeyPatch], None]:
    GUARDS[off.__name__] = off
    return off


@guard
def claim_compares_before_it_sets(patch: pytest.MonkeyPatch) -> None:
    claim = attempts._record

    def claim_always(payment: Payment, receipt: attempts.Received) -> bool:
        Payment.objects.filter(pk=payment.pk).update(status="OPEN")
        return claim(payment, receipt)

    patch.setattr(attempts, "_record", claim_always)


@guard
def paid_is_not_closed(patch: pytest.MonkeyPatch) -> None:
    def close(payment: Payment) -> None:
        Payment.objects.filter(pk=payment.pk).update(status="CLOSED", live_for=None, next_try_at=None)

    patch.setattr(attempts, "mark_closed", close)


@guard
def notice_has_the_amount_of_the_attempt(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(notices, "parse_yuan", lambda text: 30000)


@guard
def notice_is_recorded_before_success(patch: pytest.MonkeyPatch) -> None:
    receive = callbacks.receive_notify

    def ignore_errors(body: bytes) -> bool:
        try:
            return receive(body)
        except Exception:
            return True

    patch.setattr(callbacks, "receive_notify", ignore_errors)


@guard
def not_existing_is_not_final_before_expiry(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(queries, "_is_last_word", lambda payment, result: isinstance(result, (Closed, NotExisting)))


@guard
def close_waits_for_an_answer(patch: pytest.MonkeyPatch) -> None:
    close = queries.close

    def close_and_hope(payment: Payment, **kwargs: float) -> object:
        answer = close(payment, **kwargs)
        attempts.mark_closed(payment)
        return answer

    patch.setattr(queries, "close", close_and_hope)


@guard
def expiry_waits_for_a_final_answer(patch: pytest.MonkeyPatch) -> None:
    def late_orders() -> list[Order]:
        return [o for o in Order.objects.filter(status="WAIT_PAYMENT") if o.is_overdue]

    def expire(order: Order) -> bool:
        transitions.expire(order)
        return True

    tasks = [replace(t, due=late_orders, act=expire) if t.name == "not paid" else t for t in sweep.TASKS]
    patch.setattr(sweep, "TASKS", tasks)


@guard
def surplus_is_refunded(patch: pytest.MonkeyPatch) -> None:
    make = refunds.create

    def keep(payment: Payment, amount_fen: int, *, reason: str, **kwargs: object) -> Refund | None:
        return None if reason == Refund.Reason.SURPLUS else make(payment, amount_fen, reason=reason, **kwargs)

    patch.setattr(refunds, "create", keep)


@guard
def refund_keeps_its_number(patch: pytest.MonkeyPatch) -> None:
    send, tries = refunding._send, count(1)

    def send_under_a_new_number(refund: Refund) -> RefundResult:
        number, refund.out_request_no = refund.out_request_no, f"{refund.out_request_no}_{next(tries)}"
        try:
            return send(refund)
        finally:
            refund.out_request_no = number

    patch.setattr(refunding, "_send", send_under_a_new_number)


@guard
def refund_is_done_only_if_alipay_confirms(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(refunding, "_conclude", lambda refund, answer: refunds.mark_done(refund))


@guard
def cancelling_frees_the_nights(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("houses.availability.release", lambda order_number: None)


@guard
def a_form_of_cash_records_once(patch: pytest.MonkeyPatch) -> None:
    """Take status and number as they are now, not as staff saw them."""
    record = attempts.record_outside

    def record_anyhow(order: Order, *, status: str, number: str, **money: Any) -> object:
        order.refresh_from_db()
        return record(order, status=order.status, number=attempts.next_number(order), **money)

    patch.setattr(attempts, "record_outside", record_anyhow)


@guard
def only_a_change_that_waits_is_made(patch: pytest.MonkeyPatch) -> None:
    end = waiting_changes._end

    def end_anyhow(change: StayChange, status: str) -> bool:
        return end(change, status) or True

    patch.setattr(waiting_changes, "_end", end_anyhow)


@guard
def a_change_holds_its_nights(patch: pytest.MonkeyPatch) -> None:
    agree = waiting_changes.agree

    def agree_without(*args: Any, **kwargs: Any) -> StayChange:
        with patch.context() as within:
            within.setattr(availability, "hold_more", lambda *stay, **order: None)
            return agree(*args, **kwargs)

    patch.setattr(waiting_changes, "agree", agree_without)


@guard
def commas_may_stand_in_every_text_of_the_bill(patch: pytest.MonkeyPatch) -> None:
    by_type = bill_rows._by_type

    def title_or_remark(names: list[str], free: set[str], may_be_empty: set[str]) -> object:
        return [] if free == set(names) else by_type(names, free, may_be_empty)

    patch.setattr(bill_rows, "_by_type", title_or_remark)
