"""Page of the admin on which staff book for somebody on the phone."""

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import sms
from accounts.guards import signed_in_user
from accounts.mobile import MobileField
from accounts.models import User, is_mobile_number
from accounts.names import is_plain_name
from core.admin_notes import write
from core.fields import PlainLineField, PlainTextField
from core.links import absolute_url
from core.refusal import Refusal
from core.staff_notes import MAX_NOTE_LENGTH
from houses import availability
from houses.availability import NightsTaken
from houses.forms import StayForm
from houses.models import MAX_NIGHTS, House
from orders import booking
from orders.models import Order, OrderNote
from orders.transitions import IllegalTransition

ANY_HOUSE = House(price_fen=1, capacity=99, min_nights=1, max_nights=MAX_NIGHTS)
"""Stands for the home until one is chosen."""


class PhoneBookingForm(StayForm):
    """A stay, with the home and the renter. `agreed_…`: price and refund policy that the page showed."""

    mobile = MobileField(label=_("Mobile number"), validators=[is_mobile_number])
    name = PlainLineField(label=_("full name"), max_length=40, required=False, validators=[is_plain_name])
    home = forms.ModelChoiceField(
        House.objects.filter(is_listed=True).select_related("area").order_by("area__name", "title"),
        label=_("house"),
    )
    note = PlainTextField(
        label=_("Note for staff"),
        max_length=MAX_NOTE_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"}),
    )
    agreed_fen = forms.IntegerField(required=False, widget=forms.HiddenInput)
    agreed_policy = forms.CharField(required=False, widget=forms.HiddenInput)
    form_key = forms.UUIDField(required=False, initial=uuid.uuid4, widget=forms.HiddenInput)
    field_order = ("mobile", "name", "home", "check_in", "check_out", "guests", "note")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, house=ANY_HOUSE, **kwargs)
        self.fields["mobile"].widget.attrs.update(inputmode="tel", autocomplete="off", autofocus=True)

    def clean_home(self) -> House:
        """Apply the limits of this home to the fields that follow."""
        self.house = self.cleaned_data["home"]
        return self.house

    def clean_form_key(self) -> uuid.UUID:
        return self.cleaned_data["form_key"] or uuid.uuid4()

    @property
    def is_agreed(self) -> bool:
        """True if the page showed price and refund terms of just this stay."""
        policy = self.cleaned_data["agreed_policy"]
        is_policy = policy in ("", self.house.refund_policy)  # a form from before it had the policy
        return is_policy and self.cleaned_data["agreed_fen"] == self.total_fen

    @property
    def price_fen(self) -> int | None:
        """Price to show: of a stay that can be booked as it was typed."""
        return self.total_fen if self.is_bound and self.is_valid() else None

    def check_free(self) -> None:
        stay = self.cleaned_data
        if availability.taken(self.house, stay["check_in"], stay["check_out"]):
            self.add_taken_error()


class StaffBooking:
    """Mixin of the admin of orders."""

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.book_view)  # type: ignore[attr-defined]
        return [path("book/", view, name="orders_order_book"), *super().get_urls()]  # type: ignore[misc]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        order = context["original"]
        if order.status == Order.Status.WAIT_PAYMENT:
            context["pay_link"] = pay_link(order)
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]

    def book_view(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm("orders.add_order"):
            raise PermissionDenied
        form = PhoneBookingForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            if form.is_agreed and (found := booked(form, by=signed_in_user(request))):
                return self._booked(request, form, *found)
            form.check_free()
        page = {"title": gettext("Book for a renter"), "opts": self.opts, "form": form}  # type: ignore[attr-defined]
        page.update(self.admin_site.each_context(request))  # type: ignore[attr-defined]
        status = 422 if form.is_bound and form.errors else 200
        return TemplateResponse(request, "admin/orders/book.html", page, status=status)

    def _booked(
        self, request: HttpRequest, form: PhoneBookingForm, order: Order, is_new: bool
    ) -> HttpResponse:
        """Lead to the order. Its renter gets the link once."""
        if form.cleaned_data["note"]:
            typed = {"text": form.cleaned_data["note"], "form_key": form.cleaned_data["form_key"]}
            write(OrderNote, typed, author=request.user, order=order)
        if is_new:
            self.log_addition(request, order, gettext("Booked by phone."))  # type: ignore[attr-defined]
            messages.success(request, gettext("Booked. %(sent)s") % {"sent": send_pay_link(order)})
        else:
            messages.info(request, gettext("This renter has booked this stay already. Here is the order."))
        return redirect("admin:orders_order_change", order.pk)


def pay_link(order: Order) -> str:
    """Return the address of the order's page, to which its renter comes after signing in."""
    return absolute_url("orders:detail", order.number)


def send_pay_link(order: Order) -> str:
    """Send the link by SMS. Returns a sentence that says so. A confirmed email gets the usual mail, too."""
    try:
        sms.send_link(order.renter.mobile, pay_link(order))
    except sms.NotSent:
        return gettext("The pay link was not sent by SMS. Copy it from this page.")
    return gettext("The pay link was sent by SMS.")


def booked(form: PhoneBookingForm, *, by: User) -> tuple[Order, bool] | None:
    """Book what the form says. None, with the reason in the form, if that is not possible."""
    names = ("mobile", "name", "check_in", "check_out", "guests")
    stay = {name: form.cleaned_data[name] for name in names}
    try:
        seen = booking.Seen(str(form.total_fen), policy=form.cleaned_data["agreed_policy"])
        return booking.book_by_staff(form.house.pk, seen=seen, by=by, **stay)
    except NightsTaken:
        form.add_taken_error()
    except IllegalTransition:  # midnight passed between validation and booking
        form.add_error("check_in", gettext("This date has passed."))
    except House.DoesNotExist:
        form.add_error("home", gettext("This home is no longer offered."))
    except booking.PriceChanged:
        form.add_error("home", gettext("Price or refund terms have just changed. Please check them again."))
    except Refusal as refusal:
        form.add_error("mobile", str(refusal))
    return None
