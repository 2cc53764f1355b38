"""Lists of the admin, page by key and without counts: page 5,000 costs as much as page 1."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib.admin import ModelAdmin, ShowFacets
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

AFTER = "after"
"""In the address: the primary key of the last row of the page before."""


class ListByKey(ChangeList):
    """A change list that reads one row more than it shows, to know whether there is a next page.

    Rows are ordered by fields of their own, none of them empty, that an index has.
    """

    next_page = ""
    first_page = ""
    """Query strings of these pages; empty on the last, and on the first."""
    all_pages = ""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet) -> list[Any]:
        """Ignore the order that an address asks for: there are no columns to sort by."""
        self.params.pop(ORDER_VAR, None)
        return super().get_ordering(request, queryset)

    def apply_select_related(self, qs: QuerySet) -> QuerySet:
        """Related rows come by queries of their own: with a join, MariaDB sorts all rows."""
        assert isinstance(self.model_admin, ByKey)
        return qs.prefetch_related(*self.model_admin.list_prefetch)

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> QuerySet:
        """Keep AFTER out of filters, links and search box: what they list begins at its own first page."""
        for parameters in (self.params, self.filter_params):
            parameters.pop(AFTER, None)
        return super().get_queryset(request, *args, **kwargs)

    def get_results(self, request: HttpRequest) -> None:
        rows = self.queryset
        if key := request.GET.get(AFTER):
            rows = rows.filter(_after(self.root_queryset, key, rows.query.order_by))
        found = list(rows[: self.list_per_page + 1])
        self.result_list = found[: self.list_per_page]
        if len(found) > self.list_per_page:
            self.next_page = self.get_query_string({AFTER: self.result_list[-1].pk})
        self.result_count = len(self.result_list)
        self.full_result_count = None
        self.show_full_result_count = False
        self.show_admin_actions = bool(self.result_list)
        self.can_show_all = False
        self.multi_page = False
        self.all_pages = self.get_query_string()
        self.first_page = self.all_pages if key else ""
        self.paginator = Paginator(self.result_list, self.list_per_page)


def _after(rows: QuerySet, key: str, order_by: Any) -> Q:
    """Match the rows that come after the row `key`. Raises IncorrectLookupParameters if there is none."""
    try:
        last: Model | None = rows.filter(pk=key).order_by().first()
    except (ValueError, ValidationError) as error:
        raise IncorrectLookupParameters(key) from error
    if last is None:
        raise IncorrectLookupParameters(key)
    return following(last, order_by)


def following(last: Model, order_by: Any) -> Q:
    """Match the rows that come after the row `last`."""
    found, equal = Q(pk__in=[]), Q()
    for name in order_by:
        attribute = name.removeprefix("-")
        value = getattr(last, attribute)
        found |= equal & Q((f"{attribute}__{'lt' if name.startswith('-') else 'gt'}", value))
        equal &= Q((attribute, value))
    return found


class ByKey(ModelAdmin):
    """Mixin: pages by key. Columns don't sort: an order without an index would sort the whole table."""

    change_list_template = "admin/list_by_key.html"
    list_prefetch: ClassVar[Sequence[str]] = ()
    """Relations whose rows the columns need."""
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    sortable_by = ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ListByKey
