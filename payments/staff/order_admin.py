"""Admin of orders: orders/admin.py, with payments and cancellation added."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.factors import again
from accounts.guards import signed_in_user
from core.money import yuan_text
from core.refusal import Refusal
from orders import reasons
from orders.admin import BaseOrderAdmin
from orders.changes import is_changeable
from orders.deadlines import can_be_extended
from orders.models import Order
from orders.staff_deadline import ExtendsDeadline
from payments import cancellation
from payments.models import Refund
from payments.outside import may_have_come
from payments.staff import order_export, order_page
from payments.staff.action_messages import warn_of_approval
from payments.staff.filters import MoneyFilter
from payments.staff.forms import CancelForm
from payments.staff.outside import ConfirmsOutside
from payments.staff.stay_changes import ChangesStays


@admin.register(Order)
class OrderAdmin(ConfirmsOutside, ExtendsDeadline, ChangesStays, BaseOrderAdmin):
    list_filter = [*BaseOrderAdmin.list_filter, MoneyFilter]
    actions = [
        *BaseOrderAdmin.actions,
        *("extend_deadline", "change_stay", "drop_change", "cancel_order", "confirm_outside"),
    ]
    offered = {
        **BaseOrderAdmin.offered,
        "extend_deadline": can_be_extended,
        "confirm_outside": may_have_come,
        "change_stay": lambda order: is_changeable(order) and not order.waiting_change_or_none,
        "drop_change": lambda order: order.waiting_change_or_none is not None,
        "cancel_order": lambda order: not order.is_over,
    }

    export_prefetch = (order_export.PREFETCH,)
    export_words = {**BaseOrderAdmin.export_words, "trade_no": order_export.trade_numbers}
    change_form_template = "admin/orders/order.html"
    fields = ("number",)  # the template shows the rest

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context |= order_page.context_for(context["original"], request, self.admin_site)
        return super().render_change_form(request, context, *args, **kwargs)

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
        if preview.received_fen and (page := again.unless_proven(request)):
            return page
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
        self.log_change(request, order, f"{result} {reasons.shown(given['reason'])}")
        self.message_user(request, f"{order.number}: {result}", messages.SUCCESS)
        warn_of_approval(self, request, Refund.objects.filter(payment__order=order))
        return None
