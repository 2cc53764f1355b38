"""What several admin actions on money share."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.money import yuan_text
from payments.models import Refund

CALLS_AT_ONCE = 10
"""How many calls to Alipay one press of a button may make."""


def are_too_many(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> bool:
    """Whoever pressed waits for all of them; says so where it would take too long."""
    if queryset.count() <= CALLS_AT_ONCE:
        return False
    words = _("Choose %(count)d at most: each is a call to Alipay.")
    model_admin.message_user(request, words % {"count": CALLS_AT_ONCE}, messages.ERROR)
    return True


def warn_of_approval(model_admin: admin.ModelAdmin, request: HttpRequest, refunds: QuerySet[Refund]) -> None:
    for refund in refunds.filter(status=Refund.Status.PROPOSED):
        words = gettext("%(number)s: ￥%(amount)s waits until somebody else of staff approves it.")
        values = {"number": refund.out_request_no, "amount": yuan_text(refund.amount_fen)}
        model_admin.message_user(request, words % values, messages.WARNING)
