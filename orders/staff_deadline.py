"""The action of the admin that extends a deadline."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.guards import signed_in_user
from core.admin import ReadOnlyAdmin
from core.fields import TypedDateTimeField
from orders import deadlines
from orders.deadlines import CannotExtend
from orders.models import Order

HOURS = (1, 2, 6, 12, 24, 48)


def _hours() -> list[tuple[str, Any]]:
    more = [(str(n), ngettext("%d more hour", "%d more hours", n) % n) for n in HOURS]
    return [("", gettext("Until the time below")), *more]


class ExtendForm(forms.Form):
    """`seen`: the deadline when the form was made."""

    seen = forms.CharField(max_length=40, widget=forms.HiddenInput)
    hours = forms.ChoiceField(label=_("Extend by"), required=False, choices=_hours)
    until = TypedDateTimeField(
        label=_("Or until"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    words = forms.CharField(
        label=_("Note to the renter"),
        max_length=120,
        required=False,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )

    def __init__(self, data: Any, *, order: Order) -> None:
        self.order = order
        super().__init__(data, initial={"hours": "2", "seen": deadlines.stamp_of(order)})

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("until") or self.errors:
            return cleaned  # a typed time counts: the page comes with hours already chosen
        if hours := cleaned.get("hours"):
            cleaned["until"] = max(self._deadline(), timezone.now()) + timedelta(hours=int(hours))
        else:
            self.add_error("until", _("Choose hours, or type a date and time."))
        return cleaned

    def _deadline(self) -> datetime:
        return deadlines.deadline_of(self.order) or timezone.now()

    def renew(self, order: Order) -> None:
        """Take the deadline of now, and keep what was typed."""
        self.data = {**dict(self.data.items()), "seen": deadlines.stamp_of(order)}


class ExtendsDeadline(ReadOnlyAdmin):
    """Mixin for the admin of orders."""

    @admin.action(description=_("Extend the deadline…"), permissions=["act"])
    def extend_deadline(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        order = self.only_one(request, queryset)
        if order is None:
            return None
        if not deadlines.can_be_extended(order):
            refusal = gettext("%(number)s: its deadline can't be extended.") % {"number": order.number}
            self.message_user(request, refusal, messages.ERROR)
            return None
        form = ExtendForm(request.POST if "until" in request.POST else None, order=order)
        if not form.is_valid() or not self._extend(request, order, form):
            return self.ask_first(
                request,
                "admin/orders/extend.html",
                action="extend_deadline",
                title=gettext("Extend the deadline"),
                rows=[order],
                form=form,
                order=order,
                deadline=deadlines.deadline_of(order),
                latest=deadlines.latest(order),
            )
        return None

    def _extend(self, request: HttpRequest, order: Order, form: ExtendForm) -> bool:
        """Return False, with an error in the form, if it is refused."""
        given = form.cleaned_data
        staff = signed_in_user(request)
        try:
            deadlines.extend(order, given["until"], seen=given["seen"], by=staff, reason=given["words"])
        except CannotExtend as refusal:
            order.refresh_from_db()
            form.renew(order)
            form.add_error(None, str(refusal))
            return False
        result = gettext("Deadline extended: %(time)s.") % {"time": deadlines.shown(given["until"])}
        self.log_change(request, order, f"{result} {given['words']}".strip())
        self.message_user(request, f"{order.number}: {result}", messages.SUCCESS)
        return True
