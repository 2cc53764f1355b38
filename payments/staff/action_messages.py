"""Messages to staff that admin actions on money share."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.money import yuan_text
from payments.models import Refund

CALLS_AT_ONCE = 10
"""Maximum number of calls to Alipay in one admin action."""


def are_too_many(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> bool:
    """True, with an error message for the user, if there are more rows than CALLS_AT_ONCE."""
    if queryset.count() <= CALLS_AT_ONCE:
        return False
    refusal = _("Select at most %(count)d: each is a request to Alipay.")
    model_admin.message_user(request, refusal % {"count": CALLS_AT_ONCE}, messages.ERROR)
    return True


def warn_of_approval(model_admin: admin.ModelAdmin, request: HttpRequest, refunds: QuerySet[Refund]) -> None:
    for refund in refunds.filter(status=Refund.Status.PROPOSED):
        warning = gettext("%(number)s: the ￥%(amount)s refund awaits approval by another staff member.")
        values = {"number": refund.out_request_no, "amount": yuan_text(refund.amount_fen)}
        model_admin.message_user(request, warning % values, messages.WARNING)
