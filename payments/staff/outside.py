"""Actions of the admin on money outside Alipay: it came, and it was given back."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.factors.actions import moves_money
from accounts.guards import signed_in_user
from core.admin import ReadOnlyAdmin
from core.fields import PlainLineField, YuanField
from core.money import MAX_FEN, yuan_text
from core.refusal import no_longer_possible
from orders.models import Order
from orders.stages import staff_label
from payments import outside, refunding
from payments.books import attempts
from payments.books.attempts import Outcome
from payments.books.refunds import CannotRefund
from payments.models import Refund
from payments.outside import CannotConfirm, Money


def _reference_field(label: Any, help_text: Any) -> PlainLineField:
    widget = forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"})
    return PlainLineField(label=label, max_length=64, help_text=help_text, widget=widget)


class OutsideForm(forms.Form):
    """`status` and `number`: the order's status and its next payment when the form was made."""

    status = forms.CharField(max_length=12, widget=forms.HiddenInput)
    number = forms.CharField(max_length=32, widget=forms.HiddenInput)
    channel = forms.ChoiceField(label=_("Paid with"), choices=Order.Outside.choices)
    reference = _reference_field(
        _("Reference"), _("Number of the receipt, or of the transfer at the bank. Kept with the payment.")
    )

    def __init__(self, data: Any, *, order: Order) -> None:
        self.order = order
        super().__init__(data, initial=self._as_it_is())
        change = order.waiting_change_or_none
        asked_fen = change.difference_fen if change else order.amount_fen
        amount = YuanField(label=_("Amount received (yuan)"), at_most_fen=MAX_FEN, initial=asked_fen)
        self.fields = {**self.fields, "amount": amount}
        self.order_fields(["status", "number", "channel", "amount", "reference"])

    def _as_it_is(self) -> dict[str, str]:
        return {"status": self.order.status, "number": attempts.next_number(self.order)}

    def renew(self) -> None:
        """Take status and number of now, and keep what was typed."""
        self.data = {**dict(self.data.items()), **self._as_it_is()}


class HandOverForm(forms.Form):
    reference = _reference_field(
        _("Reference"), _("Number of the receipt that the renter signed, or of the transfer at the bank.")
    )


class ConfirmsOutside(ReadOnlyAdmin):
    """Mixin for the admin of orders."""

    def has_money_permission(self, request: HttpRequest) -> bool:
        """Allow actions with permission "money" to those who may refund."""
        return request.user.has_perm("payments.change_payment")

    @admin.action(description=_("Confirm cash or a transfer…"), permissions=["money"])
    @moves_money
    def confirm_outside(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        order = self.only_one(request, queryset.select_related("renter"))
        if order is None:
            return None
        if not outside.may_have_come(order):
            refusal = no_longer_possible(order.number, staff_label(order))
            self.message_user(request, refusal, messages.ERROR)
            return None
        form = OutsideForm(request.POST if "amount" in request.POST else None, order=order)
        if form.is_valid() and self._confirm(request, order, form):
            return None
        return self.ask_first(
            request,
            "admin/payments/confirm_outside.html",
            action="confirm_outside",
            title=gettext("Confirm the payment"),
            rows=[order],
            form=form,
            order=order,
        )

    def _confirm(self, request: HttpRequest, order: Order, form: OutsideForm) -> bool:
        """Return False, with an error in the form, if it is refused."""
        given = form.cleaned_data
        money = Money(given["channel"], given["amount"], given["reference"])
        seen = {name: given[name] for name in ("status", "number")}
        try:
            outcome = outside.confirm(order, money, by=signed_in_user(request), **seen)
        except CannotConfirm as refusal:
            order.refresh_from_db()
            form.renew()
            form.add_error(None, str(refusal))
            return False
        result = gettext("%(number)s: ￥%(amount)s received outside Alipay (%(channel)s, %(reference)s).") % {
            "number": given["number"],
            "amount": yuan_text(money.amount_fen),
            "channel": Order.Outside(money.channel).label,
            "reference": money.reference,
        }
        self.log_change(request, order, result)
        self.message_user(request, result, messages.SUCCESS)
        if outcome is Outcome.SURPLUS:
            warning = gettext("The order did not need it: give it back, and confirm that at its refund.")
            self.message_user(request, warning, messages.WARNING)
        return True


class HandsOver(ReadOnlyAdmin):
    """Mixin for the admin of refunds."""

    @admin.action(description=_("Confirm that it was given back…"), permissions=["act"])
    @moves_money
    def hand_over(self, request: HttpRequest, queryset: QuerySet[Refund]) -> HttpResponse | None:
        refund = self.only_one(request, queryset.select_related("payment__order__renter"))
        if refund is None:
            return None
        form = HandOverForm(request.POST if "reference" in request.POST else None)
        if refunding.must_be_handed_over(refund) and not form.is_valid():
            return self.ask_first(
                request,
                "admin/payments/hand_over.html",
                action="hand_over",
                title=gettext("Confirm that it was given back"),
                rows=[refund],
                form=form,
                refund=refund,
            )
        self._hand_over(request, refund, form.cleaned_data["reference"] if form.is_valid() else "")
        return None

    def _hand_over(self, request: HttpRequest, refund: Refund, reference: str) -> None:
        try:
            refunding.hand_over(refund, by=signed_in_user(request), reference=reference)
        except CannotRefund as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return
        result = gettext("%(number)s: ￥%(amount)s given back outside Alipay (%(reference)s).") % {
            "number": refund.out_request_no,
            "amount": yuan_text(refund.amount_fen),
            "reference": reference,
        }
        self.log_change(request, refund, result)
        self.message_user(request, result, messages.SUCCESS)
