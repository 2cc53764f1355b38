from datetime import date
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.money import MAX_FEN
from houses.models import House

FURTHEST_DAYS = 365
"""How far ahead a stay may begin."""


class DateInput(forms.DateInput):
    input_type = "date"

    def __init__(self, attrs: dict[str, object] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%d")


class StayForm(forms.Form):
    """The dates and guests of a stay in one house; refuses what that house does not take."""

    check_in = forms.DateField(label=_("Check-in"), widget=DateInput)
    check_out = forms.DateField(label=_("Check-out"), widget=DateInput)
    guests = forms.IntegerField(label=_("Guests"), required=False, min_value=1, initial=1)

    def __init__(self, *args: Any, house: House, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.house = house
        self.fields["guests"].widget.attrs.update(inputmode="numeric", max=house.capacity)

    @property
    def nights(self) -> int | None:
        """Of the dates that the form shows, typed or its initial ones; None unless the house takes them."""
        form = self if self.is_bound else StayForm(self.initial, house=self.house)
        form.is_valid()
        stay = form.cleaned_data
        if "check_in" in stay and "check_out" in stay:
            return (stay["check_out"] - stay["check_in"]).days
        return None

    @property
    def total_fen(self) -> int | None:
        """What those nights cost."""
        return self.nights and self.nights * self.house.price_fen

    def clean_check_in(self) -> date:
        check_in = self.cleaned_data["check_in"]
        today = timezone.localdate()
        if check_in < today:
            raise forms.ValidationError(_("This day has passed."))
        if (check_in - today).days > FURTHEST_DAYS:
            raise forms.ValidationError(_("Stays can be booked up to a year ahead."))
        return check_in

    def clean_guests(self) -> int:
        guests = self.cleaned_data["guests"] or 1
        if guests > self.house.capacity:
            message = ngettext(
                "This house takes %(count)d guest at most.",
                "This house takes %(count)d guests at most.",
                self.house.capacity,
            )
            raise forms.ValidationError(message % {"count": self.house.capacity})
        return guests

    def clean(self) -> dict[str, object]:
        check_in, check_out = (self.cleaned_data.get("check_in"), self.cleaned_data.get("check_out"))
        if check_in and check_out:
            self._check_nights((check_out - check_in).days)
        return self.cleaned_data

    def _check_nights(self, nights: int) -> None:
        house = self.house
        if nights < 1:
            self.add_error("check_out", _("Check-out must be after check-in."))
        elif nights < house.min_nights:
            message = ngettext("At least %(count)d night.", "At least %(count)d nights.", house.min_nights)
            self.add_error("check_out", message % {"count": house.min_nights})
        elif nights > house.max_nights:
            message = ngettext("At most %(count)d night.", "At most %(count)d nights.", house.max_nights)
            self.add_error("check_out", message % {"count": house.max_nights})
        elif nights * house.price_fen > MAX_FEN:
            self.add_error("check_out", _("This stay costs more than can be paid at once."))
