"""Admin of differences between the daily bill and our books."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.search import NumberSearch
from bills.days import missed_days
from bills.lines import next_step
from core.exports import Exported
from core.money import yuan_text
from payments.models import BillLine
from payments.staff.resolution import ResolvableAdmin


class OpenFilter(admin.SimpleListFilter):
    title = _("work queue")
    parameter_name = "for_staff"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("1", gettext("unresolved")), ("0", gettext("resolved"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[BillLine]) -> QuerySet[BillLine]:
        return queryset if self.value() is None else queryset.filter(done_at__isnull=self.value() == "1")


@admin.register(BillLine)
class BillLineAdmin(Exported, NumberSearch, ResolvableAdmin):
    list_display = ["line", "kind", "about", "in_bill", "ours", "payment_link", "what_to_do", "done_at"]
    list_filter = [OpenFilter, "kind", "is_refund", "bill_date"]
    list_prefetch = ("payment",)
    search_fields = ["out_trade_no", "trade_no", "out_request_no"]
    number_lookups = {
        "mobile": "payment__order__renter__mobile",
        "order": "out_trade_no__range",
        "attempt": "out_trade_no",
        "trade": "trade_no",
        "refund": "out_request_no",
    }
    fields = [
        "bill_date",
        "kind",
        "about",
        "out_trade_no",
        "trade_no",
        "out_request_no",
        "in_bill",
        "ours",
        "payment",
        "what_to_do",
        "raw",
        "created_at",
        "done_at",
        "done_by",
    ]
    readonly_fields = ["about", "in_bill", "ours", "what_to_do"]
    export_columns = [
        *("bill_date", "kind", "is_refund", "business_type", "out_trade_no", "trade_no", "out_request_no"),
        *("bill_fen", "our_fen", "created_at", "done_at", "done_by", "outcome"),
    ]
    export_prefetch = ["done_by"]
    actions = ["dealt_with"]
    offered: ClassVar[dict[str, Any]] = {"dealt_with": lambda line: line.done_at is None}

    def where(self, kind: str, value: str) -> Q:
        """Find an order by the numbers of its attempts: the order itself may be lost."""
        if kind == "order":
            return Q(out_trade_no__range=(f"{value}_1", f"{value}_999999"))
        return super().where(kind, value)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Warn above the list of days that were not compared, and therefore have no lines."""
        response = super().changelist_view(request, extra_context)
        days = missed_days()
        if days and isinstance(response, TemplateResponse):  # it is not rendered yet
            warning = gettext(
                "Alipay bills not reconciled yet: %(days)s. Please tell the site operator: until then, "
                "payments that only Alipay knows of go unnoticed."
            )
            self.message_user(request, warning % {"days": ", ".join(map(str, days))}, messages.WARNING)
        return response

    @admin.display(description=_("entry"), ordering="bill_date")
    def line(self, line: BillLine) -> str:
        return str(line)

    @admin.display(description=_("type"), ordering="is_refund")
    def about(self, line: BillLine) -> str:
        return line.business_type or (gettext("refund") if line.is_refund else gettext("payment"))

    @admin.display(description=_("billed (yuan)"), ordering="bill_fen")
    def in_bill(self, line: BillLine) -> str:
        return "-" if line.bill_fen is None else yuan_text(line.bill_fen)

    @admin.display(description=_("recorded here (yuan)"), ordering="our_fen")
    def ours(self, line: BillLine) -> str:
        return "-" if line.our_fen is None else yuan_text(line.our_fen)

    @admin.display(description=_("payment"), ordering="payment")
    def payment_link(self, line: BillLine) -> str | None:
        if line.payment is None:
            return None
        address = reverse("admin:payments_payment_change", args=[line.payment.pk])
        return format_html('<a href="{}">{}</a>', address, line.payment)

    @admin.display(description=_("next step or outcome"))
    def what_to_do(self, line: BillLine) -> str:
        if line.done_at is None:
            return next_step(line)
        return line.outcome or gettext("No longer differs.")
