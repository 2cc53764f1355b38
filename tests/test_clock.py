"""FMT06: a clock that is a day off, or jumps during a payment, makes no wrong state of money."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts import roles
from accounts.factors import app_codes
from jobs.sweep import sweep_once
from orders.models import Order
from payments.books.invariants import broken_rules
from payments.tests.test_return import PAID, UNPAID, state
from tests import alipay, make
from tests.alipay import NOTIFY, Gateway
from tests.factors import code_of, with_app

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
FORM = "application/x-www-form-urlencoded; charset=utf-8"


@pytest.mark.parametrize("off", [-DAY, DAY])
def test_FMT06_a_notice_settles_with_a_clock_a_day_off(client: Client, off: timedelta) -> None:
    with time_machine.travel(timezone.now() + off):
        payment = make.attempt()
        assert client.post(NOTIFY, alipay.notify_body(payment), FORM).content == b"success"
    assert state(payment) == PAID
    assert timezone.localtime(payment.paid_at).isoformat() == "2026-11-22T20:14:43+08:00"  # Alipay's


@pytest.mark.parametrize("jump", [-DAY, DAY])
def test_FMT06_the_clock_jumps_while_somebody_pays(gateway: Gateway, jump: timedelta) -> None:
    """Forward, every deadline is over at once; Alipay's answer still decides. Backward, nothing expires."""
    payment = make.attempt(next_try_at=timezone.now())
    gateway.says["query"] = alipay.paid(payment)
    with time_machine.travel(timezone.now() + jump):
        sweep_once()
        make.rows(type(payment)).update(next_try_at=timezone.now())
        sweep_once()
        assert state(payment) == PAID
        assert payment.order.events.filter(kind="PAID").count() == 1
    sweep_once()  # and back again
    assert state(payment) == PAID
    assert list(broken_rules()) == []


def test_FMT06_a_jump_forward_releases_no_nights_before_the_last_answer(gateway: Gateway) -> None:
    payment = make.attempt(next_try_at=timezone.now())
    with time_machine.travel(timezone.now() + DAY):  # Alipay can't be reached
        sweep_once()
        assert state(payment) == UNPAID
    gateway.says["query"] = alipay.paid(payment)
    make.rows(type(payment)).update(next_try_at=timezone.now())
    sweep_once()
    assert state(payment)[0] == Order.Status.WAIT_COMMENT


@pytest.mark.parametrize(("steps", "is_taken"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_FMT06_the_second_factor_bears_one_step_of_the_clock(steps: int, is_taken: bool) -> None:
    owner = make.staff(roles.FINANCE)
    device = with_app(owner)
    type(device).objects.update(last_t=0)  # the code of the set-up would count as used
    with time_machine.travel(timezone.now(), tick=False):
        assert app_codes.accept(owner, code_of(device, steps=steps)) is is_taken
