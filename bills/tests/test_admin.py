"""Bill lines in the admin: staff see them and close them."""

from datetime import date, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from bills.comparison import reconcile
from bills.lines import next_step
from bills.tests.test_comparison import MORNING_AFTER, bill, paid, row, stranger, transfer
from payments.models import BillLine
from payments.tests.test_admin import act, boss, clerk, page, said  # noqa: F401  boss is a fixture
from tests import make
from tests.alipay import Gateway

pytestmark = pytest.mark.django_db


@pytest.fixture
def lines(gateway: Gateway) -> list[BillLine]:
    """One of each kind."""
    payment, other = paid(), paid(trade_no="2026111")
    return reconcile(bill(row(payment, 30001), stranger("x<b>"), unreadable=["?<b>"])).for_staff + [
        BillLine.objects.create(
            bill_date="2026-11-22", kind="NOT_IN_BILL", key="k", payment=other, our_fen=30000, trade_no="2"
        )
    ]


@pytest.mark.usefixtures("boss")
def test_QRY11_QRY12_staff_see_what_differs_and_the_next_step(client: Client, lines: list[BillLine]) -> None:
    shown = client.get(page(BillLine, "changelist"), {"for_staff": "1"})
    assert set(shown.context["cl"].queryset.filter(pk__gt=0)) == set(lines)
    text = shown.content.decode()
    for line in lines:
        advice = next_step(line).replace("'", "&#x27;")
        assert advice in text
        assert advice in client.get(page(BillLine, "change", line.pk)).content.decode()
    assert "300.01" in text
    assert "<b>" not in text
    for line in lines:
        if line.payment:
            assert reverse("admin:payments_payment_change", args=[line.payment.pk]) in text


@pytest.mark.usefixtures("boss")
@pytest.mark.parametrize("trade_no", ["2026888", ""])
def test_W5_staff_read_that_a_line_is_a_transfer(client: Client, gateway: Gateway, trade_no: str) -> None:
    (line,) = reconcile(bill(transfer(trade_no, amount_fen=-20000, net_fen=-20000))).for_staff
    for address in (page(BillLine, "changelist"), page(BillLine, "change", line.pk)):
        text = client.get(address).content.decode()
        assert 'class="field-about">转账</td>' in text or 'readonly">转账<' in text
        assert "-200.00" in text
        assert "2026-11-22" in text
        assert next_step(line) in text


@pytest.mark.usefixtures("boss")
@pytest.mark.whole_table
def test_the_list_says_which_days_were_not_compared(client: Client) -> None:
    with time_machine.travel(MORNING_AFTER - timedelta(days=3)):
        make.attempt()
    with time_machine.travel(MORNING_AFTER):
        (warning,) = said(client.get(page(BillLine, "changelist")))
        assert "2026-11-20" in warning
        assert "2026-11-21" not in warning
        redirected = client.get(page(BillLine, "changelist"), {"nonsense": "x"}, follow=True)
        assert said(redirected) == [warning]
        reconcile(bill(day=date(2026, 11, 20)))
        assert said(client.get(page(BillLine, "changelist"))) == []


def test_staff_without_permission_get_no_warning(client: Client) -> None:
    make.attempt()
    with time_machine.travel(timezone.now() + timedelta(days=4)):
        clerk(client)
        assert client.get(page(BillLine, "changelist")).status_code == 403
        assert said(client.get("/admin/")) == []


@pytest.mark.usefixtures("boss")
def test_a_line_is_closed_with_a_note(client: Client, lines: list[BillLine]) -> None:
    first = lines[0]
    assert b'name="how"' in act(client, BillLine, "dealt_with", first).content
    assert b'name="how"' in act(client, BillLine, "dealt_with", first, how=" ").content
    assert b'name="how"' in act(client, BillLine, "dealt_with", first, how="x" * 201).content
    first.refresh_from_db()
    assert first.done_at is None
    assert said(act(client, BillLine, "dealt_with", first, how="Given back at Alipay"))
    first.refresh_from_db()
    assert (first.outcome, first.done_by is None, first.done_at is None) == (
        "Given back at Alipay",
        False,
        False,
    )
    assert "Otherwise" in str(said(act(client, BillLine, "dealt_with", first, how="Otherwise")))  # kept
    first.refresh_from_db()
    assert first.outcome == "Given back at Alipay"
    shown = client.get(page(BillLine, "changelist"), {"for_staff": "0"})
    assert list(shown.context["cl"].queryset.filter(pk__gt=0)) == [first]
    assert "Given back at Alipay" in shown.content.decode()


def test_the_view_permission_does_not_allow_closing(client: Client, lines: list[BillLine]) -> None:
    clerk(client, "payments.view_billline")
    assert client.get(page(BillLine, "changelist")).status_code == 200
    act(client, BillLine, "dealt_with", lines[0], how="Mine")
    assert make.rows(BillLine).filter(done_at=None).count() == len(lines)


@pytest.mark.usefixtures("boss")
@pytest.mark.parametrize("what", ["add", "delete", "change"])
def test_STA01_STA02_no_line_is_made_edited_or_deleted_by_hand(
    client: Client, lines: list[BillLine], what: str
) -> None:
    before = list(BillLine.objects.values())
    address = page(BillLine, what) if what == "add" else page(BillLine, what, lines[0].pk)
    assert client.post(address, {"post": "yes", "kind": "AMOUNT", "outcome": "x"}).status_code == 403
    assert list(BillLine.objects.values()) == before
