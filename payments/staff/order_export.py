"""Columns of the download of orders that come from their payments."""

from typing import Any

from django.db.models import Prefetch

from payments.models import Payment

RECEIVED = "received_by_alipay"

_RECEIVED = Payment.objects.filter(received_fen__gt=0).exclude(trade_no="").order_by("id")
PREFETCH = Prefetch("payments", _RECEIVED.only("order", "trade_no"), to_attr=RECEIVED)


def trade_numbers(order: Any) -> str:
    """Return Alipay's number of each payment that came: also of one paid twice, too late, or for a change."""
    return ", ".join(payment.trade_no for payment in getattr(order, RECEIVED))
