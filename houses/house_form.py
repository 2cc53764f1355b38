"""Form of a house in the admin: groups in the order in which staff fill them in, English beside Chinese."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from houses.described import BEDS, CHECK_IN_FROM, CHECK_OUT_BY
from houses.place import CoordinatesField, from_gps, parse
from houses.price_forms import HousePricesForm

ROWS_OF_TEXT = {"description": 8, "rules": 5, "arrival": 6, "nearby": 3}
TIMES = ("check_in_from", "check_out_by", "quiet_from", "quiet_until")


class TimeInput(forms.TimeInput):
    input_type = "time"

    def __init__(self) -> None:
        super().__init__(format="%H:%M")


GROUPS: list[Any] = [
    (
        _("Basics"),
        {"fields": [("title", "title_en"), ("space", "capacity"), "is_listed"]},
    ),
    (
        _("Place"),
        {
            "fields": [
                "area",
                ("district", "district_en"),
                ("address", "address_en"),
                ("coordinates", "from_gps"),
                ("nearby", "nearby_en"),
            ]
        },
    ),
    (
        _("Rooms and amenities"),
        {
            "fields": [
                ("bedrooms", "bathrooms", "size_m2"),
                BEDS[:3],
                BEDS[3:],
                ("floor", "has_lift"),
                "facilities",
            ]
        },
    ),
    (_("Description"), {"fields": [("description", "description_en")]}),
    (
        _("Rules and guide"),
        {
            "fields": [
                ("check_in_from", "check_out_by", "entry"),
                ("quiet_from", "quiet_until"),
                ("rules", "rules_en"),
                ("arrival", "arrival_en"),
            ]
        },
    ),
]
"""Fieldsets of the description. Names in a tuple stand side by side."""


class HouseForm(HousePricesForm):
    coordinates = CoordinatesField(
        label=_("coordinates"),
        required=False,
        help_text=_("As Amap's coordinate picker gives them (GCJ-02), e.g. 118.103886,24.437912."),
    )
    from_gps = forms.BooleanField(
        label=_("these are from GPS (WGS-84)"), required=False, help_text=_("They are then converted.")
    )

    class Meta(HousePricesForm.Meta):
        widgets = {
            "facilities": forms.CheckboxSelectMultiple,
            **{name: TimeInput() for name in TIMES},
            **{
                name: forms.Textarea(attrs={"rows": rows, "cols": 40})
                for text, rows in ROWS_OF_TEXT.items()
                for name in (text, f"{text}_en")
            },
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            self.initial.update(check_in_from=CHECK_IN_FROM, check_out_by=CHECK_OUT_BY)
        for name in self.fields.keys() & set(BEDS):  # none are there for those who may only look
            self.fields[name].required = False
        for name, field in self.fields.items():
            if name.endswith("_en"):
                field.widget.attrs["lang"] = "en"

    def clean(self) -> dict[str, Any] | None:
        cleaned = self.cleaned_data
        if cleaned.get("from_gps") and (point := parse(cleaned.get("coordinates", ""))):
            cleaned["coordinates"] = str(from_gps(point))
        for name in BEDS:
            if name in cleaned:
                cleaned[name] = cleaned[name] or 0
        for name, other in (("quiet_from", "quiet_until"), ("quiet_until", "quiet_from")):
            if name in cleaned and cleaned[name] is None and cleaned.get(other):
                self.add_error(name, gettext("Enter both times of the quiet hours, or neither."))
        return super().clean()
