"""Search by mobile number in the admin."""

from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.mobile import clean_mobile


class MobileSearch(ModelAdmin):
    """Mixin: the search box takes a mobile number in any usual spelling."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        return super().get_search_results(request, queryset, clean_mobile(search_term))
