"""Admin of the message log."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.factors.actions import moves_money
from core.admin_pages import ByKey
from core.numbers import read_number
from core.refusal import Refusal
from orders.staff_search import OrderSearch
from payments import callbacks
from payments.models import GatewayMessage
from payments.staff.action_messages import are_too_many
from payments.staff.details import DetailInWords
from payments.staff.filters import MessagesToCheck
from payments.staff.masking import masked
from payments.staff.resolution import ResolvableAdmin


@admin.register(GatewayMessage)
class GatewayMessageAdmin(DetailInWords, ByKey, OrderSearch, ResolvableAdmin):
    list_display = ["id", "received_at", "channel", "verdict", "detail_in_words", "payment", "signature_ok"]
    list_filter = [MessagesToCheck, "channel", "verdict", "received_at"]
    search_fields = ["payment__out_trade_no"]
    order_path = "payment__order"
    list_prefetch = ("payment",)
    number_lookups = {
        "mobile": "payment__order__renter__mobile",
        "order": "payment__order__number",
        "attempt": "payment__out_trade_no",
        "trade": "payment__trade_no",
        "refund": "payment__refunds__out_request_no",
    }
    fields = [
        "received_at",
        "channel",
        "signature_ok",
        "verdict",
        "detail_in_words",
        "payment",
        "content",
        "done_at",
        "done_by",
        "outcome",
    ]
    readonly_fields = ["content", "detail_in_words"]
    actions = ["replay", "look_again", "dealt_with"]
    offered: ClassVar[dict[str, Any]] = {
        "replay": callbacks.can_be_replayed,
        "look_again": lambda message: message.verdict == GatewayMessage.Verdict.REFUND_NOTICE,
        "dealt_with": lambda message: message.done_at is None,
    }

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        """Find messages of unknown orders, too, by the number in their details."""
        found, _may_repeat = super().get_search_results(request, queryset, search_term)
        number = read_number(search_term)
        if number is None or found.exists():
            return found, False
        return queryset.filter(payment=None, detail__contains=number.printed), False

    @admin.action(description=_("Judge again"), permissions=["act"])
    @moves_money
    def replay(self, request: HttpRequest, queryset: QuerySet[GatewayMessage]) -> None:
        if are_too_many(self, request, queryset):
            return
        for message in queryset.select_related("payment"):
            told = {"number": message.pk}
            if not callbacks.can_be_replayed(message):
                refusal = gettext("Message %(number)d: judging it again can't change anything.")
                self.message_user(request, refusal % told, messages.ERROR)
                continue
            try:
                callbacks.replay(message)
            except Refusal as refusal:
                self.message_user(request, str(refusal), messages.ERROR)
                continue
            result = gettext("Message %(number)d, judged again: %(verdict)s.")
            result %= {**told, "verdict": message.get_verdict_display()}
            self.log_change(request, message, result)
            self.message_user(request, result, messages.INFO)

    @admin.action(description=_("Reprocess refund notices"), permissions=["act"])
    @moves_money
    def look_again(self, request: HttpRequest, queryset: QuerySet[GatewayMessage]) -> None:
        notices = queryset.filter(verdict=GatewayMessage.Verdict.REFUND_NOTICE).select_related("payment")
        if are_too_many(self, request, notices):
            return
        recorded = 0
        for message in notices:
            is_recorded = callbacks.retry_refund_notice(message)
            recorded += is_recorded
            outcome = _("Reprocessed: refund recorded.") if is_recorded else _("Reprocessed: not recorded.")
            self.log_change(request, message, str(outcome))
        result = ngettext("%d refund recorded.", "%d refunds recorded.", recorded)
        self.message_user(request, result % recorded)

    @admin.display(description=_("content"))
    def content(self, message: GatewayMessage) -> str:
        return masked(bytes(message.raw))
