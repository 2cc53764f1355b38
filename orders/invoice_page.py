"""Page on which the renter of a paid order asks for an invoice (发票)."""

import re
import unicodedata

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.guards import signed_in_or_back_to
from core.fields import PlainEmailField, PlainLineField
from orders import invoices
from orders.access import order_of, own_page

_TAX_NUMBER = re.compile(r"[0-9A-Z]{15,20}")


class InvoiceForm(forms.Form):
    title = PlainLineField(
        label=_("Invoice title"), max_length=100, help_text=_("Name of the company, or your own.")
    )
    tax_number = PlainLineField(
        label=_("Tax number"),
        max_length=40,
        required=False,
        help_text=_("15 to 20 digits and letters. Leave it empty for a person."),
    )
    email = PlainEmailField(label=_("Email for the invoice"))

    def clean_tax_number(self) -> str:
        """Take it as it is pasted: in full width, with blanks, in small letters."""
        typed = unicodedata.normalize("NFKC", self.cleaned_data["tax_number"] or "")
        number = re.sub(r"[\s-]", "", typed).upper()
        if number and not _TAX_NUMBER.fullmatch(number):
            raise forms.ValidationError(_("Enter 15 to 20 digits and letters."))
        return number


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@signed_in_or_back_to(own_page("orders:invoice"))
def invoice(request: HttpRequest, number: str) -> HttpResponse:
    order = order_of(request, number, "renter", "invoice")
    if not order.is_paid:
        raise Http404
    asked = order.invoice_or_none
    if asked and asked.issued_at:
        return redirect(order)
    initial = asked.typed if asked else {"title": order.renter.name, "email": order.renter.email}
    form = InvoiceForm(request.POST if request.method == "POST" else None, initial=initial)
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        return render(request, "orders/invoice.html", {"form": form, "order": order}, status=status)
    if invoices.ask(order, **form.cleaned_data):
        messages.success(request, gettext("We'll email the invoice to you."))
    else:
        messages.error(request, gettext("This invoice has just been issued. Contact us to change it."))
    return redirect(order)
