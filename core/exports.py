"""Downloads of exactly the list on the screen: its filters, search and order, as CSV or XLSX."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import Field, Model, Prefetch, QuerySet
from django.http import (
    HttpRequest,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.urls import path, reverse
from django.utils import timezone, translation
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext

from core.admin import DatesInRange
from core.admin_pages import AFTER, ByKey, following
from core.export_files import KINDS, Cell, Table, yuan

log = logging.getLogger(__name__)

MAY_EXPORT = "accounts.export_lists"
ROWS_AT_ONCE = 1000
"""Rows read by one query. MariaDB's driver keeps the whole answer of a query in memory."""


class Exported(ByKey, DatesInRange):
    """Mixin: buttons above the list that download all of its pages."""

    export_columns: ClassVar[Sequence[str]] = ()
    """Fields of a row, `renter.mobile` for one of a related row. Their labels are the heads."""
    export_prefetch: ClassVar[Sequence[str | Prefetch]] = ()
    export_words: ClassVar[Mapping[str, Callable[[Any], str]]] = {}
    """By column: a function for the text that the list on the screen shows, where it is not the field's."""

    def get_urls(self) -> list[Any]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        views = {kind: self.admin_site.admin_view(partial(self.export_view, kind=kind)) for kind in KINDS}
        pages = [path(f"export.{kind}", view, name=f"{name}_{kind}") for kind, view in views.items()]
        return [*pages, *super().get_urls()]

    def may_export(self, request: HttpRequest) -> bool:
        return request.user.has_perm(MAY_EXPORT) and self.has_view_permission(request)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        kinds = [(kind, kind.upper()) for kind in KINDS] if self.may_export(request) else []
        return super().changelist_view(request, {**(extra_context or {}), "exports": kinds})

    def export_view(self, request: HttpRequest, kind: str) -> HttpResponseBase:
        """Send the rows of the list with the same query string. One that the list refuses leads there."""
        if not self.may_export(request):
            raise PermissionDenied
        here = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        to_list = HttpResponseRedirect(f"{here}?{request.GET.urlencode()}")
        if self.is_beyond(request):
            return to_list
        try:
            shown = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return to_list
        rows = shown.queryset.prefetch_related(*self.export_prefetch)
        table = table_of(rows, self.export_columns, self.export_words)
        return download(table, request, kind=kind, model=self.model)


def download(
    table: Table, request: HttpRequest, *, kind: str, model: type[Model], name: str = ""
) -> HttpResponseBase:
    """Send a table as a file, and keep in the history who took it. Its rows are of `model`."""
    if request.method != "GET":
        return HttpResponseNotAllowed(["GET"])
    write, media_type = KINDS[kind]
    language = translation.get_language()
    trace = _begin_trace(request, kind, model)
    pieces = write(_in_language(_counted(table, trace, language), language))
    response = StreamingHttpResponse(pieces, content_type=media_type)
    name = f"{name or model._meta.model_name}-{timezone.localtime():%Y%m%d-%H%M}.{kind}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _begin_trace(request: HttpRequest, kind: str, model: type[Model]) -> LogEntry:
    assert request.user.pk is not None
    chosen = request.GET.copy()
    chosen.pop(AFTER, None)
    asked = chosen.urlencode()[:1000] or gettext("all rows")
    entry = LogEntry.objects.create(
        user_id=request.user.pk,
        content_type=ContentType.objects.get_for_model(model),
        object_repr=gettext("Export: %(list)s") % {"list": capfirst(model._meta.verbose_name_plural)},
        action_flag=CHANGE,
        change_message=f"{kind.upper()}, {asked}",
    )
    log.info("export %s: %s as %s by user %s, %s", entry.pk, model._meta.label, kind, request.user.pk, asked)
    return entry


def _counted(table: Table, trace: LogEntry, language: str | None) -> Iterator[Sequence[Cell]]:
    """Yield the table. Note the number of rows at its end, or where the download broke off."""
    lines, is_whole = 0, False  # the first is the head
    try:
        for row in table:
            yield row
            lines += 1
        is_whole = True
    finally:
        with translation.override(language):
            _end_trace(trace, max(0, lines - 1), is_whole)


def _end_trace(trace: LogEntry, rows: int, is_whole: bool) -> None:
    whole = ngettext("%d row", "%d rows", rows)
    broken = ngettext("broken off after %d row", "broken off after %d rows", rows)
    trace.change_message += f", {(whole if is_whole else broken) % rows}"
    trace.save(update_fields=["change_message"])
    log.info("export %s: %d rows%s", trace.pk, rows, "" if is_whole else ", broken off")


def _in_language(table: Table, language: str | None) -> Iterator[Sequence[Cell]]:
    """Make each row in the language of the page, which the request no longer sets while it is sent."""
    rows = iter(table)
    while True:
        with translation.override(language):
            row = next(rows, None)
        if row is None:
            return
        yield row


def table_of(
    rows: QuerySet, columns: Sequence[str], texts: Mapping[str, Callable[[Any], str]]
) -> Iterator[Sequence[Cell]]:
    """Yield heads, then a line for each row."""
    fields = [(column, _field(rows.model, column)) for column in columns]
    yield [_head(field) for _column, field in fields]
    cells = [
        texts.get(column) or partial(_cell, steps=column.split("."), field=field) for column, field in fields
    ]
    for row in by_key(rows):
        yield [cell(row) for cell in cells]


def by_key(rows: QuerySet) -> Iterator[Model]:
    """Yield rows in their order, ROWS_AT_ONCE by each query."""
    found = list(rows[:ROWS_AT_ONCE])
    while found:
        yield from found
        if len(found) < ROWS_AT_ONCE:
            return
        found = list(rows.filter(following(found[-1], rows.query.order_by))[:ROWS_AT_ONCE])


def _field(model: type[Model], column: str) -> Field:
    *relations, name = column.split(".")
    for relation in relations:
        related = model._meta.get_field(relation).related_model
        assert isinstance(related, type)
        model = related
    field = model._meta.get_field(name)
    assert isinstance(field, Field)
    return field


def _head(field: Field) -> str:
    label = capfirst(field.verbose_name)
    return label.replace("(fen)", "(yuan)").replace("（分）", "（元）")


def _cell(row: Model, steps: Sequence[str], field: Field) -> Cell:
    *relations, name = steps
    found: Any = row
    for relation in relations:
        found = getattr(found, relation)
        if found is None:
            return None
    if field.choices:
        return str(getattr(found, f"get_{name}_display")())
    value = getattr(found, name)
    if name.endswith("_fen"):
        return yuan(value)
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    return str(value) if isinstance(value, Model) else value
