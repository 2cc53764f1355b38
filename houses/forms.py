from datetime import date, timedelta
from functools import cached_property
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.fields import DateInput, TypedDateField
from core.money import MAX_FEN
from houses import quotes
from houses.models import MAX_NIGHTS, House
from houses.quotes import Quote, Rates
from houses.refund_policy import Terms, terms_of
from houses.widgets import Stepper

MAX_DAYS_AHEAD = 365
"""Latest check-in, in days from today."""


class StayDatesForm(forms.Form):
    """Check-in and check-out, with the limits of all houses. Refused dates are not in `cleaned_data`."""

    check_in = TypedDateField(label=_("Check-in"), widget=DateInput)
    check_out = TypedDateField(label=_("Check-out"), widget=DateInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        today = timezone.localdate()
        self.fields["check_in"].widget.attrs.update(min=today, max=today + timedelta(days=MAX_DAYS_AHEAD))
        self.fields["check_out"].widget.attrs["min"] = today + timedelta(days=1)

    @property
    def stay(self) -> tuple[date, date] | None:
        """Check-in and check-out, if both are given and valid."""
        self.is_valid()  # sets cleaned_data
        cleaned = getattr(self, "cleaned_data", {})
        check_in, check_out = cleaned.get("check_in"), cleaned.get("check_out")
        return (check_in, check_out) if check_in and check_out else None

    def clean_check_in(self) -> date | None:
        check_in = self.cleaned_data["check_in"]
        today = timezone.localdate()
        if check_in and check_in < today:
            raise forms.ValidationError(_("This date has passed."))
        if check_in and (check_in - today).days > MAX_DAYS_AHEAD:
            raise forms.ValidationError(_("You can book up to a year ahead."))
        return check_in

    def clean(self) -> dict[str, object]:
        if self.stay:
            check_in, check_out = self.stay
            self.check_nights((check_out - check_in).days)
        return self.cleaned_data

    def check_nights(self, nights: int, least: int = 1, most: int = MAX_NIGHTS) -> None:
        """Add an error to `check_out` unless the number of nights is allowed."""
        if nights < 1:
            self.add_error("check_out", _("Check-out must be after check-in."))
        elif nights < least:
            message = ngettext(
                "The minimum stay is %(count)s night.", "The minimum stay is %(count)s nights.", least
            )
            self.add_error("check_out", message % {"count": least})
        elif nights > most:
            message = ngettext(
                "The maximum stay is %(count)s night.", "The maximum stay is %(count)s nights.", most
            )
            self.add_error("check_out", message % {"count": most})


class StayForm(StayDatesForm):
    """Dates and guests of a stay, with the limits of one house."""

    guests = forms.IntegerField(label=_("Guests"), required=False, min_value=1, initial=1, widget=Stepper)

    def __init__(self, *args: Any, house: House, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.house = house
        self.fields["guests"].widget.attrs["max"] = house.capacity

    @property
    def nights(self) -> int | None:
        """Number of nights; None unless the dates are valid for the house."""
        return (self.stay[1] - self.stay[0]).days if self.stay else None

    @cached_property
    def rates(self) -> Rates:
        """Prices of the house from today on, or from check-in if that has passed. One query."""
        today = timezone.localdate()
        return quotes.rates_from(self.house, min(self.stay[0], today) if self.stay else today)

    @property
    def quote(self) -> Quote | None:
        """Price of the stay; None without valid dates. Guests that are refused count as one."""
        if not self.stay:
            return None
        return quotes.quote(self.rates, *self.stay, self.cleaned_data.get("guests") or 1)

    @property
    def total_fen(self) -> int | None:
        return self.quote.total_fen if self.quote else None

    @property
    def terms(self) -> Terms | None:
        """Refund of the stay if it is booked today; None without valid dates."""
        has_fee = self.house.cleaning_fee_fen > 0
        policy = self.house.refund_policy
        return terms_of(policy, self.stay[0], has_cleaning_fee=has_fee) if self.stay else None

    def clean_guests(self) -> int:
        guests = self.cleaned_data["guests"] or 1
        if guests > self.house.capacity:
            message = ngettext(
                "This home takes up to %(count)d guest.",
                "This home takes up to %(count)d guests.",
                self.house.capacity,
            )
            raise forms.ValidationError(message % {"count": self.house.capacity})
        return guests

    def check_nights(self, nights: int, least: int = 1, most: int = MAX_NIGHTS) -> None:
        check_in = self.cleaned_data["check_in"]
        super().check_nights(nights, self.rates.min_nights(check_in), self.house.max_nights)
        if (self.total_fen or 0) > MAX_FEN:
            self.add_error(
                "check_out", _("The total is more than a single payment allows. Please choose fewer nights.")
            )

    def add_taken_error(self) -> None:
        """Add an error to the dates: one of the nights is taken."""
        self.add_error("check_in", _("Some of these nights are unavailable. Please choose other dates."))
