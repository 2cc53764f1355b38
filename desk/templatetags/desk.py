"""Filters of the admin's own pages."""

from django import template
from django.db.models import Model

from payments.models import Refund
from payments.staff.alipay_codes import explained
from payments.staff.refund_steps import next_step

register = template.Library()


@register.filter
def list_of(row: Model) -> str:
    """Return the name of the URL of the admin's list that has the row."""
    return f"admin:{row._meta.app_label}_{row._meta.model_name}_changelist"


@register.filter
def page_of(row: Model) -> str:
    """Return the name of the URL of the row's page in the admin."""
    return f"admin:{row._meta.app_label}_{row._meta.model_name}_change"


@register.filter
def why_it_waits(refund: Refund) -> str:
    """Return Alipay's refusal, if there is one, and the next step."""
    return " · ".join(filter(None, [explained(refund.refusal), next_step(refund)]))
