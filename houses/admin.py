from django.contrib import admin
from django.http import HttpRequest

from houses import availability
from houses.models import Area, BookedNight, House, HousePhoto


@admin.register(Area)
class AreaAdmin(admin.ModelAdmin):
    search_fields = ["name"]


class HousePhotoInline(admin.TabularInline):
    model = HousePhoto
    fields = ["image", "position"]
    extra = 1


@admin.register(House)
class HouseAdmin(admin.ModelAdmin):
    list_display = [
        "title",
        "area",
        "price_fen",
        "capacity",
        "instant_book",
        "is_listed",
        "order_count",
        "review_count",
    ]
    list_filter = ["is_listed", "instant_book", "area"]
    list_select_related = ["area"]
    search_fields = ["title", "address"]
    readonly_fields = ["order_count", "review_count", "rating_sum", "created_at"]
    inlines = [HousePhotoInline]


@admin.register(BookedNight)
class BookedNightAdmin(admin.ModelAdmin):
    """Staff may hold and free nights of their own; those of an order go with the order."""

    list_display = ["house", "night", "order_number"]
    list_filter = [("order_number", admin.EmptyFieldListFilter)]
    list_select_related = ["house"]
    search_fields = ["order_number", "house__title"]
    date_hierarchy = "night"
    fields = ["house", "night", "order_number"]
    readonly_fields = ["order_number"]
    autocomplete_fields = ["house"]
    actions = None

    def save_model(self, request: HttpRequest, obj: BookedNight, form: object, change: bool) -> None:
        availability.hold_for_staff(obj)

    def delete_model(self, request: HttpRequest, obj: BookedNight) -> None:
        availability.release_for_staff(obj)

    def has_change_permission(self, request: HttpRequest, obj: BookedNight | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: BookedNight | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or not obj.order_number)
