"""Filters of the admin's own pages."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django import template
from django.db.models import Model
from django.utils.formats import date_format
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import pgettext

from core.templatetags.ihome import WEEKDAYS
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
def percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


@register.filter
def why_it_waits(refund: Refund) -> str:
    """Return Alipay's refusal, if there is one, and the next step."""
    return " · ".join(filter(None, [explained(refund.refusal), next_step(refund)]))


@register.filter
def labelled(cells: Iterable[str], headers: Iterable[Mapping[str, Any]]) -> list[SafeString]:
    """Give each `<td>` of a list's row the name of its column as `data-label`."""
    found = []
    for cell, header in zip(cells, headers, strict=True):
        label = escape(capfirst(header["text"]))
        is_plain = header.get("class_attrib", "") != ' class="action-checkbox-column"'
        found.append(SafeString(cell.replace("<td", f'<td data-label="{label}"', 1) if is_plain else cell))
    return found


@register.filter
def weekday(at: date) -> str:
    """Return "Thu" or "周四"."""
    return str(WEEKDAYS[at.weekday()])


@register.filter
def column_day(at: date) -> str:
    """Format a day for a narrow column, "5 Mar" or "3/5"."""
    return date_format(at, pgettext("date format: a column of the calendar", "j M"))
