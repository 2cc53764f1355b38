"""Filters for the stage of a stay."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from orders.models import Order
from orders.stages import Stage, staff_label, stage_of

register = template.Library()


@register.filter
def stage(order: Order) -> Stage:
    return stage_of(order.status, order.check_in, order.check_out)


@register.filter
def staff_stage(order: Order) -> str:
    return staff_label(order)


@register.filter
def staff_pill(order: Order) -> SafeString:
    """Draw the stage as the admin shows it."""
    return format_html('<span class="status status-{}">{}</span>', stage(order).value, staff_label(order))
