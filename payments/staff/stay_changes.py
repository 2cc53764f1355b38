"""Actions of the admin that change dates and guests of an order, and drop a change that waits."""

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.factors import again
from accounts.guards import signed_in_user
from core.admin import ReadOnlyAdmin
from core.fields import PlainLineField
from core.money import yuan_text
from core.refusal import Refusal, no_longer_possible
from orders import changes
from orders.models import Order
from payments import stay_changes
from payments.change_form import ChangeForm
from payments.models import Refund
from payments.staff.action_messages import warn_of_approval
from payments.stay_changes import Preview

MAX_REASON = 120
"""With both stays before it, it fits into OrderEvent.reason."""


class StaffChangeForm(ChangeForm):
    """`agreed`: the preview that the page showed."""

    reason = PlainLineField(
        label=_("Reason (shown to the renter)"),
        max_length=MAX_REASON,
        required=False,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


class ChangesStays(ReadOnlyAdmin):
    """Mixin for the admin of orders."""

    @admin.action(description=_("Change stay…"), permissions=["act"])
    def change_stay(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        order = self.only_one(request, queryset.select_related("renter", "house"))
        if order is None:
            return None
        if not changes.is_changeable(order):
            refusal = no_longer_possible(order.number, order.get_status_display())
            self.message_user(request, refusal, messages.ERROR)
            return None
        form = StaffChangeForm(request.POST if "check_in" in request.POST else None, order=order)
        if form.is_valid() and form.preview and request.POST.get("agreed") == form.preview.agreed:
            if form.preview.refund_fen and (page := again.unless_proven(request)):
                return page
            if self._change(request, form):
                return None
        return self._ask(request, form)

    def _change(self, request: HttpRequest, form: StaffChangeForm) -> bool:
        """Change the stay. False, with the reason in the form, if that is not possible."""
        order, before, by = form.order, changes.stay_of(form.order), signed_in_user(request)
        try:
            self._check_right(request, form)
            done = stay_changes.change(
                order,
                form.new_stay,
                by=by,
                agreed=request.POST["agreed"],
                reason=form.cleaned_data["reason"],
                guest_names=form.new_names,
            )
        except Refusal as refusal:
            order.refresh_from_db()
            form.preview = None
            form.add_error("check_in", str(refusal))
            return False
        what = changes.told_in(get_language() or "zh-hans", before, form.new_stay)
        old, new = yuan_text(done.old_fen), yuan_text(done.new_fen)
        entry = " · ".join(filter(None, [what, f"￥{old} → ￥{new}", form.cleaned_data["reason"]]))
        self.log_change(request, order, entry)
        self._say_done(request, order, done, what)
        warn_of_approval(self, request, Refund.objects.filter(payment__order=order))
        return True

    def _say_done(self, request: HttpRequest, order: Order, done: Preview, what: str) -> None:
        told = gettext("%(number)s: stay changed.") % {"number": order.number}
        if done.difference_fen:
            told = gettext(
                "%(number)s: agreed. The stay changes once the difference of ￥%(amount)s is paid."
            ) % {"number": order.number, "amount": yuan_text(done.difference_fen)}
        self.message_user(request, f"{told} {what}", messages.SUCCESS)

    @admin.action(description=_("Drop the change that waits"), permissions=["act"])
    def drop_change(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        def drop(order: Order) -> None:
            stay_changes.drop(order, by=signed_in_user(request))

        self.act_on_each(
            request,
            queryset,
            drop,
            say_done=lambda count: ngettext("%d change dropped.", "%d changes dropped.", count),
            log_entry=gettext("The change that waited for its difference was dropped."),
        )

    def _check_right(self, request: HttpRequest, form: StaffChangeForm) -> None:
        if form.preview and form.preview.refund_fen and not request.user.has_perm("payments.change_payment"):
            refusal = gettext("%(number)s: this gives money back, and your role does not include refunds.")
            raise Refusal(refusal % {"number": form.order.number})

    def _ask(self, request: HttpRequest, form: StaffChangeForm) -> HttpResponse:
        return self.ask_first(
            request,
            "admin/orders/change_stay.html",
            action="change_stay",
            title=gettext("Change stay"),
            rows=[form.order],
            form=form,
            order=form.order,
            preview=form.preview if form.is_bound and not form.errors else None,
        )
