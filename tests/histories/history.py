"""A random history of the site: renters, buyers, Alipay, staff, the sweep and faults.

Arguments of steps are strings and numbers, and numbers select among existing objects, so that a program
that Hypothesis prints runs unchanged; see test_kept.py.
"""

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import time_machine
from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet
from django.test import Client
from django.urls import reverse
from django.utils import timezone as site_time
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from core.models import TransactionMarker
from core.money import parse_yuan, yuan_text
from houses.models import BookedNight, House, PriceRule
from jobs.sweep import sweep_once
from orders.models import Order, OrderEvent, Review, StayChange
from payments.alipay import http
from payments.alipay.configured import alipay_client as alipay_client
from payments.models import BillLine, ComparedBill, GatewayMessage, Payment, Refund
from standin import StandIn
from tests.alipay import NOTIFY, PAYCOMPLETE, signed
from tests.histories import bills
from tests.histories.buyer import Buyer
from tests.histories.trouble import NETWORK, POINTS, Killed, Trouble, connection_lost, deadlock, die
from tests.histories.truth import SETTLED, Truth

START = datetime(2026, 11, 23, 10, 0, tzinfo=timezone(timedelta(hours=8)))
FORM = "application/x-www-form-urlencoded; charset=utf-8"
DESKTOP = "Mozilla/5.0 (X11; Linux x86_64)"
PHONE = "Mozilla/5.0 (Linux; Android 14; Mobile)"

MINUTE, HOUR, DAY = 60, 3600, 86400
# Signed but false answers. The site rightly believes the first and the last after the deadline.
LIES = ["query.not_exist", "query.waiting", "close.not_exist"]
FAULTS = [
    "gateway.refuse", "answer.lost", "answer.cut", "answer.unsigned", "answer.bad_sign", "answer.20000",
    "answer.unknown", "answer.system_error", "answer.http_500", "answer.html", "answer.other_order",
    "query.lost", "query.20000", "query.other_amount", "close.lost", "close.20000", "close.already_paid",
    "refund.lost", "refund.20000", "refund.unknown", "refund.no_balance", "refund.not_exist",
    "refund_query.lost", "refund_query.20000", *LIES,
]  # fmt: skip
UNTIL_MENDED = 1000

# Seconds between the sweeps at the end
HEALING = [20, 30, *[MINUTE] * 3, *[5 * MINUTE] * 3, 33 * MINUTE, 5 * MINUTE, DAY, *[HOUR] * 6]

HOUSES = st.sampled_from(["instant", "instant, strict", "asks first"])
# Progress of the first order in the first step
BEGINNINGS = [
    "waits",
    "pays",
    "pays",
    "pays twice",
    "comes back",
    "comes back, Alipay is silent",
    "is paid",
    "is paid, then longer",
    "is paid, then longer",
]
DAYS_AHEAD = st.sampled_from([1, 6])
BROWSERS = st.sampled_from(["desktop", "phone"])
SOME = st.integers(0, 2)  # selects an existing object: 0 is the newest

# Acts that may run concurrently, or meet a fault
ACTS = [
    "the buyer pays",
    "a notice comes",
    "the browser returns",
    "the renter cancels",
    "the sweep runs",
    "pay is pressed",
    "staff take cash",
    "the renter makes it longer",
    "the difference is paid",
    "the change is dropped",
]


@dataclass
class Site:
    """State shared by all histories, made once by the fixture `site`."""

    standin: StandIn
    houses: dict[str, House]
    renter: Client
    staff: Client
    second_of_staff: Client
    anybody: Client


@dataclass
class Notice:
    """A notice of Alipay's, outstanding until it is answered `success` or permanently lost."""

    params: dict[str, str]
    answered: bool = False
    lost: bool = False


def step(**arguments: Any) -> Callable[[Callable[..., None]], Any]:
    """Decorate a rule: it takes two seconds, and the invariants must hold after it."""

    def decorate(function: Callable[..., None]) -> Any:
        @functools.wraps(function)
        def run(self: "History", **values: Any) -> None:
            with self.one_step():
                function(self, **values)

        return rule(**arguments)(run)

    return decorate


def if_any(*statuses: str) -> Callable[[Any], Any]:
    """Restrict a rule to histories with an order in one of `statuses`."""
    return precondition(lambda self: not set(statuses).isdisjoint(self.orders.values()))


class History(RuleBasedStateMachine):
    site: ClassVar[Site]
    trouble: ClassVar[Trouble] = Trouble()
    seen: ClassVar[Counter[str]] = Counter()  # number of histories by outcome
    clock: ClassVar[time_machine.travel | None] = None

    def __init__(self) -> None:
        super().__init__()
        delete_everything(self.site.standin)
        reset_process_state()
        self.standin = self.site.standin
        self.trouble.forget()
        self.trouble.happened.clear()
        self.truth = Truth(self.standin)
        self.buyer = Buyer(int(self.standin.url.rpartition(":")[2]))
        self.orders: dict[str, str] = {}  # number -> status, oldest first, after the last step
        self.links: list[str] = []
        self.returns: list[str] = []
        self.notices: list[Notice] = []
        self.failed = self.notices_are_lost = False
        self.stop_clock()
        History.clock = time_machine.travel(START, tick=False)
        self.now = History.clock.start()

    # --- The renter -----------------------------------------------------------------------------------

    @initialize(
        house=HOUSES,
        days=DAYS_AHEAD,
        on=BROWSERS,
        goes_on=st.sampled_from(BEGINNINGS),
        notices_arrive=st.booleans(),
    )
    def begins_with_an_order(
        self, house: str, days: int, on: str, goes_on: str, notices_arrive: bool
    ) -> None:
        """Begin with an order, so that most histories soon involve money.

        Unless `notices_arrive`, notices that no step delivers are lost.
        """
        with self.one_step():
            self.notices_are_lost = not notices_arrive
            self._book(house, days)
            if goes_on != "waits":
                self._answer_bookings("accept_bookings")
                self._pay(self._number(0), on, twice=goes_on == "pays twice")
            if goes_on == "comes back, Alipay is silent":
                self.standin.fault("gateway.refuse", times=2)  # libcurl retries once on a reused connection
            if goes_on.startswith("comes back") and self.returns:
                self._return(0)
            if goes_on.startswith("is paid") and self.notices:
                self._notify(self.notices[0])
            if goes_on == "is paid, then longer":
                self._change_stay(self._number(0), 0, 1)

    @precondition(lambda self: len(self.orders) < 3)
    @step(house=HOUSES, days=DAYS_AHEAD)
    def books(self, house: str, days: int) -> None:
        self._book(house, days)

    def _book(self, house: str, days: int) -> None:
        check_in = site_time.localdate() + timedelta(days=days)
        stay = {"check_in": check_in, "check_out": check_in + timedelta(days=2), "guests": 1}
        home = self.site.houses[house]
        shown = self._visit(lambda: self.site.renter.get(reverse("houses:quote", args=[home.pk]), stay))
        if self.orders:  # the price changes between the look at it and the booking
            _change_price(home, check_in, fen=20000 + 1000 * len(self.orders))
        self._press_book(home, stay, _seen_price(shown))
        self._look_at_orders()

    def _press_book(self, home: House, stay: dict[str, Any], seen: str) -> None:
        """Book for the price that was seen; if it has changed, for the one that the page shows then."""
        form = {**stay, "seen_price": seen, "no_refund": "1"}
        page = reverse("book", args=[home.pk])
        response = self._visit(lambda: self.site.renter.post(page, form))
        if (
            response is not None
            and response.status_code == 422
            and (now := _seen_price(response)) not in ("", seen)
        ):
            form["seen_price"] = now
            response = self._visit(lambda: self.site.renter.post(page, form))
        if response is not None and response.status_code == 302:
            booked = Order.objects.filter(number=response.headers["Location"].strip("/").rpartition("/")[2])
            for order in booked.exclude(number__in=self.orders):
                assert form["seen_price"] in ("", str(order.amount_fen)), f"{order}: another price than seen"

    @step(order=SOME, on=BROWSERS, another=st.booleans())
    def presses_pay(self, order: int, on: str, another: bool) -> None:
        self._press_pay(self._number(order), on, another)

    def _press_pay(
        self, number: str, on: str = "desktop", another: bool = False, view: str = "payments:pay"
    ) -> None:
        page = reverse(view, args=[number])
        browser = {"User-Agent": PHONE if on == "phone" else DESKTOP}
        form = {"another": "1"} if another else {}
        response = self._visit(lambda: self.site.renter.post(page, form, headers=browser))
        link = response.headers.get("Location", "") if response else ""
        if link.startswith(self.standin.gateway_url) and link not in self.links:
            self.links.append(link)

    @step(order=SOME, does=st.sampled_from(["check", "look", "review"]))
    def renter_comes_by(self, order: int, does: str) -> None:
        """Press 我已付款，帮我查一下, look at the order while its page polls, or review."""
        renter = self.site.renter
        match does:
            case "check":
                page = reverse("payments:check", args=[self._number(order)])
                self._visit(lambda: renter.post(page))
            case "look":
                number = self._number(order)
                self._visit(lambda: renter.get(reverse("payments:status", args=[number])))
                self._visit(lambda: renter.get(reverse("orders:detail", args=[number])))
            case "review":
                page = reverse("orders:review", args=[self._number(order, "WAIT_COMMENT")])
                self._visit(lambda: renter.post(page, {"rating": "5", "text": "Sea view"}))

    @if_any("WAIT_ACCEPT", "WAIT_PAYMENT", "WAIT_COMMENT", "COMPLETE")
    @step(order=SOME, shown=st.sampled_from(["now", "nothing", "another sum"]))
    def cancels(self, order: int, shown: str) -> None:
        self._cancel(self._number(order, "WAIT_ACCEPT", "WAIT_PAYMENT", "WAIT_COMMENT", "COMPLETE"), shown)

    def _cancel(self, number: str, shown: str = "nothing") -> None:
        page = reverse("payments:cancel", args=[number])
        form = {"another sum": {"comes_back_fen": "1"}}.get(shown, {})
        if shown == "now":
            response = self._visit(lambda: self.site.renter.get(page))
            if response is not None and response.context and "preview" in response.context:
                form = {"comes_back_fen": str(response.context["preview"].refund_fen)}
        self._visit(lambda: self.site.renter.post(page, form))

    @if_any("WAIT_ACCEPT", "WAIT_PAYMENT", "WAIT_COMMENT", "COMPLETE")
    @step(
        order=SOME,
        first=st.sampled_from([-1, 0, 0, 1]),
        last=st.sampled_from([-1, 1, 1, 2]),
        by=st.sampled_from(["renter", "renter", "staff"]),
    )
    def stay_changes(self, order: int, first: int, last: int, by: str) -> None:
        self._change_stay(
            self._number(order, "WAIT_COMMENT", "WAIT_PAYMENT", "WAIT_ACCEPT", "COMPLETE"), first, last, by
        )

    def _change_stay(self, number: str, first: int, last: int, by: str = "renter") -> None:
        """Move arrival and departure by so many days: look at the price, then agree to it."""
        row = Order.objects.get(number=number)
        days = row.check_in + timedelta(days=first), row.check_out + timedelta(days=last)
        stay = {"check_in": str(days[0]), "check_out": str(days[1]), "guests": "1", "no_refund": "1"}
        page, rows = reverse("payments:change", args=[number]), Order.objects.filter(pk=row.pk)

        def press(**more: str) -> Any:
            if by == "staff":
                return self._staff("admin:orders_order_changelist", "change_stay", rows, **stay, **more)
            return self._visit(lambda: self.site.renter.post(page, {**stay, **more}))

        if agreed := _agreed(press()):
            press(agreed=agreed)

    @precondition(lambda self: waiting_changes().exists())
    @step(which=SOME, on=BROWSERS, does=st.sampled_from(["pay", "pay", "pay twice", "leave"]))
    def pays_the_difference(self, which: int, on: str, does: str) -> None:
        """Press Pay and pay, also in a second tab; or leave, with a link that may still be paid."""
        self._pay_difference(which, on, does=does)
        if does == "pay twice":
            self.now.shift(timedelta(seconds=5))
            self._pay_difference(which, on, another=True)

    def _pay_difference(
        self, which: int, on: str = "desktop", another: bool = False, does: str = "pay"
    ) -> None:
        numbers = numbers_waiting()
        if not numbers:
            return
        before = len(self.links)
        self._press_pay(_newest(numbers, which), on, another, view="payments:pay_change")
        if len(self.links) > before and does != "leave":
            self._at_cashier(0)

    @precondition(lambda self: waiting_changes().exists())
    @step(which=SOME)
    def drops_the_change(self, which: int) -> None:
        self._drop_change(which)

    def _drop_change(self, which: int) -> None:
        if numbers := numbers_waiting():
            page = reverse("payments:drop_change", args=[_newest(numbers, which)])
            self._visit(lambda: self.site.renter.post(page))

    # --- The buyer at Alipay --------------------------------------------------------------------------

    @precondition(lambda self: self.links)
    @step(
        link=SOME,
        does=st.sampled_from(["pay", "pay", "pay-drop", "login", "refuse", "abandon"]),
        account=st.sampled_from(["1", "2"]),
    )
    def buyer_at_cashier(self, link: int, does: str, account: str) -> None:
        self._at_cashier(link, does, account)

    def _at_cashier(self, link: int, does: str = "pay", account: str = "1") -> None:
        leads_to = self.buyer.at_cashier(_newest(self.links, link), does, account)
        if urlsplit(leads_to).path == PAYCOMPLETE:
            self.returns.append(urlsplit(leads_to).query)
        self._collect_notices()

    @if_any("WAIT_PAYMENT")
    @step(order=SOME, on=BROWSERS, twice=st.booleans())
    def pays(self, order: int, on: str, twice: bool) -> None:
        """Press Pay and pay, in one step. Twice: also in a second tab with another account."""
        self._pay(self._number(order, "WAIT_PAYMENT"), on, twice)

    def _pay(self, number: str, on: str, twice: bool) -> None:
        before = len(self.links)
        self._press_pay(number, on)
        if twice:
            self.now.shift(timedelta(seconds=5))  # so that Alipay is queried again
            self._press_pay(number, on, another=True)
        for link in range(len(self.links) - before):
            self._at_cashier(link)

    # --- Alipay's messages ----------------------------------------------------------------------------

    @precondition(lambda self: self.returns)
    @step(
        which=SOME, how=st.sampled_from(["as sent", "thrice", "tracked", "tampered", "by a stranger", "lost"])
    )
    def browser_returns(self, which: int, how: str) -> None:
        self._return(which, how)

    def _return(self, which: int, how: str = "as sent") -> None:
        query = _newest(self.returns, which)
        browser = self.site.anybody if how == "by a stranger" else self.site.renter
        if how == "lost":
            self.returns.remove(query)
            return
        if how == "tracked":  # as messengers and trackers append
            query += "&utm_source=friend&from=singlemessage&isappinstalled=0&"
        if how == "tampered":
            query = urlencode({**dict(parse_qsl(query)), "total_amount": "0.01"})
        for _ in range(3 if how == "thrice" else 1):
            self._visit(lambda: browser.get(f"{PAYCOMPLETE}?{query}"))

    @precondition(lambda self: self.notices)
    @step(
        which=SOME,
        how=st.sampled_from(
            [
                "as sent",
                "as sent",
                "twice",
                "backwards",
                "with a coupon",
                "in gbk",
                "re-cut",
                "forged",
                "other app",
                "other seller",
                "other amount",
                "lost",
            ]
        ),
    )
    def notice_comes(self, which: int, how: str) -> None:
        self._notify(_newest(self.notices, which), how)

    def _notify(self, notice: Notice, how: str = "as sent") -> None:
        if how == "lost":
            notice.lost = True
            return
        changes = {
            "other app": {"app_id": "2021000000000000"},
            "other seller": {"seller_id": "2088000000000000"},
            "other amount": {"total_amount": "0.01"},
        }.get(how, {})
        genuine = not changes and how not in ("forged", "re-cut")
        if how == "with a coupon":  # not every & begins a parameter
            changes = {"voucher_detail_list": '[{"name":"满100减10&限时券","amount":"10.00"}]'}
        charset = "utf-8"
        if how == "in gbk":
            charset, changes = "gbk", {"charset": "GBK"}
        now = site_time.localtime().strftime("%Y-%m-%d %H:%M:%S")
        params = signed({**notice.params, "notify_time": now, **changes}, charset=charset)
        if how == "forged":
            params["total_amount"] = "0.01"
        if how == "re-cut":
            params["point_amount"] += f"&receipt_amount={params.pop('receipt_amount')}"
        pairs = list(params.items())
        body = urlencode(pairs[::-1] if how == "backwards" else pairs, encoding=charset)
        for _ in range(2 if how == "twice" else 1):
            self._post_notice(notice, body, genuine)

    def _post_notice(self, notice: Notice, body: str, genuine: bool) -> None:
        trouble_before = len(self.trouble.happened)
        response = self._visit(lambda: self.site.anybody.post(NOTIFY, body, FORM))
        if response is None:
            return
        success = response.content == b"success"
        assert genuine or not success, "a message that is not Alipay's was answered `success`"
        if genuine and len(self.trouble.happened) == trouble_before:
            assert success, f"a genuine notice was answered {response.content!r}"
        if success:
            notice.answered = True
            number = notice.params["out_trade_no"]
            is_payment = (
                notice.params["trade_status"] == "TRADE_SUCCESS" and "refund_fee" not in notice.params
            )
            assert not is_payment or self.truth.is_recorded(number), (
                f"I8 {number}: `success` before the commit"
            )

    def _collect_notices(self) -> None:
        """Collect the stand-in's new notices, only the newest for each trade."""
        known = {notice.params["notify_id"] for notice in self.notices}
        for trade in self.standin.trades():
            if trade["notices"] and trade["notices"][-1]["notify_id"] not in known:
                params = dict(parse_qsl(self.standin.signed_notify(trade["out_trade_no"])))
                del params["sign"]
                self.notices.append(Notice(params))

    # --- Staff ----------------------------------------------------------------------------------------

    @step(does=st.sampled_from(["accept_bookings", "reject_bookings", "ask_alipay"]))
    def staff_do(self, does: str) -> None:
        """Run an admin action on all rows that it applies to."""
        match does:
            case "accept_bookings" | "reject_bookings":
                self._answer_bookings(does)
            case "ask_alipay":
                self._staff("admin:payments_payment_changelist", does, Payment.objects.all())

    @if_any("WAIT_ACCEPT", "WAIT_PAYMENT", "WAIT_COMMENT", "COMPLETE")
    @step(order=SOME, back=st.sampled_from(["all", "half", "nothing"]))
    def staff_cancel(self, order: int, back: str) -> None:
        number = self._number(order, "WAIT_COMMENT", "COMPLETE")
        rows = Order.objects.filter(number=number)
        asked = self._staff("admin:orders_order_changelist", "cancel_order", rows)
        if asked is not None and asked.context and "preview" in asked.context:
            left_fen = asked.context["preview"].refundable_fen
            form = {"left_fen": str(left_fen), "amount": _share(back, left_fen), "reason": "The roof leaks"}
            self._staff("admin:orders_order_changelist", "cancel_order", rows, **form)

    @if_any("WAIT_PAYMENT", "WAIT_COMMENT", "CANCELED")
    @step(order=SOME, how=st.sampled_from(["once", "clicked twice", "the renter pays, too"]))
    def staff_confirm_cash(self, order: int, how: str) -> None:
        waiting = numbers_waiting()
        self._take_cash(waiting[-1] if waiting else self._number(order, "WAIT_PAYMENT", "CANCELED"), how)

    def _take_cash(self, number: str, how: str = "once") -> None:
        rows, page = Order.objects.filter(number=number), "admin:orders_order_changelist"
        asked = self._staff(page, "confirm_outside", rows)
        if asked is None or not asked.context or "form" not in asked.context:
            return
        names = ("status", "number", "amount")
        form = {name: str(asked.context["form"][name].value()) for name in names}
        if how == "the renter pays, too" and self.links:
            self._at_cashier(0)
        self.truth.handed_over.append((number, parse_yuan(form["amount"])))
        for _ in range(2 if how == "clicked twice" else 1):
            self._staff(page, "confirm_outside", rows, channel="CASH", reference="R-17", **form)

    @precondition(lambda self: to_hand_over().exists())
    @step()
    def staff_hand_money_back(self) -> None:
        self._hand_over()

    def _hand_over(self) -> None:
        for key in list(to_hand_over().values_list("pk", flat=True)):
            row = Refund.objects.filter(pk=key)
            self._staff("admin:payments_refund_changelist", "hand_over", row, reference="signed")

    @if_any("WAIT_COMMENT", "COMPLETE", "CANCELED")
    @step(which=SOME, back=st.sampled_from(["all", "half", "half, clicked twice"]))
    def staff_give_back(self, which: int, back: str) -> None:
        settled = Payment.objects.filter(status__in=SETTLED).order_by("pk")
        if not settled:
            return
        rows = Payment.objects.filter(pk=_newest(list(settled), which).pk)
        asked = self._staff("admin:payments_payment_changelist", "give_back", rows)
        if asked is not None and asked.context and "form" in asked.context:
            amount = _share(back, rows.get().refundable_fen)
            form = {"number": asked.context["form"]["number"].value(), "amount": amount, "words": "Cold"}
            for _ in range(2 if "twice" in back else 1):
                self._staff("admin:payments_payment_changelist", "give_back", rows, **form)

    @precondition(lambda self: Refund.objects.exclude(status="DONE").exists())
    @step(does=st.sampled_from(["approve", "try_again", "give_up"]))
    def staff_decide_on_refunds(self, does: str) -> None:
        self._decide_on_refunds(does, Refund.objects.exclude(status="DONE"))

    def _decide_on_refunds(self, does: str, rows: Any) -> None:
        """Run an action as the second member of staff, who did not propose the refunds."""
        form = {"give_up": {"words": "Paid in cash"}, "approve": {"agreed": "1"}}.get(does, {})
        page = "admin:payments_refund_changelist"
        self._staff(page, does, rows, self.site.second_of_staff, **form)

    @precondition(lambda self: self.notices)
    @step(which=SOME, back=st.sampled_from(["all", "half"]))
    def staff_refund_in_alipays_console(self, which: int, back: str) -> None:
        number = _newest(self.notices, which).params["out_trade_no"]
        trade = self.standin.trade(number)
        left_fen = trade["received_fen"] - sum(refund["amount_fen"] for refund in trade["refunds"])
        amount_fen = left_fen if back == "all" else left_fen // 2
        if amount_fen:
            by_hand = f"console{len(self.truth.by_hand)}"
            self.truth.by_hand.add((number, by_hand))
            self.standin.refund(number, amount_fen, by_hand)

    def _answer_bookings(self, does: str) -> None:
        rows = Order.objects.filter(status="WAIT_ACCEPT")
        self._staff("admin:orders_order_changelist", does, rows, reason="Full")

    def _staff(self, page: str, action: str, rows: Any, person: Client | None = None, **form: str) -> Any:
        keys = list(rows.values_list("pk", flat=True))
        proof = {"again": "POST", "again_password": "a-good-password"}  # read only if the site asks again
        sent: dict[str, Any] = {"action": action, "_selected_action": keys, **form, **proof}
        return self._visit(lambda: (person or self.site.staff).post(reverse(page), sent)) if keys else None

    # --- Time and trouble -----------------------------------------------------------------------------

    @step()
    def sweep_runs(self) -> None:
        self._sweep()

    def _sweep(self) -> None:
        self._run(sweep_once)

    @step(seconds=st.sampled_from([5, 16, 1 * MINUTE, 6 * MINUTE]), swept=st.booleans())
    def time_passes(self, seconds: int, swept: bool) -> None:
        self._wait(seconds, swept)

    @step(seconds=st.sampled_from([33 * MINUTE, 29 * MINUTE, 1 * DAY]), swept=st.booleans())
    def deadline_passes(self, seconds: int, swept: bool) -> None:
        self._wait(seconds, swept)

    def _wait(self, seconds: int, swept: bool) -> None:
        self.now.shift(timedelta(seconds=seconds))
        if swept:
            self._sweep()

    @step(
        fault=st.sampled_from(FAULTS), times=st.sampled_from([1, 2, UNTIL_MENDED]), act=st.sampled_from(ACTS)
    )
    def gateway_breaks(self, fault: str, times: int, act: str) -> None:
        self.standin.fault(fault, times=times)
        self._act(act, 0)

    @step()
    def gateway_is_well(self) -> None:
        self._mend_gateway()

    def _mend_gateway(self) -> None:
        self.standin.clear_faults()
        self.standin.fault("notify.lost")  # its notices come by _notify()

    @step(
        where=st.sampled_from(sorted(POINTS)),
        when=st.sampled_from(["before", "after"]),
        what=st.sampled_from(["killed", "deadlock", "connection lost"]),
        act=st.sampled_from(ACTS),
    )
    def breaks_at(self, where: str, when: str, what: str, act: str) -> None:
        """Plan a fault for the next time the code reaches this point, in this act or a later one."""
        faults = {"killed": die, "deadlock": deadlock, "connection lost": connection_lost}
        self.trouble.plan(where, when, faults[what])
        self._act(act, 0)

    @step(
        when=st.sampled_from(["before", "after"]),
        what=st.sampled_from(ACTS),
        act=st.sampled_from(ACTS),
        which=SOME,
    )
    def meanwhile(self, when: str, what: str, act: str, which: int) -> None:
        """Run a concurrent act right before or after the next call to Alipay."""

        def rival() -> None:
            assert not connection.in_atomic_block, "Alipay is called inside a transaction"
            self._act(what, which)

        self.trouble.plan(NETWORK, when, rival)
        self._act(act, 0)

    def _act(self, act: str, which: int) -> None:
        match act:
            case "the buyer pays" if self.links:
                self._at_cashier(which)
            case "a notice comes" if self.notices:
                self._notify(_newest(self.notices, which))
            case "the browser returns" if self.returns:
                self._return(which)
            case "the renter cancels":
                self._cancel(self._number(which))
            case "the sweep runs":
                self._sweep()
            case "staff take cash":
                self._take_cash(self._number(which, "WAIT_PAYMENT"))
            case "the renter makes it longer":
                self._change_stay(self._number(which, "WAIT_COMMENT"), 0, 1)
            case "the difference is paid":
                self._pay_difference(which)
            case "the change is dropped":
                self._drop_change(which)
            case "pay is pressed":
                self._press_pay(self._number(which))

    # --- Running a step ------------------------------------------------------------------------------

    @contextmanager
    def one_step(self) -> Iterator[None]:
        self.now.shift(timedelta(seconds=2))
        try:
            yield
            self._collect_notices()
            self._assert_none(self.truth.broken_now())
            self._look_at_orders()
        except BaseException:
            self.failed = True
            raise

    def _assert_none(self, wrong: Iterator[str]) -> None:
        found = list(wrong)
        assert not found, "\n".join(found)

    def _run(self, act: Callable[[], Any]) -> Any:
        """Return the result of `act`; None if the process was killed, which is then replaced."""
        try:
            return act()
        except Killed:
            connection.close()
            reset_process_state()
            return None

    def _visit(self, request: Callable[[], Any]) -> Any:
        happened = len(self.trouble.happened)
        response = self._run(request)
        if response is not None and len(self.trouble.happened) == happened:
            assert response.status_code < 500, f"I9 {response.status_code}"
        return response

    def _number(self, order: int, *statuses: str) -> str:
        """Select one of the orders in `statuses`, or of all orders if there is none."""
        candidates = [number for number, status in self.orders.items() if status in statuses]
        return _newest(candidates or list(self.orders), order)

    def _look_at_orders(self) -> None:
        self.orders = dict(Order.objects.order_by("pk").values_list("number", "status"))

    # --- The end --------------------------------------------------------------------------------------

    def teardown(self) -> None:
        """Recover (Alipay reachable, time passes, sweeps run, outstanding notices arrive), then check.

        The next day, the bills must agree, too.
        """
        try:
            if not self.failed:
                self._heal()
                self._assert_none(self.truth.broken_at_the_end(gateway_lied=self._gateway_has_lied()))
                self.now.shift(timedelta(days=1))
                self._assert_none(bills.differences(self.standin))
                self._count_outcomes()
        finally:
            self.trouble.forget()
            self.stop_clock()

    @staticmethod
    def stop_clock() -> None:
        """Stop the frozen clock; also needed after a program that failed before its teardown."""
        if History.clock is not None:
            History.clock.stop()
            History.clock = None

    def _heal(self) -> None:
        self.trouble.forget()
        self._mend_gateway()
        for seconds in HEALING:
            self._do_staffs_work()
            self._sweep()
            self._deliver_outstanding_notices()
            if not self._is_anything_left():
                return
            self.now.shift(timedelta(seconds=seconds))

    def _do_staffs_work(self) -> None:
        self._decide_on_refunds("approve", Refund.objects.filter(status="PROPOSED"))
        self._hand_over()
        refused = Refund.objects.filter(status="REFUSED")
        # Already refunded in Alipay's console
        spent = refused.filter(refusal__regex="FEE_ERR|HAS_CLOSE")
        self._decide_on_refunds("give_up", spent)
        self._decide_on_refunds("try_again", refused)
        news = GatewayMessage.objects.filter(verdict="REFUND_NOTICE")
        self._staff("admin:payments_gatewaymessage_changelist", "look_again", news)

    def _deliver_outstanding_notices(self) -> None:
        """Deliver unanswered notices; the lost ones, too, if Alipay also gave a false answer."""
        self._collect_notices()
        lied = self._gateway_has_lied() or self.truth.by_hand
        for notice in self.notices:
            if not notice.answered and (lied or not (notice.lost or self.notices_are_lost)):
                self._notify(notice)

    def _gateway_has_lied(self) -> bool:
        ways = tuple(f"({name.partition('.')[2]})" for name in LIES)
        return any(str(call["code"]).endswith(ways) for call in self.standin.calls()["last"])

    def _is_anything_left(self) -> bool:
        return (
            Payment.objects.unsure().exists()
            or Refund.objects.exclude(status__in=["DONE", "GIVEN_UP"]).exists()
            or GatewayMessage.objects.filter(verdict="REFUND_NOTICE").exists()
            or any_order(status__in=["WAIT_ACCEPT", "WAIT_PAYMENT"])
            or waiting_changes().exists()
        )

    def _count_outcomes(self) -> None:
        kinds = OrderEvent.Kind
        rows = Payment.objects
        events = set(OrderEvent.objects.values_list("kind", flat=True))
        paid_then_cancelled = Order.objects.filter(status="CANCELED", events__kind=kinds.PAID)
        reached = {
            "paid": kinds.PAID in events,
            "expired": kinds.EXPIRED in events,
            "cancelled before payment": Order.objects.filter(status="CANCELED")
            .exclude(events__kind__in=[kinds.PAID, kinds.EXPIRED])
            .exists(),
            "cancelled after payment": paid_then_cancelled.exists(),
            "reviewed": kinds.REVIEWED in events,
            "refunded": kinds.REFUNDED in events,
            "surplus": kinds.SURPLUS in events,
            "refunded by staff": Refund.objects.filter(reason="STAFF").exists(),
            "refund given up": Refund.objects.filter(status="GIVEN_UP").exists(),
            "refund of another's approval": Refund.objects.exclude(approved_by=None).exists(),
            "refunded in the console": Refund.objects.filter(reason="EXTERNAL").exists(),
            "paid twice": any(
                sum(
                    trade["received_fen"] > 0
                    for trade in self.standin.trades()
                    if trade["out_trade_no"].startswith(number)
                )
                > 1
                for number in self.orders
            ),
            "paid outside Alipay": Order.objects.exclude(paid_outside="").exists(),
            "surplus outside Alipay": rows.exclude(channel="ALIPAY").filter(status="SURPLUS").exists(),
            "given back outside Alipay": Refund.objects.exclude(handed_by=None).exists(),
            "changed before payment": Order.objects.filter(pk__in=changed_unpaid()).exists(),
            "cheaper after payment": Refund.objects.filter(reason="CHANGED").exists(),
            "difference paid": kinds.PAID_MORE in events,
            "difference paid in cash": rows.exclude(channel="ALIPAY")
            .filter(stay_change__status="MADE")
            .exists(),
            "difference came in vain": rows.filter(status="SURPLUS", stay_change__isnull=False).exists(),
            "difference paid, then cancelled": paid_then_cancelled.filter(
                payments__stay_change__status="MADE"
            ).exists(),
            "change lapsed": StayChange.objects.filter(status="LAPSED").exists(),
            "change dropped": StayChange.objects.filter(status="DROPPED").exists(),
            "several attempts": rows.filter(out_trade_no__endswith="_2").exists(),
            "settled by return": GatewayMessage.objects.filter(channel="RETURN", verdict="SETTLED").exists(),
            "settled by notify": rows.filter(status__in=SETTLED, evidence="NOTIFY").exists(),
            "settled by query": rows.filter(status__in=SETTLED, evidence="QUERY").exists(),
            "trouble struck": bool(self.trouble.happened),
            "all": True,
        }
        self.seen.update(name for name, value in reached.items() if value)


def _newest(things: list[Any], which: int) -> Any:
    """Return the newest item for 0, the one before for 1, and so on, modulo the length."""
    return things[-1 - which % len(things)]


def _seen_price(response: Any) -> str:
    """Return the total that a page shows for a stay; empty without a page, or if the stay is refused."""
    found = re.search(r'name="seen_price" value="([0-9]*)"', response.content.decode()) if response else None
    return found[1] if found else ""


def _agreed(response: Any) -> str:
    """Return what a page of a change wants agreed on; empty if the change is refused."""
    found = re.search(r'name="agreed" value="([0-9-]*)"', response.content.decode()) if response else None
    return found[1] if found else ""


def _change_price(home: House, night: date, *, fen: int) -> None:
    PriceRule.objects.create(house=home, name="春", first_night=night, last_night=night, price_fen=fen)


def _share(back: str, fen: int) -> str:
    return yuan_text({"all": fen, "nothing": 0}.get(back, fen // 2))


def to_hand_over() -> QuerySet[Refund]:
    return Refund.objects.filter(status="DUE").exclude(payment__channel="ALIPAY")


def waiting_changes() -> QuerySet[StayChange]:
    return StayChange.objects.filter(status="WAITING")


def numbers_waiting() -> list[str]:
    """Return the numbers of orders with a change to pay, that of the newest change last."""
    return list(waiting_changes().order_by("pk").values_list("order__number", flat=True))


def changed_unpaid() -> Any:
    """Orders with a change that no payment came before."""
    paid = OrderEvent.objects.filter(order=OuterRef("order"), kind="PAID", pk__lt=OuterRef("pk"))
    return OrderEvent.objects.filter(~Exists(paid), kind="CHANGED").values("order")


def any_order(**conditions: object) -> bool:
    return Order.objects.filter(**conditions).exists()


def reset_process_state() -> None:
    """Reset the process state of the site, as in a new process."""
    alipay_client.cache_clear()
    http.breaker.reset()


def delete_everything(standin: StandIn) -> None:
    """Delete all orders and trades; houses and users stay."""
    standin.reset()
    standin.fault("notify.lost")
    for model in (
        BillLine,
        ComparedBill,
        GatewayMessage,
        Refund,
        Payment,
        StayChange,
        Review,
        OrderEvent,
        BookedNight,
        Order,
        PriceRule,
        TransactionMarker,
    ):
        rows = model._default_manager.all()
        rows._raw_delete(rows.db)
    House.objects.update(order_count=0, review_count=0, rating_sum=0)
