"""Admin of payments: query Alipay, refund, dismiss a contradiction."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.factors.actions import moves_money
from accounts.guards import signed_in_user
from accounts.models import User
from core.admin import ReadOnlyInline
from core.admin_amounts import in_yuan
from core.exports import Exported
from core.money import yuan_text
from orders.staff_search import OrderSearch
from payments import cancellation, queries, refunding
from payments.books import attempts, refunds
from payments.books.message_log import Channel, Verdict
from payments.books.refunds import CannotRefund
from payments.models import GatewayMessage, Payment, Refund
from payments.staff.action_messages import are_too_many, warn_of_approval
from payments.staff.alipay_codes import RefusalInWords
from payments.staff.details import DetailInWords
from payments.staff.filters import PaymentsToCheck
from payments.staff.masking import answer_label
from payments.staff.refund_form import RefundForm
from payments.staff.refund_steps import NextStep, next_step
from payments.staff.resolution import ResolvableAdmin, log_resolved, resolve


class RefundInline(RefusalInWords, NextStep, ReadOnlyInline):
    model = Refund
    fields = [
        "out_request_no",
        "status",
        "amount",
        "reason",
        "explanation",
        "asked_by",
        "refusal_in_words",
        "next_step",
        "done_at",
    ]
    readonly_fields = ["amount", "refusal_in_words", "next_step"]
    amount = in_yuan("amount_fen", _("amount"))


class GatewayMessageInline(DetailInWords, ReadOnlyInline):
    model = GatewayMessage
    fields = ["received_at", "channel", "signature_ok", "verdict", "detail_in_words"]
    readonly_fields = ["detail_in_words"]


@admin.register(Payment)
class PaymentAdmin(Exported, OrderSearch, ResolvableAdmin):
    list_display = [
        "out_trade_no",
        "status",
        "amount",
        "received",
        "channel",
        "trade_no",
        "evidence",
        "contradicted_at",
        "created_at",
    ]
    list_filter = [
        PaymentsToCheck,
        "status",
        "channel",
        "evidence",
        ("contradicted_at", admin.EmptyFieldListFilter),
        "created_at",
    ]
    fields = [
        "order",
        "out_trade_no",
        "status",
        "amount",
        "received",
        "reserved",
        "channel",
        "reference",
        "recorded_by",
        "trade_no",
        "evidence",
        "paid_at",
        "live_for",
        "product",
        "subject",
        "expires_at",
        "contradicted_at",
        "asked_at",
        "next_try_at",
        "billed_on",
        "created_at",
    ]
    readonly_fields = ["amount", "received", "reserved"]
    search_fields = ["out_trade_no"]
    order_path = "order"
    number_lookups = {
        "mobile": "order__renter__mobile",
        "order": "order__number",
        "attempt": "out_trade_no",
        "trade": "trade_no",
        "refund": "refunds__out_request_no",
    }
    export_columns = [
        *("out_trade_no", "order.number", "status", "amount_fen", "received_fen", "refund_reserved_fen"),
        *(
            "channel",
            "reference",
            "recorded_by",
            "trade_no",
            "evidence",
            "created_at",
            "paid_at",
            "billed_on",
        ),
    ]
    export_prefetch = ["order", "recorded_by"]
    actions = ["ask_alipay", "give_back", "dealt_with"]
    offered: ClassVar[dict[str, Any]] = {
        "ask_alipay": lambda payment: not payment.is_outside,
        "give_back": lambda payment: payment.refundable_fen > 0,
        "dealt_with": lambda payment: payment.status == Payment.Status.CLOSED and payment.contradicted_at,
    }
    inlines = [RefundInline, GatewayMessageInline]

    amount = in_yuan("amount_fen", _("amount"))
    received = in_yuan("received_fen", _("received"))
    reserved = in_yuan("refund_reserved_fen", _("refunded or reserved"))

    @admin.action(description=_("Dismiss contradiction…"), permissions=["act"])
    @moves_money
    def dealt_with(self, request: HttpRequest, queryset: QuerySet[Payment]) -> HttpResponse | None:
        if queryset.exclude(status=Payment.Status.CLOSED, contradicted_at__isnull=False).exists():
            refusal = _(
                "Only for closed payments contradicted by a browser return. For a paid one, cancel the "
                "order or refund it: if the money never arrived, Alipay refuses. An open one ends when "
                "Alipay answers."
            )
            self.message_user(request, refusal, messages.ERROR)
            return None
        return super().dealt_with(request, queryset)

    def close(self, row: Payment, *, by: User, how: str) -> bool:
        """Resolve the contradicting returns, too: loading their page again must not reopen the matter."""
        for message in row.messages.filter(channel=Channel.RETURN, verdict=Verdict.ASKED):
            if resolve(message, by=by, how=how):
                log_resolved(message, by=by, how=how)
        return attempts.dismiss_contradiction(row)

    @admin.action(description=_("Query Alipay"), permissions=["act"])
    def ask_alipay(self, request: HttpRequest, queryset: QuerySet[Payment]) -> None:
        if are_too_many(self, request, queryset):
            return
        for payment in queryset.filter(channel=Payment.Channel.ALIPAY):
            answer = queries.query_trade(payment)
            values = {"answer": answer_label(answer), "number": payment.out_trade_no}
            values["status"] = payment.get_status_display()
            result = _("%(number)s: %(answer)s Status here: %(status)s.") % values
            self.log_change(request, payment, result)
            self.message_user(request, result, messages.INFO)

    @admin.action(description=_("Issue refund…"), permissions=["act"])
    @moves_money
    def give_back(self, request: HttpRequest, queryset: QuerySet[Payment]) -> HttpResponse | None:
        payment = self.only_one(request, queryset.select_related("order__renter"))
        if payment is None:
            return None
        if not payment.refundable_fen:
            refusal = _("%(number)s: nothing left to refund.")
            self.message_user(request, refusal % {"number": payment.out_trade_no}, messages.ERROR)
            return None
        form = RefundForm(
            request.POST if "amount" in request.POST else None,
            payment=payment,
            number=refunds.next_number(payment),
        )
        if not form.is_valid():
            return self._ask_for_refund(request, payment, form)
        given, staff = form.cleaned_data, signed_in_user(request)
        try:
            refund = refunding.request_refund(
                payment, given["amount"], number=given["number"], by=staff, explanation=given["explanation"]
            )
        except CannotRefund as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            payment.refresh_from_db()
            form.renew(refunds.next_number(payment))
            return self._ask_for_refund(request, payment, form)
        self._say_refunded(request, payment, refund)
        return None

    def _ask_for_refund(self, request: HttpRequest, payment: Payment, form: RefundForm) -> HttpResponse:
        return self.ask_first(
            request,
            "admin/payments/give_back.html",
            action="give_back",
            title=gettext("Issue refund"),
            rows=[payment],
            form=form,
            payment=payment,
            by_policy_fen=cancellation.share_of_payment(payment),
        )

    def _say_refunded(self, request: HttpRequest, payment: Payment, refund: Refund) -> None:
        result = gettext("%(number)s: refund of ￥%(amount)s created.")
        result %= {"number": refund.out_request_no, "amount": yuan_text(refund.amount_fen)}
        for row in (payment, refund):
            self.log_change(request, row, f"{result} {refund.explanation}")
        if refund.status == Refund.Status.DUE:
            self.message_user(request, result, messages.SUCCESS)
        if refunding.must_be_handed_over(refund):
            self.message_user(request, next_step(refund), messages.WARNING)
        warn_of_approval(self, request, Refund.objects.filter(pk=refund.pk))
