"""Admin list filters for the rows in the work queue."""

from collections.abc import Callable

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from orders import waiting_changes
from orders.models import Order
from payments.models import Payment, Refund
from payments.staff import work_queue


class WorkQueueFilter(admin.SimpleListFilter):
    title = _("work queue")
    parameter_name = "for_staff"
    waiting: Callable[[], Q]

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("1", gettext("needs attention"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(type(self).waiting()) if self.value() else queryset


class PaymentsToCheck(WorkQueueFilter):
    waiting = work_queue.payments


class RefundsToCheck(WorkQueueFilter):
    waiting = work_queue.refunds


class MessagesToCheck(WorkQueueFilter):
    waiting = work_queue.messages


class MoneyFilter(admin.SimpleListFilter):
    """Orders by what happened to their money."""

    title = _("money")
    parameter_name = "money"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [
            ("twice", gettext("paid twice, or too late")),
            ("on_its_way", gettext("refund on its way")),
            ("refused", gettext("refund refused")),
            ("part_refunded", gettext("refunded in part")),
            ("overdue", gettext("payment overdue")),
            ("difference", gettext("difference to be paid")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        return queryset.filter(_MONEY[chosen]()) if (chosen := self.value()) in _MONEY else queryset


def _of_refunds(which: Q) -> Q:
    return Q(pk__in=Refund.objects.filter(which).order_by().values("payment__order"))


_MONEY: dict[str | None, Callable[[], Q]] = {
    "twice": lambda: Q(
        pk__in=Payment.objects.filter(status=Payment.Status.SURPLUS).order_by().values("order")
    ),
    "on_its_way": lambda: _of_refunds(Q(status__in=Refund.ON_ITS_WAY)),
    "refused": lambda: _of_refunds(Q(status=Refund.Status.REFUSED)),
    "part_refunded": lambda: _of_refunds(
        Q(status=Refund.Status.DONE, payment__refund_reserved_fen__lt=F("payment__received_fen"))
    ),
    "difference": waiting_changes.orders_that_wait,
    "overdue": lambda: Q(status=Order.Status.WAIT_PAYMENT, pay_by__lte=timezone.now()),
}
