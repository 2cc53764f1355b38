"""Invoice requests in the admin: a list with issued or not."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core import signing
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.guards import signed_in_user
from core.admin import ReadOnlyAdmin
from core.admin_pages import ByKey
from core.refusal import Refusal
from core.templatetags.ihome import yuan
from orders import invoices
from orders.models import InvoiceRequest, Order
from orders.staff_search import NUMBER_LOOKUPS_BY_ORDER, OrderSearch

Status = Order.Status

MOST_AT_ONCE = 50
SALT = "orders.invoice_admin"


class IssuedFilter(admin.SimpleListFilter):
    title = _("issued")
    parameter_name = "issued"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("0", _("To issue")), ("1", _("Issued"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[InvoiceRequest]) -> QuerySet[InvoiceRequest]:
        return queryset.filter(issued_at__isnull=self.value() == "0") if self.value() else queryset


class InvoiceRequestAdmin(ByKey, OrderSearch, ReadOnlyAdmin):
    list_display = ["title", "tax_number", "email", "order", "amount", "asked_at", "state"]
    list_filter = [IssuedFilter]
    list_prefetch = ("order",)
    search_fields = ["order__number"]
    order_path = "order"
    number_lookups = NUMBER_LOOKUPS_BY_ORDER
    actions = ["mark_issued"]
    offered: ClassVar[dict[str, Any]] = {"mark_issued": lambda request: request.issued_at is None}

    @admin.display(description=_("amount"))
    def amount(self, request: InvoiceRequest) -> str:
        return yuan(request.order.amount_fen)

    @admin.display(description=_("status"))
    def state(self, request: InvoiceRequest) -> str:
        if request.issued_at:
            colour, label = Status.COMPLETE, gettext("Issued")
        elif request.issued_fen is None:
            colour, label = Status.WAIT_PAYMENT, gettext("To issue")
        else:
            colour, label = Status.WAIT_PAYMENT, gettext("To issue again, was %(amount)s")
            label %= {"amount": yuan(request.issued_fen)}
        return format_html('<span class="status status-{}">{}</span>', colour, label)

    @admin.action(description=_("Mark as issued…"), permissions=["act"])
    def mark_issued(self, request: HttpRequest, queryset: QuerySet[InvoiceRequest]) -> HttpResponse | None:
        rows = list(queryset.filter(issued_at=None).select_related("order")[:MOST_AT_ONCE])
        if not rows:
            self.message_user(request, gettext("Issued already."), messages.WARNING)
            return None
        if request.POST.get("seen") != _digest(rows):
            return self.ask_first(
                request,
                "admin/orders/issue.html",
                action="mark_issued",
                title=gettext("Mark as issued"),
                rows=rows,
                form=forms.Form(),
                seen=_digest(rows),
            )
        by = signed_in_user(request)

        def issue(row: InvoiceRequest) -> None:
            if not invoices.mark_issued(row, by=by):
                raise Refusal(gettext("%(title)s: it has just changed. Check it again.") % {"title": row})

        self.act_on_each(
            request,
            rows,
            issue,
            say_done=lambda count: ngettext("%d invoice issued.", "%d invoices issued.", count),
            log_entry=gettext("Issued."),
        )
        return None


def _digest(rows: Iterable[InvoiceRequest]) -> str:
    """Return a text that changes with what the page shows."""
    shown = [[row.pk, *row.typed.values(), row.order.amount_fen] for row in rows]
    return signing.Signer(salt=SALT).signature(repr(shown))
