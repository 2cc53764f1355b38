"""Admin of agreements: which version of which document a renter agreed to, when and where."""

from accounts.search import NumberSearch
from core.admin import ReadOnlyAdmin
from core.admin_pages import ByKey


class AgreementAdmin(ByKey, NumberSearch, ReadOnlyAdmin):
    list_display = ("created_at", "user", "kind", "number", "place", "order_number", "language")
    list_prefetch = ("user",)
    search_fields = ("order_number",)
    number_lookups = {"mobile": "user__mobile", "order": "order_number"}
    fields = list_display
    actions = None
