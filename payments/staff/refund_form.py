"""The form of a refund by staff: amount by policy, a reason to choose, a few lines of one's own."""

from typing import Any

from django import forms
from django.db.models import TextChoices
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.fields import YuanField
from payments import cancellation
from payments.models import Payment
from payments.staff.forms import EXPLANATION_LENGTH, explanation_field


class Why(TextChoices):
    """Reasons that staff choose from. The renter reads them in the language of the booking."""

    HOME = "HOME", gettext_lazy("Something was wrong with the home")
    SHORTER = "SHORTER", gettext_lazy("The stay became shorter")
    FEWER = "FEWER", gettext_lazy("Fewer guests than booked")
    PRICE = "PRICE", gettext_lazy("The price was wrong")
    CANCELED = "CANCELED", gettext_lazy("As agreed after the cancellation")
    GOODWILL = "GOODWILL", gettext_lazy("Goodwill")


class RefundForm(forms.Form):
    """`number`: the number of the refund, which makes the form idempotent."""

    number = forms.CharField(max_length=64, widget=forms.HiddenInput)
    why = forms.ChoiceField(
        label=gettext_lazy("Reason"),
        required=False,
        choices=[("", gettext_lazy("Another reason, written below")), *Why.choices],
    )
    words = explanation_field(
        gettext_lazy("Reason for the refund (shown to the renter)"),
        required=False,
        help_text=gettext_lazy("The renter reads the reason above and what you add here."),
    )

    def __init__(self, data: Any, *, payment: Payment, number: str) -> None:
        super().__init__(data, initial={"number": number})
        self.payment = payment
        amount = YuanField(
            label=_("Refund amount (yuan)"),
            at_most_fen=payment.refundable_fen,
            initial=cancellation.share_of_payment(payment) or None,
        )
        rest = {name: self.fields[name] for name in ("why", "words")}
        self.fields = {"number": self.fields["number"], "amount": amount, **rest}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        cleaned["explanation"] = explanation = self._explanation(cleaned)
        if not explanation and "words" in cleaned:
            self.add_error("words", _("Choose a reason, or write one."))
        elif len(explanation) > EXPLANATION_LENGTH:
            self.add_error("words", _("At most %(count)d characters with the reason.") % _LENGTH)
        return cleaned

    def _explanation(self, cleaned: dict[str, Any]) -> str:
        """Join the chosen reason and the line of staff, as the renter reads it."""
        chosen, own = cleaned.get("why", ""), cleaned.get("words", "")
        with translation.override(self.payment.order.language):
            label = str(Why(chosen).label) if chosen else ""
            joined = _("%(reason)s: %(details)s") % {"reason": label, "details": own}
        return joined if label and own else label or own

    def renew(self, number: str) -> None:
        """Take the number of the next refund, and keep what was typed."""
        self.data = {**dict(self.data.items()), "number": number}


_LENGTH = {"count": EXPLANATION_LENGTH}
