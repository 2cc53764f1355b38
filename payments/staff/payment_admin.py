from collections.abc import Callable
from typing import TypeVar

from django.contrib import admin, messages
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.guards import signed_in_user
from accounts.models import User
from core.admin import ReadOnlyAdmin, ReadOnlyInline
from core.money import yuan_text
from orders.admin import BaseOrderAdmin
from orders.models import Order
from payments import asking, cancelling, incoming, refunding, settlement
from payments.bill_admin import BillLineAdmin
from payments.cancelling import CannotCancel
from payments.dealt_with import DealtWithAdmin, deal_with
from payments.forms import AgreeForm, CancelForm, GiveBackForm, GiveUpForm
from payments.journal import Channel, Verdict
from payments.models import BillLine, GatewayMessage, Payment, Refund
from payments.presentation import in_words, masked
from payments.settlement import CannotRefund
from payments.staff import work_queue

Row = TypeVar("Row", bound=Model)

ASKED_AT_A_TIME = 10


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
        """It ends an order, and it gives money back."""
        return self.has_act_permission(request) and request.user.has_perm("payments.change_payment")

    @admin.action(description=_("Cancel the order"), permissions=["cancel"])
    def cancel_order(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        order = the_only_one(self, request, queryset.select_related("renter"))
        if order is None:
            return None
        try:
            return self._cancel(request, order)
        except (CannotCancel, CannotRefund) as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return None

    def _cancel(self, request: HttpRequest, order: Order) -> HttpResponse | None:
        preview = cancelling.preview_for_staff(order)
        form = CancelForm(request.POST if "amount" in request.POST else None, preview=preview)
        if not form.is_valid():
            return self.ask_first(
                request,
                "admin/orders/cancel.html",
                action="cancel_order",
                title=gettext("Cancel the order"),
                rows=[order],
                form=form,
                order=order,
                preview=preview,
            )
        given = form.cleaned_data
        cancelling.cancel_by_staff(
            order,
            by=signed_in_user(request),
            reason=given["reason"],
            left_fen=given["left_fen"],
            comes_back_fen=given["amount"],
        )
        back = gettext("Cancelled; ￥%(amount)s comes back.") % {"amount": yuan_text(given["amount"])}
        self.log_change(request, order, f"{back} {given['reason']}")
        self.message_user(request, f"{order.number}: {back}", messages.SUCCESS)
        warn_of_second_person(self, request, Refund.objects.filter(payment__order=order))
        return None


def the_only_one(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet[Row]) -> Row | None:
    """Its amount is typed, so only one at a time; None, with words, where more were chosen."""
    rows = list(queryset[:2])
    if len(rows) == 1:
        return rows[0]
    model_admin.message_user(request, _("Choose exactly one."), messages.ERROR)
    return None


def are_too_many(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet[Row]) -> bool:
    """Whoever pressed waits for all of them; says so where it would take too long."""
    if queryset.count() <= ASKED_AT_A_TIME:
        return False
    words = _("Choose %(count)d at most: each is a call to Alipay.")
    model_admin.message_user(request, words % {"count": ASKED_AT_A_TIME}, messages.ERROR)
    return True


def warn_of_second_person(
    model_admin: admin.ModelAdmin, request: HttpRequest, refunds: QuerySet[Refund]
) -> None:
    for refund in refunds.filter(status=Refund.Status.PROPOSED):
        words = gettext("%(number)s: ￥%(amount)s waits until somebody else of staff approves it.")
        values = {"number": refund.out_request_no, "amount": yuan_text(refund.amount_fen)}
        model_admin.message_user(request, words % values, messages.WARNING)


class RefundInline(ReadOnlyInline):
    model = Refund
    fields = ["out_request_no", "status", "amount_fen", "reason", "words", "asked_by", "refusal", "done_at"]


class GatewayMessageInline(ReadOnlyInline):
    model = GatewayMessage
    fields = ["received_at", "channel", "signature_ok", "verdict", "detail"]


class ForStaffFilter(admin.SimpleListFilter):
    """What a list of staff/work_queue.py names."""

    title = _("for staff")
    parameter_name = "for_staff"
    waiting: Callable[[], Q]

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("1", gettext("needs a look"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Row]) -> QuerySet[Row]:
        return queryset.filter(type(self).waiting()) if self.value() else queryset


class PaymentsForStaff(ForStaffFilter):
    waiting = work_queue.payments


class RefundsForStaff(ForStaffFilter):
    waiting = work_queue.refunds


class MessagesForStaff(ForStaffFilter):
    waiting = work_queue.messages


@admin.register(Payment)
class PaymentAdmin(DealtWithAdmin):
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
    list_filter = [
        PaymentsForStaff,
        "status",
        "evidence",
        ("contradicted_at", admin.EmptyFieldListFilter),
        "created_at",
    ]
    search_fields = ["out_trade_no", "trade_no"]
    show_full_result_count = False
    actions = ["ask_alipay", "give_back", "dealt_with"]
    inlines = [RefundInline, GatewayMessageInline]

    @admin.display(description=_("amount (yuan)"), ordering="amount_fen")
    def amount(self, payment: Payment) -> str:
        return yuan_text(payment.amount_fen)

    @admin.display(description=_("received (yuan)"), ordering="received_fen")
    def received(self, payment: Payment) -> str:
        return yuan_text(payment.received_fen)

    @admin.action(description=_("Set a contradiction aside, saying why"), permissions=["act"])
    def dealt_with(self, request: HttpRequest, queryset: QuerySet[Payment]) -> HttpResponse | None:
        if queryset.exclude(status=Payment.Status.CLOSED, contradicted_at__isnull=False).exists():
            words = _(
                "Only of closed payments that a return contradicts. Of a paid one, cancel the order or give "
                "the money back: if it never came, Alipay refuses. An open one ends when Alipay answers."
            )
            self.message_user(request, words, messages.ERROR)
            return None
        return super().dealt_with(request, queryset)

    def close(self, row: Payment, *, by: User, how: str) -> bool:
        """With the return that said otherwise: loaded once more it is no news."""
        for message in row.messages.filter(channel=Channel.RETURN, verdict=Verdict.ASKED):
            deal_with(message, by=by, how=how)
        return settlement.set_contradiction_aside(row)

    @admin.action(description=_("Ask Alipay about the payments"), permissions=["act"])
    def ask_alipay(self, request: HttpRequest, queryset: QuerySet[Payment]) -> None:
        if are_too_many(self, request, queryset):
            return
        for payment in queryset:
            answer = asking.ask(payment)
            words = _("%(number)s: %(answer)s Here it is: %(status)s.")
            values = {"answer": in_words(answer), "number": payment.out_trade_no}
            values["status"] = payment.get_status_display()
            self.log_change(request, payment, words % values)
            self.message_user(request, words % values, messages.INFO)

    @admin.action(description=_("Give money back"), permissions=["act"])
    def give_back(self, request: HttpRequest, queryset: QuerySet[Payment]) -> HttpResponse | None:
        payment = the_only_one(self, request, queryset.select_related("order__renter"))
        if payment is None:
            return None
        if not payment.left_fen:
            words = _("%(number)s: nothing that came in is left to give back.")
            self.message_user(request, words % {"number": payment.out_trade_no}, messages.ERROR)
            return None
        form = GiveBackForm(
            request.POST if "amount" in request.POST else None,
            payment=payment,
            number=settlement.next_refund_number(payment),
        )
        if not form.is_valid():
            return self.ask_first(
                request,
                "admin/payments/give_back.html",
                action="give_back",
                title=gettext("Give money back"),
                rows=[payment],
                form=form,
                payment=payment,
            )
        given, staff = form.cleaned_data, signed_in_user(request)
        try:
            refund = settlement.refund_by_staff(
                payment, given["amount"], number=given["number"], by=staff, words=given["words"]
            )
        except CannotRefund as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return None
        made = gettext("%(number)s: ￥%(amount)s to give back.")
        made %= {"number": refund.out_request_no, "amount": yuan_text(refund.amount_fen)}
        self.log_change(request, payment, f"{made} {refund.words}")
        if refund.status == Refund.Status.DUE:
            self.message_user(request, made, messages.SUCCESS)
        warn_of_second_person(self, request, Refund.objects.filter(pk=refund.pk))
        return None


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    list_display = [
        "out_request_no",
        "status",
        "amount",
        "reason",
        "words",
        "asked_by",
        "approved_by",
        "refusal",
        "created_at",
    ]
    list_filter = [RefundsForStaff, "status", "reason", "created_at"]
    list_select_related = ["asked_by", "approved_by"]
    search_fields = ["out_request_no", "payment__out_trade_no", "payment__trade_no"]
    show_full_result_count = False
    actions = ["approve", "try_again", "give_up"]

    @admin.action(description=_("Approve the refunds"), permissions=["act"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Refund]) -> HttpResponse | None:
        if not AgreeForm(request.POST).is_valid():
            return self.ask_first(
                request,
                "admin/payments/approve.html",
                action="approve",
                title=gettext("Approve the refunds"),
                rows=queryset.select_related("asked_by", "payment__order"),
                form=AgreeForm(),
            )
        staff, words = signed_in_user(request), gettext("Approved.")
        self._act_on(request, queryset, lambda refund: settlement.approve_refund(refund, by=staff), words)
        return None

    @admin.action(description=_("Send the refused refunds again"), permissions=["act"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Refund]) -> None:
        sent = [refund for refund in queryset if settlement.try_refund_again(refund)]
        for refund in sent:
            self.log_change(request, refund, gettext("Sent again."))
        words = ngettext("%d refund is sent again.", "%d refunds are sent again.", len(sent))
        self.message_user(request, words % len(sent))

    @admin.action(description=_("Give the refunds up, with a reason"), permissions=["act"])
    def give_up(self, request: HttpRequest, queryset: QuerySet[Refund]) -> HttpResponse | None:
        if are_too_many(self, request, queryset):
            return None
        form = GiveUpForm(request.POST if "words" in request.POST else None)
        if not form.is_valid():
            return self.ask_first(
                request,
                "admin/payments/give_up.html",
                action="give_up",
                title=gettext("Give up"),
                rows=queryset,
                form=form,
            )
        staff, words = signed_in_user(request), form.cleaned_data["words"]
        self._act_on(
            request,
            queryset,
            lambda refund: refunding.give_up(refund, by=staff, words=words),
            gettext("Given up: %(words)s") % {"words": words},
        )
        return None

    def _act_on(
        self, request: HttpRequest, queryset: QuerySet[Refund], step: Callable[[Refund], None], log_entry: str
    ) -> None:
        """Take one step with each refund; say how many took it and why others could not."""
        done = 0
        for refund in queryset.select_related("payment"):
            try:
                step(refund)
            except CannotRefund as refusal:
                self.message_user(request, str(refusal), messages.ERROR)
            else:
                self.log_change(request, refund, log_entry)
                done += 1
        if done:
            words = ngettext("%d refund changed.", "%d refunds changed.", done)
            self.message_user(request, words % done, messages.SUCCESS)

    @admin.display(description=_("amount (yuan)"), ordering="amount_fen")
    def amount(self, refund: Refund) -> str:
        return yuan_text(refund.amount_fen)


@admin.register(GatewayMessage)
class GatewayMessageAdmin(DealtWithAdmin):
    list_display = ["id", "received_at", "channel", "verdict", "detail", "payment", "signature_ok"]
    list_filter = [MessagesForStaff, "channel", "verdict", "received_at"]
    list_select_related = ["payment"]
    search_fields = ["payment__out_trade_no"]
    fields = [
        "received_at",
        "channel",
        "signature_ok",
        "verdict",
        "detail",
        "payment",
        "content",
        "done_at",
        "done_by",
        "outcome",
    ]
    readonly_fields = ["content"]
    show_full_result_count = False
    actions = ["look_again", "dealt_with"]

    @admin.action(description=_("Take up the refund notices again"), permissions=["act"])
    def look_again(self, request: HttpRequest, queryset: QuerySet[GatewayMessage]) -> None:
        notices = queryset.filter(verdict=GatewayMessage.Verdict.REFUND_NOTICE).select_related("payment")
        if are_too_many(self, request, notices):
            return
        booked = sum(incoming.look_again(message) for message in notices)
        words = ngettext("%d refund is in the books now.", "%d refunds are in the books now.", booked)
        self.message_user(request, words % booked)

    @admin.display(description=_("content"))
    def content(self, message: GatewayMessage) -> str:
        return masked(bytes(message.raw))


admin.site.register(BillLine, BillLineAdmin)
