"""Forms of the admin actions that move money."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.fields import YuanField
from orders import reasons
from orders.reasons import GivesReason
from payments.cancellation import Preview

EXPLANATION_LENGTH = 200
"""Length of Refund.explanation, Order.closing_reason and OrderEvent.reason."""


def explanation_field(label: Any, **options: Any) -> forms.CharField:
    widget = forms.TextInput(attrs={"class": "vTextField"})
    return forms.CharField(label=label, max_length=EXPLANATION_LENGTH, widget=widget, **options)


class AgreeForm(forms.Form):
    """Confirmation of what the page shows; has no visible field."""

    agreed = forms.BooleanField(initial="1", widget=forms.HiddenInput)


class CancelForm(GivesReason):
    """`left_fen`: the maximum refund when the form was made."""

    usual_reasons = reasons.CANCELED
    left_fen = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, data: Any, *, preview: Preview) -> None:
        super().__init__(data, initial={"left_fen": preview.refundable_fen})
        self.fields["amount"] = YuanField(
            label=_("Refund amount (yuan)"),
            at_least_fen=0,
            at_most_fen=preview.refundable_fen,
            initial=preview.refund_fen,
        )


class GiveUpForm(forms.Form):
    words = explanation_field(
        gettext_lazy("Reason, and what happens instead"),
        help_text=gettext_lazy("Shown to the renter if they were told about the refund."),
    )
