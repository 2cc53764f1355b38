"""Admin of restored backups: what they lost, and the hold on bookings that staff may lift."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.admin_pages import ByKey
from core.templatetags.ihome import moment
from orders.models import Recovery
from orders.recovery import BILL_COMPARED_AT
from payments.staff.filters import WorkQueueFilter
from payments.staff.resolution import ResolvableAdmin
from payments.staff.work_queue import recoveries

WHILE_HELD = _(
    "Orders, payments and cancellations of these hours are not in our records, and somebody may have paid "
    "for nights that look free. No nights can be booked until Alipay's bills of these days are reconciled, "
    "by about %(time)s. Take bookings again earlier only if you know that no order was lost."
)
AFTERWARDS = _(
    "Nights can be booked again. Once Alipay's bills of these days are reconciled, look at the bill "
    "discrepancies."
)


class BookingsHeldFilter(WorkQueueFilter):
    waiting = recoveries


@admin.register(Recovery)
class RecoveryAdmin(ByKey, ResolvableAdmin):
    list_display = ["restored_at", "lost_from", "billed_at", "done_at"]
    list_filter = [BookingsHeldFilter]
    fields = ["lost_from", "restored_at", "what_to_do", "billed_at", "done_at", "done_by", "outcome"]
    readonly_fields = ["what_to_do"]
    actions = ["lift"]
    offered: ClassVar[dict[str, Any]] = {"lift": lambda recovery: recovery.done_at is None}

    @admin.display(description=_("what to do"))
    def what_to_do(self, recovery: Recovery) -> str:
        if recovery.done_at:
            return str(AFTERWARDS)
        return WHILE_HELD % {"time": moment(recovery.bill_at(BILL_COMPARED_AT))}

    @admin.action(description=_("Take bookings again…"), permissions=["act"])
    def lift(self, request: HttpRequest, queryset: QuerySet[Recovery]) -> HttpResponse | None:
        return self.resolve_rows(
            request,
            queryset,
            action="lift",
            title=gettext("Take bookings again"),
            template="admin/payments/lift.html",
        )
