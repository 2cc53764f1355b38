"""Admin of orders, events and reviews. payments/staff/order_admin.py registers Order, with its payments."""

from collections.abc import Callable

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.guards import signed_in_user
from accounts.search import NumberSearch
from core.admin import ReadOnlyAdmin, ReadOnlyInline
from core.money import yuan_text
from core.refusal import Refusal
from core.transactions import durable_transaction
from orders import transitions
from orders.models import Order, OrderEvent, Review
from orders.money_state import BY_REFUND, BY_TRADE
from orders.transitions import IllegalTransition

NUMBER_LOOKUPS_BY_ORDER = {
    "mobile": "order__renter__mobile",
    "order": "order__number",
    "trade": f"order__{BY_TRADE}",
    "refund": f"order__{BY_REFUND}",
}


class OrderEventInline(ReadOnlyInline):
    model = OrderEvent
    fields = ["created_at", "kind", "from_status", "to_status", "actor", "reason", "amount_fen"]
    show_change_link = False


class RejectForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason (shown to the renter)"),
        max_length=200,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


class BaseOrderAdmin(NumberSearch, ReadOnlyAdmin):
    list_display = [
        "number",
        "state",
        "house_title",
        "renter",
        "check_in",
        "nights",
        "amount",
        "accept_by",
        "created_at",
    ]
    list_filter = ["status", "created_at", "check_in", "house__area"]
    list_select_related = ["renter"]
    search_fields = ["number", "trade_no", "house_title", "renter__mobile", "renter__name"]
    number_lookups = {
        "mobile": "renter__mobile",
        "order": "number",
        "trade": BY_TRADE,
        "refund": BY_REFUND,
    }
    date_hierarchy = "created_at"
    show_full_result_count = False
    view_on_site = False  # that page is for the renter only
    actions = ["accept_bookings", "reject_bookings"]
    inlines = [OrderEventInline]

    @admin.display(description=_("status"), ordering="status")
    def state(self, order: Order) -> str:
        return format_html(
            '<span class="status status-{}">{}</span>', order.status, order.get_status_display()
        )

    @admin.display(description=_("amount (yuan)"), ordering="amount_fen")
    def amount(self, order: Order) -> str:
        return yuan_text(order.amount_fen)

    @admin.action(description=_("Accept"), permissions=["act"])
    def accept_bookings(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        staff = signed_in_user(request)
        self._act_on_each(
            request, queryset, lambda order: transitions.accept(order, by=staff), gettext("Accepted.")
        )

    @admin.action(description=_("Decline…"), permissions=["act"])
    def reject_bookings(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        form = RejectForm(request.POST if "reason" in request.POST else None)
        if form.is_valid():
            staff, reason = signed_in_user(request), form.cleaned_data["reason"]
            self._act_on_each(
                request,
                queryset,
                lambda order: transitions.reject(order, by=staff, reason=reason),
                gettext("Declined: %(reason)s") % {"reason": reason},
            )
            return None
        return self.ask_first(
            request,
            "admin/orders/reject.html",
            action="reject_bookings",
            title=gettext("Decline bookings"),
            rows=queryset,
            form=form,
        )

    def _act_on_each(
        self, request: HttpRequest, queryset: QuerySet[Order], step: Callable[[Order], None], log_entry: str
    ) -> None:
        def take_step(order: Order) -> None:
            try:
                durable_transaction(step)(order)
            except IllegalTransition as error:
                order.refresh_from_db()
                message = gettext("%(number)s: no longer possible, the status is now “%(status)s”.")
                values = {"number": order.number, "status": order.get_status_display()}
                raise Refusal(message % values) from error

        self.act_on_each(
            request,
            queryset,
            take_step,
            say_done=lambda count: ngettext("%d order updated.", "%d orders updated.", count),
            log_entry=log_entry,
        )


@admin.register(OrderEvent)
class OrderEventAdmin(NumberSearch, ReadOnlyAdmin):
    list_display = [
        "created_at",
        "order",
        "kind",
        "from_status",
        "to_status",
        "actor",
        "amount_fen",
        "reason",
    ]
    list_filter = ["kind", "created_at"]
    list_select_related = ["order", "actor"]
    search_fields = ["order__number"]
    number_lookups = NUMBER_LOOKUPS_BY_ORDER
    show_full_result_count = False


@admin.register(Review)
class ReviewAdmin(NumberSearch, ReadOnlyAdmin):
    list_display = ["created_at", "house", "rating", "renter", "order"]
    list_filter = ["rating", "created_at"]
    list_select_related = ["house", "renter", "order"]
    search_fields = ["order__number", "house__title", "text"]
    number_lookups = NUMBER_LOOKUPS_BY_ORDER
