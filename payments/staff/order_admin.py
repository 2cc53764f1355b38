"""Admin of orders: orders/admin.py, with payments and cancellation added."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
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
from payments.staff.actions import warn_of_approval
from payments.staff.forms import CancelForm


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

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Requires the permission on payments, too, because it refunds money."""
        return self.has_act_permission(request) and request.user.has_perm("payments.change_payment")

    @admin.action(description=_("Cancel order"), permissions=["cancel"])
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
        preview = cancellation.preview_for_staff(order)
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
