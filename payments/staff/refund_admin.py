"""Admin of refunds: approve, send again, give up."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.factors.actions import moves_money
from accounts.guards import signed_in_user
from core.admin import ReadOnlyAdmin
from core.admin_amounts import in_yuan
from core.exports import Exported
from core.refusal import Refusal, no_longer_possible
from orders.staff_search import OrderSearch
from payments import refunding
from payments.models import Refund
from payments.staff.action_messages import are_too_many
from payments.staff.alipay_codes import RefusalInWords, explained
from payments.staff.filters import RefundsToCheck
from payments.staff.forms import AgreeForm, GiveUpForm
from payments.staff.outside import HandsOver
from payments.staff.refund_steps import NextStep


@admin.register(Refund)
class RefundAdmin(HandsOver, RefusalInWords, NextStep, Exported, OrderSearch, ReadOnlyAdmin):
    list_display = [
        "out_request_no",
        "status",
        "amount",
        "next_step",
        "refusal_in_words",
        "reason",
        "explanation",
        "asked_by",
        "approved_by",
        "created_at",
    ]
    fields = [
        "payment",
        "out_request_no",
        "amount",
        "status",
        "refusal_in_words",
        "next_step",
        "reason",
        "explanation",
        "asked_by",
        "approved_by",
        "due_at",
        "tried_at",
        "next_try_at",
        "done_at",
        "reference",
        "handed_by",
        "billed_on",
        "created_at",
    ]
    readonly_fields = ["amount", "refusal_in_words", "next_step"]
    amount = in_yuan("amount_fen", _("amount"))
    list_filter = [RefundsToCheck, "status", "reason", "created_at"]
    search_fields = ["out_request_no"]
    order_path = "payment__order"
    list_prefetch = ("asked_by", "approved_by", "payment")
    number_lookups = {
        "mobile": "payment__order__renter__mobile",
        "order": "payment__order__number",
        "attempt": "payment__out_trade_no",
        "trade": "payment__trade_no",
        "refund": "out_request_no",
    }
    export_columns = [
        *("out_request_no", "payment.order.number", "payment.trade_no", "status", "amount_fen", "reason"),
        *("explanation", "refusal", "asked_by", "approved_by", "created_at", "done_at", "billed_on"),
        *("payment.channel", "reference", "handed_by"),
    ]
    export_prefetch = ["payment__order", "handed_by"]
    actions = ["approve", "hand_over", "try_again", "give_up"]
    offered: ClassVar[dict[str, Any]] = {
        "approve": lambda refund: refund.status == Refund.Status.PROPOSED,
        "hand_over": refunding.must_be_handed_over,
        "try_again": lambda refund: refund.status == Refund.Status.REFUSED,
        "give_up": refunding.can_be_given_up,
    }

    @admin.action(description=_("Approve…"), permissions=["act"])
    @moves_money
    def approve(self, request: HttpRequest, queryset: QuerySet[Refund]) -> HttpResponse | None:
        if not AgreeForm(request.POST).is_valid():
            return self.ask_first(
                request,
                "admin/payments/approve.html",
                action="approve",
                title=gettext("Approve refunds"),
                rows=queryset.select_related("asked_by", "payment__order"),
                form=AgreeForm(),
            )
        staff = signed_in_user(request)
        self._act_on_each(
            request, queryset, lambda refund: refunding.approve(refund, by=staff), gettext("Approved.")
        )
        return None

    @admin.action(description=_("Retry refused refunds"), permissions=["act"])
    @moves_money
    def try_again(self, request: HttpRequest, queryset: QuerySet[Refund]) -> None:
        def retry(refund: Refund) -> None:
            if not refunding.retry(refund):
                refund.refresh_from_db()
                raise Refusal(no_longer_possible(refund.out_request_no, refund.get_status_display()))

        self.act_on_each(
            request,
            queryset.select_related("payment"),
            retry,
            say_done=lambda count: ngettext(
                "%d refund will be retried.", "%d refunds will be retried.", count
            ),
            log_entry=gettext("Retried."),
        )

    @admin.action(description=_("Give up…"), permissions=["act"])
    @moves_money
    def give_up(self, request: HttpRequest, queryset: QuerySet[Refund]) -> HttpResponse | None:
        if are_too_many(self, request, queryset):
            return None
        form = GiveUpForm(request.POST if "words" in request.POST else None)
        if not form.is_valid():
            return self.ask_first(
                request,
                "admin/payments/give_up.html",
                action="give_up",
                title=gettext("Give up refunds"),
                rows=queryset,
                form=form,
                refusals=[(refund, explained(refund.refusal)) for refund in queryset],
            )
        staff, explanation = signed_in_user(request), form.cleaned_data["words"]
        self._act_on_each(
            request,
            queryset,
            lambda refund: refunding.give_up(refund, by=staff, explanation=explanation),
            gettext("Given up: %(words)s") % {"words": explanation},
            typed=explanation,
        )
        return None

    def _act_on_each(
        self,
        request: HttpRequest,
        queryset: QuerySet[Refund],
        step: Callable[[Refund], None],
        log_entry: str,
        typed: str = "",
    ) -> None:
        rows = queryset.select_related("payment")
        self.act_on_each(
            request,
            rows,
            step,
            say_done=lambda count: ngettext("%d refund updated.", "%d refunds updated.", count),
            log_entry=log_entry,
            typed=typed,
        )
