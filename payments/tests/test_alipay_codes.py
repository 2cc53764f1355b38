"""Alipay's refusal codes: in words for staff, the code in brackets behind them."""

import pytest
from django.test import Client
from django.utils import translation

from payments.models import Refund
from payments.staff.alipay_codes import WORDS, explained
from tests import make

SENT = "40004 ACQ.SELLER_BALANCE_NOT_ENOUGH"


@pytest.mark.parametrize("code", WORDS)
def test_a_known_code_comes_with_words_in_both_languages(code: str) -> None:
    for language, bracket in (("en", " ("), ("zh-hans", "（")):
        with translation.override(language):
            words, _, rest = explained(code).partition(bracket)
            assert rest.startswith(code)
            assert words == str(WORDS[code])


@pytest.mark.parametrize("refusal", ["", "40004 ACQ.SOMETHING_NEW", "no code at all"])
def test_an_unknown_code_is_shown_as_it_is(refusal: str) -> None:
    assert explained(refusal) == refusal


def test_words_come_before_the_code_wherever_staff_see_a_refusal(db: None, client: Client) -> None:
    payment = make.attempt(status="PAID", received_fen=30000, refund_reserved_fen=100)
    refund = Refund.objects.create(
        payment=payment, out_request_no="R1", amount_fen=100, status="REFUSED", reason="STAFF", refusal=SENT
    )
    client.force_login(make.user(is_staff=True, is_superuser=True))
    give_up = {"action": "give_up", "_selected_action": [refund.pk]}
    pages = [
        client.get("/admin/payments/refund/"),
        client.get(f"/admin/payments/refund/{refund.pk}/change/"),
        client.get(f"/admin/payments/payment/{payment.pk}/change/"),
        client.post("/admin/payments/refund/", give_up),
    ]
    for page in pages:
        html = page.content.decode()
        assert f"本站支付宝账户余额不足（{SENT}）" in html
        assert html.count(SENT) == html.count(f"（{SENT}）")
