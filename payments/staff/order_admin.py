"""Admin of orders: orders/admin.py, with payments and cancellation added."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.guards import signed_in_user
from core.admin import ReadOnlyInline
from core.money import yuan_text
from core.refusal import Refusal
from orders.admin import BaseOrderAdmin
from orders.models import Order
from payments import cancellation
from payments.models import Payment, Refund
from payments.staff.action_messages import warn_of_approval
from payments.staff.alipay_codes import explained
from payments.staff.forms import CancelForm
from payments.staff.refund_steps import next_step


class PaymentInline(ReadOnlyInline):
    model = Payment
    fk_name = "order"
    fields = [
        "out_trade_no",
        "status",
        "amount_fen",
        "received_fen",
        "trade_no",
        "evidence",
        "paid_at",
        "expires_at",
    ]


@admin.register(Order)
class OrderAdmin(BaseOrderAdmin):
    inlines = [PaymentInline, *BaseOrderAdmin.inlines]
    actions = [*BaseOrderAdmin.actions, "cancel_order"]
    readonly_fields = ["refunds"]

    def get_fields(self, request: HttpRequest, obj: Order | None = None) -> list[Any]:
        """Put the refunds first: they are what may need staff."""
        return ["refunds", *(field for field in super().get_fields(request, obj) if field != "refunds")]

    @admin.display(description=_("refunds"))
    def refunds(self, order: Order) -> str:
        """State each refund, with Alipay's refusal and the next step."""
        rows = Refund.objects.filter(payment__order=order).order_by("id")
        return format_html_join(mark_safe("<br>"), '<a href="{}">{}</a> · {}', map(_line_of, rows)) or "-"

    @admin.action(description=_("Cancel order"), permissions=["act"])
    def cancel_order(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        order = self.only_one(request, queryset.select_related("renter"))
        if order is None:
            return None
        try:
            return self._cancel(request, order)
        except Refusal as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return None

    def _cancel(self, request: HttpRequest, order: Order) -> HttpResponse | None:
        """Cancel an unpaid order; a paid one, too, if the user may refund money."""
        preview = cancellation.preview_for_staff(order)
        may_refund = request.user.has_perm("payments.change_payment")
        if preview.received_fen and not may_refund:
            refusal = gettext("%(number)s: it is paid, and your role does not include refunds.")
            raise Refusal(refusal % {"number": order.number})
        form = CancelForm(request.POST if "amount" in request.POST else None, preview=preview)
        if not form.is_valid():
            return self.ask_first(
                request,
                "admin/orders/cancel.html",
                action="cancel_order",
                title=gettext("Cancel order"),
                rows=[order],
                form=form,
                order=order,
                preview=preview,
            )
        given = form.cleaned_data
        if not may_refund:  # money that comes now is seen as a change, and stops it
            given.update(left_fen=0, amount=0)
        cancellation.cancel_by_staff(
            order,
            by=signed_in_user(request),
            reason=given["reason"],
            refundable_fen=given["left_fen"],
            refund_fen=given["amount"],
        )
        result = gettext("Cancelled; refund: ￥%(amount)s.") % {"amount": yuan_text(given["amount"])}
        self.log_change(request, order, f"{result} {given['reason']}")
        self.message_user(request, f"{order.number}: {result}", messages.SUCCESS)
        warn_of_approval(self, request, Refund.objects.filter(payment__order=order))
        return None


def _line_of(refund: Refund) -> tuple[str, str, str]:
    """Return address, number and state of a refund."""
    address = reverse("admin:payments_refund_change", args=[refund.pk])
    state = [f"￥{yuan_text(refund.amount_fen)}", refund.get_status_display()]
    if refund.status == Refund.Status.REFUSED:
        state.append(explained(refund.refusal))
    return address, refund.out_request_no, " · ".join(filter(None, [*state, next_step(refund)]))
