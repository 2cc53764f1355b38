"""Form of a change of a stay, with what it would cost: for staff and for the renter."""

from copy import deepcopy
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError

from core.refusal import Refusal
from houses import quotes
from houses.forms import StayForm
from houses.guest_form import GuestForm, clean_names
from houses.models import MAX_NIGHTS
from houses.refund_policy import Terms, terms_of
from orders import changes, guest_details
from orders.changes import Stay
from orders.models import Order
from payments import stay_changes
from payments.stay_changes import Preview


class ChangeForm(StayForm):
    """`preview` is that of what is typed, once it is valid.

    `guest_names` is a field only where more names are given than guests are to come.
    """

    preview: Preview | None = None
    preview_of = staticmethod(stay_changes.preview)

    def __init__(self, data: Any, *, order: Order) -> None:
        stay = changes.stay_of(order)
        initial = {"check_in": stay.check_in, "check_out": stay.check_out, "guests": stay.guests}
        if data is not None:
            data = data.copy()
            data.setdefault("guest_names", order.guest_names)
        super().__init__(data, house=order.house, initial=initial)
        self.order = order

    def clean_check_in(self) -> date | None:
        """A stay that has begun keeps its first day."""
        given = self.cleaned_data["check_in"]
        return given if given == self.order.check_in else super().clean_check_in()

    def check_nights(self, nights: int, least: int = 1, most: int = MAX_NIGHTS) -> None:
        """Dates that stay as they are need no permission, whatever the rules of the home say by now."""
        if self.stay != (self.order.check_in, self.order.check_out):
            super().check_nights(nights, least, most)

    @property
    def new_stay(self) -> Stay:
        given = self.cleaned_data
        return Stay(given["check_in"], given["check_out"], given["guests"])

    @property
    def new_names(self) -> str | None:
        """Names of the guests that stay, if there are fewer than before."""
        return self.cleaned_data.get("guest_names")

    @property
    def terms(self) -> Terms | None:
        """Refund after the change, by the policy that was agreed; None until the stay is valid."""
        if not self.preview:
            return None
        has_fee = any(line.kind == quotes.CLEANING for line in self.preview.price.lines)
        return terms_of(self.order.refund_policy, self.new_stay.check_in, has_cleaning_fee=has_fee)

    def clean(self) -> dict[str, object]:
        cleaned = super().clean()
        if (guests := self.cleaned_data.get("guests")) and not guest_details.do_fit(self.order, guests):
            self._ask_for_names(guests)
        if not self.errors:
            try:
                self.preview = self.preview_of(self.order, self.new_stay)
            except Refusal as refusal:
                self.add_error("check_in", str(refusal))
        return cleaned

    def _ask_for_names(self, guests: int) -> None:
        """Show the names until they are no more than the guests."""
        field = self.fields["guest_names"] = deepcopy(GuestForm.base_fields["guest_names"])
        try:
            typed = field.clean(self.data["guest_names"])
            self.cleaned_data["guest_names"] = clean_names(typed or "", guests)
        except ValidationError as error:
            self.add_error("guest_names", error)
