"""Press Pay, notify and return: ours beside the article's way and, where money is settled, a bare handler."""

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from benchmarks import article
from benchmarks.bare import Bare
from benchmarks.measure import Act, Measured, Ratio, Side, alternate
from benchmarks.standin import Alipay
from benchmarks.wsgi import Answer, Application, Browser, call
from ihome_site.wsgi import application as ihome
from orders.models import Order
from payments.models import Payment
from tests import make

ARTICLE: Application = article.Article()

PAYCOMPLETE, NOTIFY = "/payments/paycomplete/", "/payments/notify/"


class BareHandlerDiffers(Exception):
    """bare.py no longer sends the statements that the site sends: a ratio would say nothing."""


class Street:
    """A renter, a house and an Alipay: the way of an order up to the moment that is measured."""

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
        """The buyer has paid at Alipay; we don't know yet."""
        order = self.order()
        self.alipay.open_pay_link(self.press_pay(order).headers["Location"])
        payment = order.payments.get()
        self.alipay.pay(payment.out_trade_no)
        return payment

    def settled_attempt(self) -> Payment:
        payment = self.paid_attempt()
        call(ihome, "POST", NOTIFY, body=self.alipay.signed_notify(payment.out_trade_no))
        return payment


def press_pay(street: Street, rounds: int) -> list[Ratio]:
    def goes_to_alipay(answer: Answer) -> None:
        assert answer.headers["Location"].startswith(settings.ALIPAY_GATEWAY_URL), answer

    @contextmanager
    def ours(*, again: bool) -> Iterator[Act]:
        order, answers = street.order(), []
        if again:
            street.press_pay(order)
        yield lambda: answers.append(street.press_pay(order))
        goes_to_alipay(answers[0])
        assert order.payments.count() == 1

    @contextmanager
    def articles() -> Iterator[Act]:
        order, answers = street.order(), []
        path = f"/article/orders/{order.number}/pay/"
        yield lambda: answers.append(street.browser.post_form(ARTICLE, path))
        goes_to_alipay(answers[0])

    first, again, theirs = alternate(
        "Press Pay: signed in, CSRF, 302 to Alipay",
        [
            Side("ihome, first press (makes the attempt)", lambda: ours(again=False)),
            Side("ihome, pressed again", lambda: ours(again=True)),
            Side("the article's way (keeps no attempt)", articles),
        ],
        rounds,
    )
    return [
        Ratio("press Pay, first: times the article's requests a second", theirs.seconds / first.seconds, 10),
        Ratio("press Pay, again: times the article's requests a second", theirs.seconds / again.seconds, 10),
    ]


def notify(street: Street, rounds: int) -> list[Ratio]:
    @contextmanager
    def told(application: Application, path: str) -> Iterator[Act]:
        payment = street.paid_attempt()
        body = street.alipay.signed_notify(payment.out_trade_no)
        yield lambda: call(application, "POST", path, body=body)
        _check_settled(payment, by_article=application is ARTICLE)

    ours, bare, theirs = alternate(
        "Notify: verified and settled",
        [
            Side("ihome", lambda: told(ihome, NOTIFY)),
            Side("bare handler", lambda: told(street.bare, NOTIFY)),
            Side("the article's way", lambda: told(ARTICLE, "/article/notify/")),
        ],
        rounds,
    )
    _check_same_statements(ours, bare)
    return [
        Ratio("notify: times the article's", theirs.seconds / ours.seconds, 10),
        Ratio("notify: of the bare handler's", bare.seconds / ours.seconds, 0.5),
    ]


def return_with_question(street: Street, rounds: int) -> list[Ratio]:
    """The return comes before any notice: Alipay is asked, and the answer settles."""

    @contextmanager
    def returned(application: Application, path: str) -> Iterator[Act]:
        payment = street.paid_attempt()
        query = street.alipay.signed_return(payment.out_trade_no)
        yield lambda: street.browser.get(application, path, query)
        _check_settled(payment, by_article=application is ARTICLE)

    ours, bare, asking, theirs = alternate(
        "Return, the first news: verified, Alipay asked, settled",
        [
            Side("ihome (whole page)", lambda: returned(ihome, PAYCOMPLETE)),
            Side("bare handler (no page)", lambda: returned(street.bare, PAYCOMPLETE)),
            Side(
                "the article's way, asking too (no page)",
                lambda: returned(ARTICLE, "/article/return-and-ask/"),
            ),
            Side("the article's way: doesn't ask (no page)", lambda: returned(ARTICLE, "/article/return/")),
        ],
        rounds,
    )
    _check_same_statements(ours, bare)
    return [
        Ratio("return that asks: times the article's, asking too", asking.seconds / ours.seconds, 10),
        Ratio("return that asks: times the article's, which doesn't", theirs.seconds / ours.seconds, 10),
        Ratio("return that asks: of the bare handler's", bare.seconds / ours.seconds, 0.5),
    ]


def return_after_notify(street: Street, rounds: int) -> list[Ratio]:
    """The notice was quicker, as mostly: the return is verified and finds the attempt settled."""

    @contextmanager
    def returned(application: Application, path: str) -> Iterator[Act]:
        payment = street.settled_attempt()
        query = street.alipay.signed_return(payment.out_trade_no)
        yield lambda: street.browser.get(application, path, query)
        _check_settled(payment, by_article=False)

    ours, bare, theirs = alternate(
        "Return after the notice: verified, already settled",
        [
            Side("ihome (whole page)", lambda: returned(ihome, PAYCOMPLETE)),
            Side("bare handler (no page)", lambda: returned(street.bare, PAYCOMPLETE)),
            Side("the article's way (no page)", lambda: returned(ARTICLE, "/article/return/")),
        ],
        rounds,
    )
    _check_same_statements(ours, bare)
    return [
        Ratio("return after notify: times the article's", theirs.seconds / ours.seconds, 10),
        Ratio("return after notify: of the bare handler's", bare.seconds / ours.seconds, 0.5),
    ]


def _check_settled(payment: Payment, *, by_article: bool) -> None:
    payment.refresh_from_db()
    assert payment.order.status == Order.Status.WAIT_COMMENT
    assert by_article or payment.status == Payment.Status.PAID


def _check_same_statements(ours: Measured, bare: Measured) -> None:
    sent, sent_by_bare = _without_needless_begin(ours.statements), _without_needless_begin(bare.statements)
    if sent != sent_by_bare:
        table = "\n".join(
            f"  {mine:<40}{its}" for mine, its in itertools.zip_longest(sent, sent_by_bare, fillvalue="-")
        )
        raise BareHandlerDiffers(f"benchmarks/bare.py must send what the site (left) sends:\n{table}")


def _without_needless_begin(statements: list[str]) -> list[str]:
    """A transaction of one statement is what that statement is by itself: one commit."""
    return re.sub(r"BEGIN\n(.+)\nCOMMIT", r"\1", "\n".join(statements)).split("\n")
