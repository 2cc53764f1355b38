from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from core.admin import ReadOnlyAdmin, ReadOnlyInline
from core.money import yuan_text
from orders.admin import BaseOrderAdmin
from orders.models import Order
from payments import asking, settlement
from payments.models import GatewayMessage, Payment, Refund
from payments.presentation import in_words, masked

ASKED_AT_A_TIME = 20


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
    readonly_fields = [
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


class RefundInline(ReadOnlyInline):
    model = Refund
    fields = ["out_request_no", "status", "amount_fen", "reason", "next_try_at"]
    readonly_fields = ["out_request_no", "status", "amount_fen", "reason", "next_try_at"]


class GatewayMessageInline(ReadOnlyInline):
    model = GatewayMessage
    fields = ["received_at", "channel", "signature_ok", "verdict", "detail"]
    readonly_fields = ["received_at", "channel", "signature_ok", "verdict", "detail"]


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    list_display = [
        "out_trade_no",
        "status",
        "amount",
        "received",
        "trade_no",
        "evidence",
        "contradicted_at",
        "created_at",
    ]
    list_filter = ["status", "evidence", ("contradicted_at", admin.EmptyFieldListFilter), "created_at"]
    search_fields = ["out_trade_no", "trade_no"]
    show_full_result_count = False
    actions = ["ask_alipay"]
    inlines = [RefundInline, GatewayMessageInline]

    @admin.display(description=_("amount (yuan)"), ordering="amount_fen")
    def amount(self, payment: Payment) -> str:
        return yuan_text(payment.amount_fen)

    @admin.display(description=_("received (yuan)"), ordering="received_fen")
    def received(self, payment: Payment) -> str:
        return yuan_text(payment.received_fen)

    def has_ask_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("payments.change_payment")

    @admin.action(description=_("Ask Alipay about the payments"), permissions=["ask"])
    def ask_alipay(self, request: HttpRequest, queryset: QuerySet[Payment]) -> None:
        if queryset.count() > ASKED_AT_A_TIME:
            words = _("Choose %(count)d at most: each is a call to Alipay.")
            self.message_user(request, words % {"count": ASKED_AT_A_TIME}, messages.ERROR)
            return
        for payment in queryset:
            answer = asking.ask(payment)
            words = _("%(number)s: %(answer)s Here it is: %(status)s.")
            values = {"answer": in_words(answer), "number": payment.out_trade_no}
            values["status"] = payment.get_status_display()
            self.message_user(request, words % values, messages.INFO)


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    list_display = ["out_request_no", "status", "amount", "reason", "refusal", "next_try_at", "created_at"]
    list_filter = ["status", "created_at"]
    search_fields = ["out_request_no", "payment__trade_no"]
    show_full_result_count = False
    actions = ["try_again"]

    def has_try_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("payments.change_refund")

    @admin.action(description=_("Send the refused refunds again"), permissions=["try"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Refund]) -> None:
        count = sum(settlement.try_refund_again(refund) for refund in queryset)
        self.message_user(
            request, ngettext("%d refund is sent again.", "%d refunds are sent again.", count) % count
        )

    @admin.display(description=_("amount (yuan)"), ordering="amount_fen")
    def amount(self, refund: Refund) -> str:
        return yuan_text(refund.amount_fen)


class NeedsStaffFilter(admin.SimpleListFilter):
    title = _("for staff")
    parameter_name = "for_staff"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("1", gettext("needs a look"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[GatewayMessage]) -> QuerySet[GatewayMessage]:
        """What settled nothing. A return that was not believed counts until its attempt is settled."""
        waiting = [Payment.Status.OPEN, Payment.Status.CLOSED]
        unbelieved = Q(verdict=GatewayMessage.Verdict.ASKED, payment__status__in=waiting)
        needs_staff = Q(verdict__in=GatewayMessage.NEEDS_STAFF) | unbelieved
        return queryset.filter(needs_staff) if self.value() else queryset


@admin.register(GatewayMessage)
class GatewayMessageAdmin(ReadOnlyAdmin):
    list_display = ["id", "received_at", "channel", "verdict", "detail", "payment", "signature_ok"]
    list_filter = [NeedsStaffFilter, "channel", "verdict", "received_at"]
    list_select_related = ["payment"]
    search_fields = ["payment__out_trade_no"]
    fields = ["received_at", "channel", "signature_ok", "verdict", "detail", "payment", "content"]
    readonly_fields = ["content"]
    show_full_result_count = False

    @admin.display(description=_("content"))
    def content(self, message: GatewayMessage) -> str:
        return masked(bytes(message.raw))
