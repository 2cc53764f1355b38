"""Admin list filters for the rows in the work queue."""

from collections.abc import Callable

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from payments.staff import work_queue


class WorkQueueFilter(admin.SimpleListFilter):
    title = _("work queue")
    parameter_name = "for_staff"
    waiting: Callable[[], Q]

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("1", gettext("needs attention"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(type(self).waiting()) if self.value() else queryset


class PaymentsToCheck(WorkQueueFilter):
    waiting = work_queue.payments


class RefundsToCheck(WorkQueueFilter):
    waiting = work_queue.refunds


class MessagesToCheck(WorkQueueFilter):
    waiting = work_queue.messages
