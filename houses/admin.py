from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from accounts.search import NumberSearch
from core.admin import DatesInRange
from core.admin_changes import ChangedFieldsAdmin
from core.admin_pages import ByKey
from core.fields import DateInput, PlainLineField, TypedDateField
from houses import availability, blocking
from houses.channels.admin import ChannelCalendarAdmin as ChannelCalendarAdmin
from houses.house_form import GROUPS, HouseForm
from houses.models import Area, BookedNight, Facility, House
from houses.photo_admin import HasPhotos
from houses.price_admin import AMOUNTS, HasPrices


@admin.register(Area)
class AreaAdmin(ChangedFieldsAdmin):
    list_display = ["name", "name_en", "homes"]
    search_fields = ["name", "name_en"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Area]:
        return super().get_queryset(request).annotate(house_count=Count("houses"))

    @admin.display(description=_("homes"))
    def homes(self, area: Area) -> str:
        """The number of homes, as a link to them if the user may see these."""
        count = getattr(area, "house_count", 0)
        query = urlencode({"area__id__exact": area.pk})
        return format_html('<a href="{}?{}">{}</a>', reverse("admin:houses_house_changelist"), query, count)


@admin.register(Facility)
class FacilityAdmin(ChangedFieldsAdmin):
    list_display = ["name", "name_en", "icon"]
    search_fields = ["name", "name_en"]


@admin.register(House)
class HouseAdmin(HasPhotos, HasPrices, ByKey, ChangedFieldsAdmin, NumberSearch, DatesInRange):
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
    list_filter = ["is_listed", "instant_book", "refund_policy", "area"]
    list_prefetch = ("area",)
    search_fields = ["title", "address"]
    number_lookups = {"order": "orders__number"}
    readonly_fields = [*AMOUNTS.values(), "order_count", "review_count", "rating_sum", "created_at"]
    fieldsets = [
        *GROUPS,
        (
            _("Price and nights"),
            {
                "fields": [
                    *("price_fen", "weekend_price_fen", "week_discount", "month_discount"),
                    *("cleaning_fee_fen", "guests_included", "guest_fee_fen"),
                    *("min_nights", "max_nights", "instant_book", "refund_policy"),
                ]
            },
        ),
        (_("Figures"), {"fields": ["order_count", "review_count", "rating_sum", "created_at"]}),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Show the price in yuan also to those who may not change it, without what only a form has."""
        found = super().get_fieldsets(request, obj)
        if self.has_change_permission(request, obj):
            return found
        shown: dict[Any, Any] = {**AMOUNTS, ("coordinates", "from_gps"): "coordinates"}
        return [(title, {"fields": [shown.get(n, n) for n in part["fields"]]}) for title, part in found]


class BookedNightForm(forms.ModelForm):
    last = TypedDateField(
        label=_("last night"),
        required=False,
        widget=DateInput,
        help_text=_("For several nights: the date the last one begins."),
    )

    class Meta:
        model = BookedNight
        fields = ("house", "night", "note")
        field_classes = {"night": TypedDateField, "note": PlainLineField}

    def clean_night(self) -> date:
        blocking.check_night(self.cleaned_data["night"])
        return self.cleaned_data["night"]

    def clean_last(self) -> date | None:
        if last := self.cleaned_data["last"]:
            blocking.check_night(last)
        return last

    def clean(self) -> dict[str, Any] | None:
        """Lock the house, as a booking does, before checking that the nights are free."""
        if house := self.cleaned_data.get("house"):
            House.objects.select_for_update().get(pk=house.pk)
            self._check_range(house)
        return super().clean()

    def _check_range(self, house: House) -> None:
        first, last = self.cleaned_data.get("night"), self.cleaned_data.get("last")
        day = timedelta(days=1)
        if first:
            self._refuse_taken("night", house, first, first + day)
        if not first or not last:
            return
        if last < first:
            self.add_error("last", _("The last night is before the first one."))
        else:
            self._refuse_taken("last", house, first + day, last + day)

    def _refuse_taken(self, field: str, house: House, first: date, end: date) -> None:
        if taken := availability.taken(house, first, end):
            nights = ", ".join(map(str, sorted(taken)))
            self.add_error(field, _("Already taken: %(nights)s.") % {"nights": nights})


@admin.register(BookedNight)
class BookedNightAdmin(ByKey, NumberSearch, DatesInRange):
    """Staff may hold nights and release them again. The nights of an order are released with the order."""

    list_display = ["house", "night", "order_number", "note"]
    list_filter = [("order_number", admin.EmptyFieldListFilter)]
    list_prefetch = ("house",)
    ordering = ["-night", "-house_id"]  # by an index; the model's own order joins the houses
    search_fields = ["order_number", "house__title"]
    number_lookups = {"order": "order_number"}
    form = BookedNightForm
    readonly_fields = ["order_number"]
    actions = None

    def get_fields(self, request: HttpRequest, obj: BookedNight | None = None) -> Any:
        return ["house", "night", "note", "order_number"] if obj else ["house", "night", "last", "note"]

    def save_model(self, request: HttpRequest, obj: BookedNight, form: Any, change: bool) -> None:
        last = form.cleaned_data["last"] or obj.night
        availability.hold_for_staff(obj, last)
        self.log_change(request, obj.house, blocking.blocked_entry(obj.night, last, obj.note))

    def delete_model(self, request: HttpRequest, obj: BookedNight) -> None:
        """Release the night. The history of the house keeps it: the night's own is no longer reachable."""
        availability.release_for_staff(obj)
        self.log_change(request, obj.house, blocking.released_entry([obj.night]))

    def has_change_permission(self, request: HttpRequest, obj: BookedNight | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: BookedNight | None = None) -> bool:
        is_of_staff = obj is None or not (obj.order_number or obj.calendar_id)
        return super().has_delete_permission(request, obj) and is_of_staff
