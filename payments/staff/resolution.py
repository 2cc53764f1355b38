"""Resolving rows of the work queue with a note that is kept: messages, bill lines, contradictions."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.factors.actions import moves_money
from accounts.guards import signed_in_user
from accounts.models import User
from core.admin import ReadOnlyAdmin
from core.resolvable import Resolvable


def resolve(row: Resolvable, *, by: User, how: str) -> bool:
    """Close a row. False if it is closed already."""
    return bool(_still_open(row).update(done_at=timezone.now(), done_by=by, outcome=how))


def _still_open(row: Resolvable) -> QuerySet:
    return type(row)._default_manager.filter(pk=row.pk, done_at=None)


def log_resolved(row: Resolvable, *, by: User, how: str) -> None:
    """Add the resolution to the row's history in the admin."""
    outcome = gettext("Resolved: %(how)s") % {"how": how}
    LogEntry.objects.log_actions(by.pk, [row], CHANGE, outcome, single_object=True)


class ResolutionForm(forms.Form):
    how = forms.CharField(
        label=_("Resolution"),
        max_length=200,
        help_text=_("What you found at Alipay and what you did. Kept with the record."),
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


class ResolvableAdmin(ReadOnlyAdmin):
    """Admin of rows that staff resolve with a note."""

    def close(self, row: Any, *, by: User, how: str) -> bool:
        """Close a row. False if there is nothing (left) to close."""
        return resolve(row, by=by, how=how)

    @admin.action(description=_("Mark as resolved…"), permissions=["act"])
    @moves_money
    def dealt_with(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        return self.resolve_rows(request, queryset, action="dealt_with")

    def resolve_rows(
        self,
        request: HttpRequest,
        queryset: QuerySet,
        *,
        action: str,
        title: str = "",
        template: str = "admin/payments/resolve.html",
    ) -> HttpResponse | None:
        form = ResolutionForm(request.POST if "how" in request.POST else None)
        if not form.is_valid():
            return self.ask_first(
                request,
                template,
                action=action,
                title=title or gettext("Mark as resolved"),
                rows=queryset,
                form=form,
            )
        staff, how = signed_in_user(request), form.cleaned_data["how"]
        rows = list(queryset)
        closed = [row for row in rows if self.close(row, by=staff, how=how)]
        for row in closed:
            log_resolved(row, by=staff, how=how)
        result = ngettext("%d marked as resolved.", "%d marked as resolved.", len(closed))
        self.message_user(request, result % len(closed), messages.SUCCESS if closed else messages.WARNING)
        if len(closed) < len(rows):
            self.keep_typed(request, how)
        return None
