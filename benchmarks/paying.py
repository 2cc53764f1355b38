"""Press Pay, notify and return: ours, the article's way and, for settling, a bare handler."""

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from benchmarks import article
from benchmarks.bare import Bare
from benchmarks.calls import Answer, Application, call
from benchmarks.measure import Act, Measured, Ratio, Side, alternate
from benchmarks.standin import Alipay
from benchmarks.wsgi import Browser
from ihome_site.wsgi import application as ihome
from orders.models import Order
from payments.models import Payment
from tests import make

ARTICLE: Application = article.Article()

PAYCOMPLETE, NOTIFY = "/payments/paycomplete/", "/payments/notify/"


class BareHandlerDiffers(Exception):
    """bare.py no longer sends the same statements as the site, so that a ratio would be meaningless."""


class Scenario:
    """A renter, a house and Alipay: prepares orders and attempts up to the step that is measured."""

    def __init__(self, alipay: Alipay) -> None:
        self.alipay = alipay
        self.renter, self.house = make.user(), make.house()
        self.browser = Browser.of(self.renter)
        self.bare: Application = Bare()

    def order(self) -> Order:
        return make.order(self.renter, house=self.house)

    def press_pay(self, order: Order) -> Answer:
        return self.browser.post_form(ihome, f"/payments/{order.number}/pay/")

    def paid_attempt(self) -> Payment:
        """Return an attempt that is paid at Alipay and still open here."""
        order = self.order()
        self.alipay.open_pay_link(self.press_pay(order).headers["Location"])
        payment = order.payments.get()
        self.alipay.pay(payment.out_trade_no)
        return payment

    def settled_attempt(self) -> Payment:
        payment = self.paid_attempt()
        call(ihome, "POST", NOTIFY, body=self.alipay.signed_notify(payment.out_trade_no))
        return payment


def press_pay(scenario: Scenario, rounds: int) -> list[Ratio]:
    first, again, theirs = alternate(
        "Press Pay: signed in, CSRF, 302 to Alipay", press_pay_sides(scenario), rounds
    )
    return [
        Ratio("press Pay, first: times the article's requests a second", theirs.seconds / first.seconds, 10),
        Ratio("press Pay, again: times the article's requests a second", theirs.seconds / again.seconds, 10),
    ]


def press_pay_sides(scenario: Scenario) -> list[Side]:
    def goes_to_alipay(answer: Answer) -> None:
        assert answer.headers["Location"].startswith(settings.ALIPAY_GATEWAY_URL), answer

    @contextmanager
    def ours(*, again: bool) -> Iterator[Act]:
        order, answers = scenario.order(), []
        if again:
            scenario.press_pay(order)
        yield lambda: answers.append(scenario.press_pay(order))
        goes_to_alipay(answers[0])
        assert order.payments.count() == 1

    @contextmanager
    def articles() -> Iterator[Act]:
        order, answers = scenario.order(), []
        path = f"/article/orders/{order.number}/pay/"
        yield lambda: answers.append(scenario.browser.post_form(ARTICLE, path))
        goes_to_alipay(answers[0])

    return [
        Side("ihome, first press (makes the attempt)", lambda: ours(again=False)),
        Side("ihome, pressed again", lambda: ours(again=True)),
        Side("the article's way (keeps no attempt)", articles),
    ]


def notify(scenario: Scenario, rounds: int) -> list[Ratio]:
    ours, bare, theirs = alternate("Notify: verified and settled", notify_sides(scenario), rounds)
    _check_same_statements(ours, bare)
    return [
        Ratio("notify: times the article's", theirs.seconds / ours.seconds, 10),
        Ratio("notify: of the bare handler's", bare.seconds / ours.seconds, 0.5),
    ]


def notify_sides(scenario: Scenario) -> list[Side]:
    @contextmanager
    def notified(application: Application, path: str) -> Iterator[Act]:
        payment = scenario.paid_attempt()
        body = scenario.alipay.signed_notify(payment.out_trade_no)
        yield lambda: call(application, "POST", path, body=body)
        _check_settled(payment, by_article=application is ARTICLE)

    return [
        Side("ihome", lambda: notified(ihome, NOTIFY)),
        Side("bare handler", lambda: notified(scenario.bare, NOTIFY)),
        Side("the article's way", lambda: notified(ARTICLE, "/article/notify/")),
    ]


def return_with_query(scenario: Scenario, rounds: int) -> list[Ratio]:
    """Measure a return before any notice: Alipay is queried, and its answer settles the attempt."""
    ours, bare, asking, theirs = alternate(
        "Return, the first news: verified, Alipay asked, settled", return_with_query_sides(scenario), rounds
    )
    _check_same_statements(ours, bare)
    return [
        Ratio("return that asks: times the article's, asking too", asking.seconds / ours.seconds, 10),
        Ratio("return that asks: times the article's, which doesn't", theirs.seconds / ours.seconds, 10),
        Ratio("return that asks: of the bare handler's", bare.seconds / ours.seconds, 0.5),
    ]


def return_with_query_sides(scenario: Scenario) -> list[Side]:
    @contextmanager
    def returned(application: Application, path: str) -> Iterator[Act]:
        payment = scenario.paid_attempt()
        query = scenario.alipay.signed_return(payment.out_trade_no)
        yield lambda: scenario.browser.get(application, path, query)
        _check_settled(payment, by_article=application is ARTICLE)

    return [
        Side("ihome (whole page)", lambda: returned(ihome, PAYCOMPLETE)),
        Side("bare handler (no page)", lambda: returned(scenario.bare, PAYCOMPLETE)),
        Side("the article's way, asking (no page)", lambda: returned(ARTICLE, "/article/return-and-ask/")),
        Side("the article's way: doesn't ask (no page)", lambda: returned(ARTICLE, "/article/return/")),
    ]


def return_after_notify(scenario: Scenario, rounds: int) -> list[Ratio]:
    """Measure a return after the notice, the usual order: verified, already settled."""
    ours, bare, theirs = alternate(
        "Return after the notice: verified, already settled", return_after_notify_sides(scenario), rounds
    )
    _check_same_statements(ours, bare)
    return [
        Ratio("return after notify: times the article's", theirs.seconds / ours.seconds, 10),
        Ratio("return after notify: of the bare handler's", bare.seconds / ours.seconds, 0.5),
    ]


def return_after_notify_sides(scenario: Scenario) -> list[Side]:
    @contextmanager
    def returned(application: Application, path: str) -> Iterator[Act]:
        payment = scenario.settled_attempt()
        query = scenario.alipay.signed_return(payment.out_trade_no)
        yield lambda: scenario.browser.get(application, path, query)
        _check_settled(payment, by_article=False)

    return [
        Side("ihome (whole page)", lambda: returned(ihome, PAYCOMPLETE)),
        Side("bare handler (no page)", lambda: returned(scenario.bare, PAYCOMPLETE)),
        Side("the article's way (no page)", lambda: returned(ARTICLE, "/article/return/")),
    ]


def _check_settled(payment: Payment, *, by_article: bool) -> None:
    payment.refresh_from_db()
    assert payment.order.status == Order.Status.WAIT_COMMENT
    assert by_article or payment.status == Payment.Status.PAID


def _check_same_statements(ours: Measured, bare: Measured) -> None:
    sent, sent_by_bare = _without_redundant_begin(ours.statements), _without_redundant_begin(bare.statements)
    if sent != sent_by_bare:
        table = "\n".join(
            f"  {mine:<40}{its}" for mine, its in itertools.zip_longest(sent, sent_by_bare, fillvalue="-")
        )
        raise BareHandlerDiffers(f"benchmarks/bare.py must send what the site (left) sends:\n{table}")


def _without_redundant_begin(statements: list[str]) -> list[str]:
    """Unwrap transactions of one statement: with autocommit the statement is one commit, too."""
    return re.sub(r"BEGIN\n(.+)\nCOMMIT", r"\1", "\n".join(statements)).split("\n")
