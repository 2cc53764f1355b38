"""Admin of orders, events and reviews. payments/staff/order_admin.py registers Order, with its payments."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.guards import signed_in_user
from core.admin import ReadOnlyAdmin
from core.admin_amounts import in_yuan
from core.admin_pages import ByKey
from core.exports import Exported
from core.refusal import Refusal, no_longer_possible
from core.templatetags.ihome import stay_date, yuan
from core.transactions import durable_transaction
from orders import deadlines, mailing, reasons, stays, transitions
from orders.invoice_admin import InvoiceRequestAdmin
from orders.models import InvoiceRequest, Order, OrderEvent, Review
from orders.money_state import BY_REFUND, BY_TRADE
from orders.note_admin import OrderNotes
from orders.reasons import GivesReason
from orders.review_admin import ReviewAdmin
from orders.staff_booking import StaffBooking
from orders.staff_filters import STAYS_OF_STAGE, AreaFilter, StageFilter, StayFilter
from orders.staff_search import NUMBER_LOOKUPS_BY_ORDER, OrderSearch
from orders.stages import staff_label
from orders.templatetags.stages import staff_pill
from orders.transitions import IllegalTransition


class RejectForm(GivesReason):
    usual_reasons = reasons.DECLINED


class BaseOrderAdmin(StaffBooking, OrderNotes, Exported, OrderSearch, ReadOnlyAdmin):
    list_display = ["number", "state", "who", "house_title", "stay", "amount", "deadline"]
    list_filter: ClassVar[list[Any]] = [StayFilter, StageFilter, "status", AreaFilter]
    list_prefetch = ("renter", "waiting_change")
    search_fields = ["number"]  # any, so that there is a search box
    number_lookups = {
        "mobile": "renter__mobile",
        "order": "number",
        "trade": BY_TRADE,
        "refund": BY_REFUND,
    }
    export_columns = [
        *("number", "status", "renter.name", "renter.mobile", "house_title", "check_in", "check_out"),
        *("nights", "guests", "price_per_night_fen", "amount_fen", "refund_policy", "trade_no"),
        *("paid_outside", "created_at", "accept_by", "pay_by", "closing_reason"),
    ]
    export_words: ClassVar[dict[str, Callable[[Order], str]]] = {"status": staff_label}
    change_list_template = "admin/orders/list.html"
    view_on_site = False  # that page is for the renter only
    actions = ["accept_bookings", "reject_bookings"]
    offered: ClassVar[dict[str, Any]] = {
        "accept_bookings": lambda order: order.status == Order.Status.WAIT_ACCEPT,
        "reject_bookings": lambda order: order.status == Order.Status.WAIT_ACCEPT,
    }

    def get_ordering(self, request: HttpRequest) -> Any:
        """Sort by arrival or departure where days, or a stage that depends on them, are chosen."""
        chosen = request.GET.get("stay") or STAYS_OF_STAGE.get(request.GET.get("stage", ""), "")
        return stays.ORDER_BY.get(chosen) or super().get_ordering(request)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == AreaFilter.parameter_name or super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("stage"))
    def state(self, order: Order) -> str:
        return staff_pill(order)

    @admin.display(description=_("renter"))
    def who(self, order: Order) -> str:
        return order.renter.get_full_name()

    @admin.display(description=_("stay"))
    def stay(self, order: Order) -> str:
        nights = ngettext("%d night", "%d nights", order.nights) % order.nights
        days = f"{stay_date(order.check_in)} – {stay_date(order.check_out)}"
        return format_html('<span class="days">{}</span> · {}', days, nights)

    @admin.display(description=_("amount"))
    def amount(self, order: Order) -> str:
        return yuan(order.amount_fen)

    @admin.display(description=_("deadline"))
    def deadline(self, order: Order) -> str:
        """Until when staff answer, or the renter pays."""
        at = deadlines.deadline_of(order)
        return deadlines.shown(at) if at else ""

    @admin.action(description=_("Accept"), permissions=["act"])
    def accept_bookings(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        staff, seen = signed_in_user(request), request.POST.get("seen_stay", "")

        def accept(order: Order) -> None:
            order = Order.objects.select_for_update().get(pk=order.pk)
            if seen not in ("", order.stay_stamp):  # only a button for one order sends it
                refusal = gettext("%(number)s: the renter has just changed the stay. Please look again.")
                raise Refusal(refusal % {"number": order.number})
            transitions.accept(order, by=staff)

        self._act_on_each(request, queryset, accept, gettext("Accepted."))

    @admin.action(description=_("Decline…"), permissions=["act"])
    def reject_bookings(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        form = RejectForm(request.POST if "reason" in request.POST else None)
        if form.is_valid():
            staff, reason = signed_in_user(request), form.cleaned_data["reason"]
            self._act_on_each(
                request,
                queryset,
                lambda order: transitions.reject(order, by=staff, reason=reason),
                gettext("Declined: %(reason)s") % {"reason": reasons.shown(reason)},
                typed=reasons.shown(reason),
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
        self,
        request: HttpRequest,
        queryset: QuerySet[Order],
        step: Callable[[Order], None],
        log_entry: str,
        typed: str = "",
    ) -> None:
        def take_step(order: Order) -> None:
            try:
                durable_transaction(step)(order)
            except IllegalTransition as error:
                order.refresh_from_db()
                raise Refusal(no_longer_possible(order.number, staff_label(order))) from error

        self.act_on_each(
            request,
            queryset,
            take_step,
            say_done=lambda count: ngettext("%d order updated.", "%d orders updated.", count),
            log_entry=log_entry,
            typed=typed,
        )


@admin.register(OrderEvent)
class OrderEventAdmin(ByKey, OrderSearch, ReadOnlyAdmin):
    list_display = [
        "created_at",
        "order",
        "kind",
        "from_status",
        "to_status",
        "actor",
        "amount",
        "reason",
    ]
    fields = ["order", "kind", "from_status", "to_status", "actor", "reason", "amount", "created_at"]
    readonly_fields = ["amount"]
    amount = in_yuan("amount_fen", _("amount"))
    list_filter = ["kind", "created_at"]
    search_fields = ["order__number"]
    order_path = "order"
    list_prefetch = ("order", "actor")
    number_lookups = NUMBER_LOOKUPS_BY_ORDER
    actions = ["resend_mail"]
    offered: ClassVar[dict[str, Any]] = {
        "resend_mail": lambda event: event.mail_due_at is None and (event.mailed_at or event.mail_failed_at)
    }

    def has_act_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.change_order")

    @admin.action(description=_("Resend mail"), permissions=["act"])
    def resend_mail(self, request: HttpRequest, queryset: QuerySet[OrderEvent]) -> None:
        def resend(event: OrderEvent) -> None:
            mailing.resend(event)
            self.log_change(request, event.order, gettext("Mail resent: %(event)s") % {"event": event})

        self.act_on_each(
            request,
            queryset.select_related("order__renter"),
            resend,
            say_done=lambda count: ngettext(
                "%d mail goes out again within a minute.", "%d mails go out again within a minute.", count
            ),
            log_entry=gettext("Mail resent."),
        )


admin.site.register(InvoiceRequest, InvoiceRequestAdmin)
admin.site.register(Review, ReviewAdmin)
