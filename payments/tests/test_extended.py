"""An extended deadline and the attempt at Alipay, which keeps its own."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from orders import deadlines
from payments.checkout import press_pay
from payments.models import Payment
from tests import alipay, make
from tests.alipay import Gateway

pytestmark = pytest.mark.django_db


def extended() -> Payment:
    """Return the live attempt of an order that got a day more."""
    payment = make.attempt()
    order, until = payment.order, timezone.now() + timedelta(days=1)
    deadlines.extend(order, until, seen=deadlines.stamp_of(order), by=make.user(), reason="")
    order.refresh_from_db()
    return payment


def test_the_live_attempt_is_used_while_it_lasts(gateway: Gateway) -> None:
    payment = extended()
    assert payment.out_trade_no in press_pay(payment.order, payment.product)
    payment.refresh_from_db()
    assert payment.expires_at < timezone.now() + timedelta(hours=1)
    assert gateway.calls == []


def test_pay_makes_a_new_attempt_once_it_nears_its_end(gateway: Gateway) -> None:
    payment = extended()
    gateway.says["query"] = alipay.not_existing()
    with time_machine.travel(payment.expires_at):
        press_pay(payment.order, payment.product)
    newer = payment.order.payments.exclude(pk=payment.pk).get()
    assert newer.expires_at == payment.order.pay_by.replace(microsecond=0)
