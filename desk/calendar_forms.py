"""Forms of the calendar: the days to show, and the nights to block or release."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.dates import is_in_range, parse_date
from core.fields import DateInput, PlainLineField, TypedDateField
from desk.calendar import DAYS_BEFORE_TODAY, SPANS, TWO_WEEKS, Choice, Window
from desk.periods import DAY
from houses import blocking
from houses.models import Area, BookedNight, House

MAX_KEY = 2**31 - 1
NOTE_LENGTH = BookedNight._meta.get_field("note").max_length


class WindowForm(forms.Form):
    """Parameters of the page. What can't be read falls back to the default, and is told beside its field."""

    first = TypedDateField(label=_("First day"), required=False, widget=DateInput)
    area = forms.ModelChoiceField(
        Area.objects.all(), label=_("Area"), required=False, empty_label=_("All areas")
    )
    span = forms.TypedChoiceField(choices=SPANS, coerce=int, required=False, widget=forms.HiddenInput)
    after = forms.IntegerField(required=False, min_value=0, max_value=MAX_KEY, widget=forms.HiddenInput)

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self.today = timezone.localdate()
        self.first_day = self.today - timedelta(days=DAYS_BEFORE_TODAY)
        given = {name: value for name, value in parameters.items() if value}
        super().__init__({"first": self.first_day.isoformat(), **given})

    def window(self) -> Window:
        self.is_valid()
        typed = self.cleaned_data
        return Window(
            today=self.today,
            first=typed.get("first") or self.first_day,
            span=typed.get("span") or TWO_WEEKS,
            area=typed.get("area"),
            after=typed.get("after") or 0,
        )


class NightsForm(forms.Form):
    """Nights of a house, both included."""

    house = forms.ModelChoiceField(House.objects.all(), label=_("House"))
    first = TypedDateField(label=_("First night"), widget=DateInput)
    last = TypedDateField(label=_("Last night"), required=False, widget=DateInput)
    note = PlainLineField(label=_("Note"), required=False, max_length=NOTE_LENGTH)

    def __init__(self, data: Any = None, *, houses: Sequence[House], **options: Any) -> None:
        """Offer `houses`, those of the page. Any other may be sent, too: a site has thousands."""
        super().__init__(data, **options)
        choices = [(house.pk, str(house)) for house in houses]
        sent = self["house"].value()
        if sent and str(sent) not in {str(key) for key, title in choices}:
            choices += [(house.pk, str(house)) for house in House.objects.filter(pk=_key(str(sent)))]
        self.fields["house"].widget.choices = [("", "—"), *choices]

    def clean(self) -> dict[str, Any]:
        typed = self.cleaned_data
        first, last = typed.get("first"), typed.get("last") or typed.get("first")
        if first and last and last < first:
            self.add_error("last", _("The last night is before the first one."))
        return {**typed, "last": last}

    def check_blockable(self) -> None:
        """Add an error beside each night that staff can't block."""
        typed = self.cleaned_data
        for name in ("first", "last") if typed["last"] != typed["first"] else ("first",):
            try:
                blocking.check_night(typed[name])
            except forms.ValidationError as error:
                self.add_error(name, error)

    @property
    def choice(self) -> Choice | None:
        typed = self.cleaned_data
        if not (typed.get("house") and typed.get("first") and typed.get("last")):
            return None
        return Choice(typed["house"].pk, typed["first"], typed["last"])


def _key(typed: str) -> int:
    is_number = typed.isascii() and typed.isdigit() and len(typed) <= len(str(MAX_KEY))
    return int(typed) if is_number and int(typed) <= MAX_KEY else 0


def choice_in(parameters: Mapping[str, str]) -> Choice | None:
    """Return the nights that were chosen by links; None if there are none, or none that can be read."""
    house, first = _key(parameters.get("house", "")), _day(parameters.get("night", ""))
    if not house or not first:
        return None
    last = _day(parameters.get("last", "")) or first
    return Choice(house, first, max(first, last))


def _day(typed: str) -> date | None:
    day = parse_date(typed)
    return day if day and is_in_range(day) and is_in_range(day + DAY) else None
