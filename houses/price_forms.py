"""Forms of the prices of a home: base price and fees, and a season."""

from datetime import date
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.fields import DateInput, PlainLineField, TypedDateField, YuanField
from houses.blocking import MAX_DAYS_HELD_AHEAD
from houses.models import MAX_NIGHTS, House, PriceRule
from houses.price_rules import MAX_PRICE_FEN, Fees


class PriceField(YuanField):
    def run_validators(self, value: int | None) -> None:
        super().run_validators(value)
        if value is not None and value > MAX_PRICE_FEN:
            raise forms.ValidationError(_("The maximum is 100,000 yuan per night."))


WEEKEND_HELP = _("Friday and Saturday nights. If empty, they cost the same as the others.")


class HousePricesForm(forms.ModelForm):
    """Base of the admin's form of a house. Fees that are left out keep their value, empty ones are 0."""

    price_fen = YuanField(label=_("price per night (yuan)"))
    weekend_price_fen = PriceField(label=_("weekend price (yuan)"), required=False, help_text=WEEKEND_HELP)
    cleaning_fee_fen = PriceField(label=_("cleaning fee per stay (yuan)"), required=False, at_least_fen=0)
    guest_fee_fen = PriceField(
        label=_("fee per further guest and night (yuan)"), required=False, at_least_fen=0
    )

    class Meta:
        model = House
        fields: Any = "__all__"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in Fees._meta.get_fields():
            if field.name in self.fields:
                self.fields[field.name].required = False

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        for field in Fees._meta.get_fields():
            if field.name in self.fields and self.cleaned_data.get(field.name, 0) is None:
                self.cleaned_data[field.name] = self._value_of(field.name)
        return cleaned

    def _value_of(self, name: str) -> Any:
        is_left_out = self.fields[name].widget.value_omitted_from_data(
            self.data, self.files, self.add_prefix(name)
        )
        return getattr(self.instance, name) if is_left_out else Fees._meta.get_field(name).get_default()  # type: ignore[union-attr]


class PriceRuleForm(forms.Form):
    """A range of nights with its prices."""

    first_night = TypedDateField(label=_("First night"), widget=DateInput)
    last_night = TypedDateField(label=_("Last night"), widget=DateInput)
    price_fen = PriceField(label=_("price per night (yuan)"))
    weekend_price_fen = PriceField(
        label=_("weekend price (yuan)"),
        required=False,
        help_text=WEEKEND_HELP,
    )
    min_nights = forms.IntegerField(
        label=_("minimum nights"),
        min_value=1,
        max_value=MAX_NIGHTS,
        initial=1,
        help_text=_("For stays that begin in these nights. The home's own minimum holds, too."),
    )
    name = PlainLineField(label=_("name"), max_length=40, help_text=_("Guests read it beside the price."))
    name_en = PlainLineField(label=_("English name"), max_length=40, required=False)

    def clean(self) -> dict[str, Any]:
        first, last = self.cleaned_data.get("first_night"), self.cleaned_data.get("last_night")
        if first and last:
            self._check_range(first, last)
        return self.cleaned_data

    def _check_range(self, first: date, last: date) -> None:
        today = timezone.localdate()
        if last < first:
            self.add_error("last_night", _("The last night is before the first one."))
        elif last < today:
            self.add_error("last_night", _("This date has passed."))
        elif (last - max(first, today)).days > MAX_DAYS_HELD_AHEAD or (
            today - first
        ).days > MAX_DAYS_HELD_AHEAD:
            self.add_error("last_night", _("Prices can be set up to two years ahead."))

    @property
    def rule(self) -> PriceRule:
        """The price that a valid form says, not saved yet."""
        return PriceRule(**self.cleaned_data)
