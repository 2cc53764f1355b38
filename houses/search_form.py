"""The form of the search for homes."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from core.prepared import Select
from houses import destinations
from houses.forms import StayDatesForm
from houses.models import Area, Facility
from houses.widgets import Stepper

MAX_YUAN = 100_000
"""The highest price per night, see House.price_fen."""
MOST_BEDROOMS = 5
FOLDED = ("price_from", "price_to", "bedrooms", "facilities", "instant", "whole")
"""The fields that templates/houses/_search_form.html folds away."""


class Tick(forms.CheckboxInput):
    """Checkbox that is `1` in the address; any other value is off."""

    def __init__(self, attrs: dict[str, object] | None = None) -> None:
        super().__init__({"value": "1", **(attrs or {})})

    def value_from_datadict(self, data: Any, files: Any, name: str) -> bool:
        return data.get(name) == "1"


class Ticks(forms.CheckboxSelectMultiple):
    """Checkboxes whose values may also come in one parameter: "3,5", as in the links between pages."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        given = data.getlist(name) if hasattr(data, "getlist") else [data.get(name) or ""]
        return list(dict.fromkeys(value for part in given for value in part.split(",") if value))


_AREAS = Select(lambda value: Area.objects.all())
_FACILITIES = Select(lambda value: Facility.objects.all())


def _yuan(label: Any, least: int, **errors: Any) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, required=False, min_value=least, max_value=MAX_YUAN, error_messages=errors
    )


class SearchForm(StayDatesForm):
    """Search for homes. All fields are optional; the dates only together."""

    place = forms.CharField(label=_("Where to?"), required=False, max_length=destinations.MAX_LENGTH)
    area = forms.ModelChoiceField(
        Area.objects.all(),
        label=_("Area"),
        required=False,
        error_messages={"invalid_choice": _("We have no homes in that area. Please type another place.")},
    )
    guests = forms.IntegerField(
        label=_("Guests"),
        required=False,
        min_value=1,
        max_value=99,
        widget=Stepper,
        error_messages={"max_value": _("Our homes take up to %(limit_value)d guests.")},
    )
    price_from = _yuan(_("Lowest (yuan)"), 0)
    price_to = _yuan(
        _("Highest (yuan)"), 1, min_value=_("Enter at least 1 yuan, or leave this empty for any price.")
    )
    bedrooms = forms.TypedChoiceField(
        label=_("Bedrooms"),
        required=False,
        coerce=int,
        empty_value=None,
        choices=[("", _("Any number")), *((str(n), f"{n}+") for n in range(1, MOST_BEDROOMS + 1))],
        error_messages={"invalid_choice": _("Please choose from the list.")},
    )
    facilities = forms.TypedMultipleChoiceField(
        label=_("Amenities"),
        required=False,
        coerce=int,
        widget=Ticks,
        error_messages={"invalid_choice": _("One of these amenities is unknown. Please choose again.")},
    )
    instant = forms.BooleanField(label=_("Instant booking"), required=False, widget=Tick)
    whole = forms.BooleanField(label=_("Whole place"), required=False, widget=Tick)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["check_in"].required = self.fields["check_out"].required = False
        for name in ("price_from", "price_to"):
            self.fields[name].widget.attrs.update(inputmode="numeric")
        self.fields["place"].widget.attrs.update(list="places", autocomplete="off", enterkeyhint="search")
        self.areas = _AREAS.all()
        self.known_facilities = _FACILITIES.all()
        choices = [(str(facility.pk), str(facility)) for facility in self.known_facilities]
        self.fields["facilities"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, object]:
        missing = (
            ("check_in", "check_out", _("Choose a check-in date.")),
            ("check_out", "check_in", _("Choose a check-out date.")),
        )
        for name, other, sentence in missing:
            if self.cleaned_data.get(other) and name in self.cleaned_data and not self.cleaned_data[name]:
                self.add_error(name, sentence)
        lowest, highest = self.cleaned_data.get("price_from"), self.cleaned_data.get("price_to")
        if lowest and highest and lowest > highest:
            self.add_error("price_to", _("The highest price must not be below the lowest."))
        return super().clean()

    @property
    def where(self) -> str:
        """The place as shown in its field: as typed, or the name of the area that was chosen."""
        return str(self["place"].value() or self.accepted.get("area") or "")

    @property
    def has_refused_filter(self) -> bool:
        """True if an error is in the part of the form that is folded away."""
        return any(name in self.errors for name in FOLDED)

    @property
    def accepted(self) -> dict[str, Any]:
        """The fields that narrow the search: those that were not refused. Needs is_valid() first."""
        return {name: value for name, value in self.cleaned_data.items() if value}

    @property
    def filters(self) -> dict[str, Any]:
        """The arguments of search.find() and search.keys()."""
        filters = {
            name: value for name, value in self.accepted.items() if name not in ("check_in", "check_out")
        }
        if place := filters.get("place"):
            filters["place"] = destinations.matching(place, self.areas)
        return {**filters, "stay": self.stay}
