"""Admin of nights that were sold twice: what both sold, and what to do."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from core.admin_pages import ByKey
from houses.models import DoubleSale
from payments.staff.filters import WorkQueueFilter
from payments.staff.resolution import ResolvableAdmin
from payments.staff.work_queue import double_sales

OF_AN_ORDER = _(
    "Speak with both guests, today if possible, and keep one. Either cancel our order, or move it to other "
    "days: the channel then gets the nights by itself. Or cancel the booking at the channel. This closes by "
    "itself once one of both has given the nights up."
)
OF_CHANNELS = _(
    "Two other channels sold these nights. Cancel one of the bookings there. This closes by itself once its "
    "calendar no longer has them."
)


class DoubleSalesToSettle(WorkQueueFilter):
    waiting = double_sales


@admin.register(DoubleSale)
class DoubleSaleAdmin(ByKey, ResolvableAdmin):
    list_display = ["created_at", "house", "channel", "sold_here", "days_sold", "done_at"]
    list_filter = [DoubleSalesToSettle]
    list_prefetch = ("house",)
    search_fields = ["order_number"]
    fields = [
        *("house", "days_sold", "channel", "sold_here", "what_to_do"),
        *("created_at", "done_at", "done_by", "outcome"),
    ]
    readonly_fields = ["days_sold", "sold_here", "what_to_do"]
    actions = ["settle"]
    offered: ClassVar[dict[str, Any]] = {"settle": lambda sale: sale.done_at is None}

    @admin.display(description=_("nights sold"))
    def days_sold(self, sale: DoubleSale) -> str:
        return sale.days

    @admin.display(description=_("also sold by"))
    def sold_here(self, sale: DoubleSale) -> str:
        if not sale.order_number:
            return sale.other_channel
        orders = reverse("admin:orders_order_changelist")
        return format_html('<a href="{}?q={}">{}</a>', orders, sale.order_number, sale.order_number)

    @admin.display(description=_("what to do"))
    def what_to_do(self, sale: DoubleSale) -> str:
        return str(OF_AN_ORDER if sale.order_number else OF_CHANNELS)

    @admin.action(description=_("Mark as resolved…"), permissions=["act"])
    def settle(self, request: HttpRequest, queryset: QuerySet[DoubleSale]) -> HttpResponse | None:
        return self.resolve_rows(request, queryset, action="settle")
