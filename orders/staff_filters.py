"""Filters of staff's list of orders: by the days of the stay, by area."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.dates import is_in_range, parse_date
from houses.models import Area, House
from orders import stays
from orders.models import Order
from orders.stages import BY_DAYS, Stage, matching_stage

KINDS = {
    "arriving": (_("arrives"), stays.arriving),
    "leaving": (_("leaves"), stays.leaving),
    "in_house": (_("in house"), stays.in_house),
}
STAYS_OF_STAGE: dict[str, str] = {Stage.UPCOMING: "arriving", Stage.IN_HOUSE: "in_house"}
"""Kind of stay by stage: it has the order that an index has."""
MAX_DAYS = 400
"""Longest range of days: a longer one is all orders, and no index helps."""


class StayFilter(admin.ListFilter):
    """Arrivals, departures or guests in house, from the day `first` to the day `last`, typed or chosen."""

    title = _("stay")
    template = "admin/orders/stay_filter.html"
    parameters = ("stay", "first", "last")

    def __init__(
        self, request: HttpRequest, params: dict[str, list[str]], model: type[Order], model_admin: object
    ) -> None:
        super().__init__(request, params, model, model_admin)  # type: ignore[arg-type]
        typed = {name: params.pop(name, [""])[-1] for name in self.parameters}
        self.kind, self.typed = typed["stay"], typed
        today = timezone.localdate()
        self.first = parse_date(typed["first"]) if typed["first"] else today
        self.last = parse_date(typed["last"]) if typed["last"] else self.first
        self.hidden: list[tuple[str, str]] = []

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return list(self.parameters)

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Yield links to usual days; the template draws the form from this filter itself."""
        self.hidden = [
            (name, value)
            for name, values in changelist.filter_params.items()
            if name not in self.parameters
            for value in (values if isinstance(values, list) else [values])
        ]
        yield {
            "query_string": changelist.get_query_string(remove=list(self.parameters)),
            "selected": not self.kind,
            "display": gettext("All"),
        }
        yield from (
            {
                "query_string": changelist.get_query_string(
                    {"stay": kind, "first": first.isoformat(), "last": last.isoformat()}
                ),
                "selected": self.kind == kind and (self.first, self.last) == (first, last),
                "display": label,
            }
            for kind, label, first, last in _usual_days(timezone.localdate())
        )

    @property
    def kinds(self) -> list[tuple[str, object]]:
        return [(kind, label) for kind, (label, _where) in KINDS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        if self.kind not in KINDS:
            return queryset
        if problem := self._problem():
            messages.error(request, problem)
            return queryset.none()
        assert self.first and self.last
        return queryset.filter(KINDS[self.kind][1](self.first, self.last))

    def _problem(self) -> str:
        if not (self.first and self.last and is_in_range(self.first) and is_in_range(self.last)):
            return gettext("Enter the days as 2026-12-20.")
        if self.last < self.first:
            return gettext("The last day is before the first.")
        if self.last - self.first > timedelta(days=MAX_DAYS):
            return gettext("Choose at most %(days)d days.") % {"days": MAX_DAYS}
        return ""


def _usual_days(today: date) -> list[tuple[str, str, date, date]]:
    day = timedelta(days=1)
    return [
        ("arriving", gettext("arrives yesterday"), today - day, today - day),
        ("arriving", gettext("arrives today"), today, today),
        ("arriving", gettext("arrives tomorrow"), today + day, today + day),
        ("arriving", gettext("arrives in the next 7 days"), today, today + 6 * day),
        ("leaving", gettext("leaves today"), today, today),
        ("in_house", gettext("in house tonight"), today, today),
    ]


class StageFilter(admin.SimpleListFilter):
    """By the stages that the status alone doesn't tell."""

    title = _("stage")
    parameter_name = "stage"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [(stage.value, str(stage.label)) for stage in Stage if stage in BY_DAYS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        chosen = self.value()
        if not chosen:
            return queryset
        return queryset.filter(matching_stage(Stage(chosen))) if chosen in Stage.values else queryset.none()


class AreaFilter(admin.SimpleListFilter):
    """By a list of homes: with a join or a subquery, MariaDB may read every order and sort them all."""

    title = _("area")
    parameter_name = "house__area__id__exact"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [(str(area.pk), str(area)) for area in Area.objects.all()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        chosen = self.value()
        if not chosen:
            return queryset
        if chosen not in dict(self.lookup_choices):
            return queryset.none()
        homes = House.objects.filter(area=int(chosen)).order_by()
        return queryset.filter(house__in=list(homes.values_list("pk", flat=True)))
