"""Twins of the bystanders (B1): mutants of the code of money, statuses, nights and counters.

Each loses one condition of one statement, as `filter()` instead of `filter(pk=...)`. A test with one order
notices none of them. Beside bystanders each changes their rows, is refused by the database, or leaves the
test's own order undone.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import wraps

import pytest
from django.db import IntegrityError, models
from django.db.models import Q, QuerySet
from django.utils import timezone

from bills import lines
from bills.lookup import Entry, Finding
from core.prepared import _Statement
from houses import availability
from houses.models import BookedNight, House
from orders import booking, invoices, mailing, reviewing, transitions
from orders.models import InvoiceRequest, Order, OrderEvent, Review
from payments import callbacks
from payments.books import attempts, message_log, refunds, rows
from payments.models import BillLine, GatewayMessage, Payment, Refund
from payments.staff import resolution
from tests import bystanders, make
from tests.interleaving import found

pytestmark = pytest.mark.django_db


def received(payment: Payment, fen: int = 30000, evidence: str = "NOTIFY") -> Payment:
    attempts.settle(payment, attempts.Received(f"2099{payment.pk}", fen, timezone.now(), evidence))
    payment.refresh_from_db()
    return payment


def refunding() -> Refund:
    return refunds.create(received(make.attempt()), 5000, reason="STAFF")


def give_up() -> None:
    assert refunds.release(refunding(), Q(status="DUE"))
    assert make.rows(Payment).get().refund_reserved_fen == 0


def send() -> None:
    assert refunds.mark_sent(refunding())


def refund_part() -> None:
    refunding()
    assert make.rows(Payment).get().refund_reserved_fen == 5000


def receive() -> None:
    assert received(make.attempt()).status == "PAID"


def receive_too_much() -> None:
    assert received(make.attempt(), 30001).status == "SURPLUS"


def close() -> None:
    attempts.mark_closed(make.attempt())
    assert make.rows(Payment).get().status == "CLOSED"


def supersede() -> None:
    attempts.release_live(make.attempt())
    assert make.rows(Payment).get().live_for is None


def contradict() -> None:
    attempts.mark_contradicted(make.attempt(), vouched_for_by="")
    assert make.rows(Payment).get().contradicted_at


def confirm_a_return() -> None:
    payment = received(make.attempt(), evidence="RETURN")
    rows.confirm_evidence(payment, "QUERY")
    assert make.rows(Payment).get().evidence == "QUERY"


def judge() -> None:
    message = GatewayMessage.objects.create(channel="NOTIFY", raw=b"a", signature_ok=True)
    message_log.judge(message, "BAD")
    assert make.rows(GatewayMessage).get().verdict == "BAD"


def judge_late() -> None:
    a_while_ago = timezone.now() - timedelta(minutes=5)
    GatewayMessage.objects.create(channel="NOTIFY", raw=b"a", signature_ok=True, received_at=a_while_ago)
    for key in callbacks.unjudged():
        callbacks.judge_late(key)
    assert not make.rows(GatewayMessage).filter(verdict="UNJUDGED").exists()


def mail() -> None:
    order = make.order(make.user(email="a@example.com"))
    order.events.create(kind="PAID", amount_fen=30000, mail_due_at=timezone.now())
    for key in mailing.due():
        mailing.send(key)
    assert make.rows(OrderEvent).get().mailed_at


ENTRY = Entry(date(2026, 11, 22), False, "2026888", "", "", 100, "a")


def open_line() -> BillLine:
    return BillLine.objects.create(bill_date=ENTRY.day, key=ENTRY.key)


def close_line() -> None:
    lines.close(open_line())
    assert make.rows(BillLine).get().done_at


def close_lines_of_a_day() -> None:
    assert not lines.keep(open_line().bill_date, [])
    assert make.rows(BillLine).get().done_at


def reopen_line() -> None:
    lines.close(open_line())
    assert lines.write(ENTRY, Finding("NOT_OURS"))
    assert make.rows(BillLine).get().done_at is None


def resolve_line() -> None:
    assert resolution.resolve(open_line(), by=make.user(), how="Painters")
    assert make.rows(BillLine).get().outcome == "Painters"


def book() -> Order:
    home = make.house(instant_book=True)
    night = timezone.localdate() + timedelta(days=20)
    order = booking.book(
        home, renter=make.user(), guests=1, check_in=night, check_out=night + timedelta(days=2)
    )
    return order


def expire() -> None:
    transitions.expire(book())
    assert not make.rows(BookedNight).exists()


def want_invoice() -> None:
    order = make.order()
    for title in ("Wang", "Wang Wei"):
        assert invoices.ask(order, title=title, tax_number="", email="wang@example.com")
    assert make.rows(InvoiceRequest).get().title == "Wang Wei"


def unblock() -> None:
    night = BookedNight.objects.create(house=make.house(), night=timezone.localdate() + timedelta(days=20))
    availability.release_for_staff(night)
    assert not make.rows(BookedNight).exists()


def review() -> None:
    written = reviewed()
    assert make.rows(House).get().rating_sum == 5
    reviewing.edit(written.pk, seen=reviewing.version_of(written), rating=3, text="Fine", host=2)
    assert make.rows(House).get().rating_sum == 3


def reviewed() -> Review:
    order = received(make.attempt()).order
    make.end_stay(order)
    return transitions.review(order, by=order.renter, rating=5, text="Fine")


def hide_review() -> None:
    reviewing.hide(reviewed().pk, by=make.user(), reason="Names a neighbour")
    assert make.rows(House).get().review_count == 0


def count_review() -> None:
    order = received(make.attempt()).order
    written = transitions.review(order, by=order.renter, rating=5, text="Fine")
    make.end_stay(order)
    assert reviewing.count_due(written.pk)
    assert make.rows(House).get().rating_sum == 5


MUTANTS: list[tuple[Callable[[], object], str, type[models.Model], str]] = [
    (give_up, "payments.books.refunds.release", Payment, "pk"),
    (give_up, "payments.books.refunds.move", Refund, "pk"),
    (send, "payments.books.refunds.move", Refund, "pk"),
    (refund_part, "payments.books.refunds.reserve", Payment, "pk"),
    (receive, "payments.books.attempts._record", Payment, "pk"),
    (receive, "orders.transitions.mark_paid", Order, "pk"),
    (receive_too_much, "payments.books.attempts._apply", Payment, "pk"),
    (close, "payments.books.attempts.mark_closed", Payment, "pk"),
    (supersede, "payments.books.attempts.release_live", Payment, "pk"),
    (contradict, "payments.books.attempts.mark_contradicted", Payment, "pk"),
    (confirm_a_return, "payments.books.rows.confirm_evidence", Payment, "pk"),
    (judge, "payments.books.message_log.judge", GatewayMessage, "pk"),
    (judge_late, "payments.callbacks.unjudged", GatewayMessage, "received_at__range"),
    (judge_late, "payments.callbacks.unjudged", GatewayMessage, "received_at__range[0]"),
    (judge_late, "payments.callbacks.unjudged", GatewayMessage, "received_at__range[1]"),
    (mail, "orders.mailing.due", OrderEvent, "order"),
    (mail, "orders.mailing._next_event", OrderEvent, "order"),
    (close_line, "bills.lines.close", BillLine, "pk"),
    (close_lines_of_a_day, "bills.lines.keep", BillLine, "of_this_run"),
    (reopen_line, "bills.lines.write", BillLine, "pk"),
    (resolve_line, "payments.staff.resolution.resolve", BillLine, "pk"),
    (receive, "orders.transitions._count_stay", House, "pk"),
    (expire, "houses.availability.release", BookedNight, "order_number"),
    (want_invoice, "orders.invoices._open", InvoiceRequest, "pk"),
    (unblock, "houses.availability.release_for_staff", BookedNight, "pk"),
    (expire, "orders.transitions._move", Order, "pk"),
    (review, "orders.review_sums.add", House, "pk"),
    (review, "orders.reviewing._write", Review, "pk"),
    (hide_review, "orders.review_sums._mark", Review, "pk"),
    (hide_review, "orders.reviewing._write", Review, "pk"),
    (count_review, "orders.review_sums.add", House, "pk"),
]


@pytest.fixture(params=MUTANTS, ids=lambda mutant: f"{mutant[0].__name__}-{mutant[1]}")
def mutant(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """Return what to do, while one statement has lost a condition."""
    act, place, model, condition = request.param
    lose(monkeypatch, place, model, condition)
    return act


def test_B1_one_order_does_not_show_a_lost_condition(mutant: Callable[[], object]) -> None:
    mutant()


def test_B1_twin_bystanders_show_a_lost_condition(mutant: Callable[[], object]) -> None:
    assert harms_others(mutant)


@pytest.mark.parametrize("act", sorted({act for act, *_ in MUTANTS}, key=lambda act: act.__name__))
def test_B1_the_code_as_it_is_harms_nobody(act: Callable[[], object]) -> None:
    assert not harms_others(act)


def harms_others(act: Callable[[], object]) -> bool:
    """Act beside bystanders: their rows change, the database refuses that, or `act` is not done."""
    bystanders.insert()
    before = bystanders.rows()
    try:
        act()
    except (IntegrityError, AssertionError):
        return True
    return bystanders.rows() != before


ENDS = {"[0]": datetime(1900, 1, 1, tzinfo=UTC), "[1]": datetime(2200, 1, 1, tzinfo=UTC)}


def lose(patch: pytest.MonkeyPatch, place: str, model: type[models.Model], condition: str) -> None:
    """While the function at `place` runs, `filter()` on the model's rows ignores the condition.

    "a__range[0]" and "a__range[1]" lose one end of a range, and "of_this_run" the condition without a name.
    """
    owner, name = found(place)
    function, whole = getattr(owner, name), QuerySet.filter
    lost: list[object] = []
    key, end = condition.removesuffix("[0]").removesuffix("[1]"), condition[-3:]

    def without(queryset: QuerySet, *args: Q, **kwargs: object) -> QuerySet:
        if queryset.model is model and key in kwargs:
            value = kwargs.pop(key)
            lost.append(value)
            if end in ENDS and isinstance(value, tuple):
                kwargs[key] = (ENDS[end], value[1]) if end == "[0]" else (value[0], ENDS[end])
        elif queryset.model is model and key == "of_this_run" and args:
            lost.append(args)
            args = ()
        return whole(queryset, *args, **kwargs)

    @wraps(function)
    def mutant(*args: object, **kwargs: object) -> object:
        with pytest.MonkeyPatch.context() as inside:
            inside.setattr(QuerySet, "filter", without)
            inside.setattr(_Statement, "_parts", lambda self: self._make())  # written anew, with the loss
            result = function(*args, **kwargs)
        assert lost, f"{place} has no such condition on {model.__name__}"
        return result

    patch.setattr(owner, name, mutant)
