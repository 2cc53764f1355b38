from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.search import NumberSearch
from core.admin import DatesInRange
from core.admin_changes import ChangedFieldsAdmin, ChangedFieldsInline
from core.fields import TypedDateField, YuanField
from core.money import yuan_text
from houses import availability
from houses.models import Area, BookedNight, Facility, House, HousePhoto
from houses.photo_form import HousePhotoForm

MAX_DAYS_HELD_AHEAD = 731  # two years, one of which may be a leap year
"""Latest night that staff can hold, in days from today."""


@admin.register(Area)
class AreaAdmin(ChangedFieldsAdmin):
    list_display = ["name", "name_en"]
    search_fields = ["name", "name_en"]


@admin.register(Facility)
class FacilityAdmin(ChangedFieldsAdmin):
    list_display = ["name", "name_en", "icon"]
    search_fields = ["name", "name_en"]


class HousePhotoInline(ChangedFieldsInline, admin.TabularInline):
    model = HousePhoto
    form = HousePhotoForm
    fields = ["image", "position"]
    extra = 1


class HouseForm(forms.ModelForm):
    price_fen = YuanField(label=_("price per night (yuan)"))

    class Meta:
        model = House
        fields = "__all__"  # noqa: DJ007  staff edit all of them
        widgets = {"facilities": forms.CheckboxSelectMultiple}


@admin.register(House)
class HouseAdmin(ChangedFieldsAdmin, NumberSearch, DatesInRange):
    form = HouseForm
    list_display = [
        "title",
        "area",
        "price",
        "capacity",
        "instant_book",
        "is_listed",
        "order_count",
        "review_count",
    ]
    list_filter = ["is_listed", "instant_book", "area"]
    list_select_related = ["area"]
    search_fields = ["title", "address"]
    number_lookups = {"order": "orders__number"}
    readonly_fields = ["order_count", "review_count", "rating_sum", "created_at"]
    inlines = [HousePhotoInline]

    @admin.display(description=_("price per night (yuan)"), ordering="price_fen")
    def price(self, house: House) -> str:
        return yuan_text(house.price_fen)


class BookedNightForm(forms.ModelForm):
    class Meta:
        model = BookedNight
        fields = ("house", "night")
        field_classes = {"night": TypedDateField}

    def clean_night(self) -> date:
        night, today = self.cleaned_data["night"], timezone.localdate()
        if night < today:
            raise forms.ValidationError(_("This date has passed."))
        if (night - today).days > MAX_DAYS_HELD_AHEAD:
            raise forms.ValidationError(_("Nights can be blocked up to two years ahead."))
        return night

    def clean(self) -> dict[str, Any] | None:
        """Lock the house, as a booking does, before checking that the night is free."""
        if house := self.cleaned_data.get("house"):
            House.objects.select_for_update().get(pk=house.pk)
        return super().clean()


@admin.register(BookedNight)
class BookedNightAdmin(NumberSearch, DatesInRange):
    """Staff may hold nights and release them again. The nights of an order are released with the order."""

    list_display = ["house", "night", "order_number"]
    list_filter = [("order_number", admin.EmptyFieldListFilter)]
    list_select_related = ["house"]
    search_fields = ["order_number", "house__title"]
    number_lookups = {"order": "order_number"}
    date_hierarchy = "night"
    form = BookedNightForm
    fields = ["house", "night", "order_number"]
    readonly_fields = ["order_number"]
    autocomplete_fields = ["house"]
    actions = None

    def save_model(self, request: HttpRequest, obj: BookedNight, form: object, change: bool) -> None:
        availability.hold_for_staff(obj)
        self.log_change(request, obj.house, gettext("Blocked the night %(night)s.") % {"night": obj.night})

    def delete_model(self, request: HttpRequest, obj: BookedNight) -> None:
        """Release the night. The history of the house keeps it: the night's own is no longer reachable."""
        availability.release_for_staff(obj)
        self.log_change(request, obj.house, gettext("Released the night %(night)s.") % {"night": obj.night})

    def has_change_permission(self, request: HttpRequest, obj: BookedNight | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: BookedNight | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or not obj.order_number)
