"""Admin forms that write only the fields that staff changed, and log old and new values."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.utils import flatten_fieldsets
from django.db import IntegrityError, connection
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse

from core.admin_deleting import NamedDeletions
from core.admin_forms import PlainForms
from core.changed_fields import ChangedFieldsForm, RowsStillThere
from core.transactions import durable_transaction


class _CarriesOpenedWith(BaseModelAdmin):
    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if not self._may_change(request, obj) or "opened_with" in flatten_fieldsets(fieldsets):
            return fieldsets
        (name, options), *others = fieldsets
        return [(name, {**options, "fields": [*options["fields"], "opened_with"]}), *others]

    def _may_change(self, request: HttpRequest, obj: Model | None) -> bool:
        return obj is not None and self.has_change_permission(request, obj)


class ChangedFieldsAdmin(_CarriesOpenedWith, NamedDeletions, PlainForms):
    """Mixin for every admin with a form for existing rows. Its inlines are ChangedFieldsInline."""

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if self._may_change(request, obj):
            kwargs["form"] = _writing_changes(kwargs.get("form", self.form))
        return super().get_form(request, obj, change=change, **kwargs)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return _told_if_taken(super().add_view, request, *args, **kwargs)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """Save in one durable transaction: two staff who edit each other can deadlock."""
        view = super().change_view
        if request.method == "POST":
            view = durable_transaction(view)
        return _told_if_taken(view, request, object_id, *args, **kwargs)

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """Lock the row that a form is about to change, so that it is compared and written in one step."""
        row = super().get_object(request, object_id, from_field)
        if row is not None and request.method == "POST" and connection.in_atomic_block:
            return self.lock(row)
        return row

    def lock(self, row: Model) -> Model | None:
        return self.model._default_manager.select_for_update().filter(pk=row.pk).first()

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        if change:
            form.write_columns()
        else:
            super().save_model(request, obj, form, change)

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        """Add old and new values, and the names of the fields, by which a refusal finds who it was."""
        message = super().construct_change_message(request, form, formsets, add)
        changed = [part["changed"] for part in message if "changed" in part]
        forms = [form] * (not add and bool(form.changed_data)) + _changed_inlines(formsets or [])
        for part, form_of_part in zip(changed, forms, strict=True):
            if isinstance(form_of_part, ChangedFieldsForm):
                part.update(_details(form_of_part, is_inline="name" in part))
        return message


class ChangedFieldsInline(_CarriesOpenedWith, admin.options.InlineModelAdmin):
    """Mixin for inlines. The lock on the parent's row covers theirs."""

    formset = RowsStillThere

    def get_formset(self, request: HttpRequest, obj: Model | None = None, **kwargs: Any) -> Any:
        if self._may_change(request, obj):
            kwargs["form"] = _writing_changes(kwargs.get("form", self.form))
        return super().get_formset(request, obj, **kwargs)

    def _may_change(self, request: HttpRequest, obj: Model | None) -> bool:
        parent = self.admin_site.get_model_admin(self.parent_model)
        return super()._may_change(request, obj) and parent.has_change_permission(request, obj)


def _told_if_taken(view: Callable[..., HttpResponse], *args: Any, **kwargs: Any) -> HttpResponse:
    """Run a view again if somebody else saved the same name or number just now: its form then says so."""
    try:
        return view(*args, **kwargs)
    except IntegrityError:
        return view(*args, **kwargs)


def _writing_changes(form: type[ModelForm]) -> type[ModelForm]:
    if issubclass(form, ChangedFieldsForm):
        return form
    return type(form.__name__, (ChangedFieldsForm, form), {})


def _changed_inlines(formsets: list[Any]) -> list[ModelForm]:
    """The forms of the changed rows, in the order in which Django reports them."""
    forms = []
    for formset in formsets:
        by_row = {id(form.instance): form for form in formset.initial_forms}
        forms += [by_row[id(row)] for row, names in formset.changed_objects]
    return forms


def _details(form: ChangedFieldsForm, *, is_inline: bool) -> dict[str, Any]:
    details = {
        "fields": [_old_and_new(form, name) for name in form.changed_fields],
        "field_names": form.changed_fields,
    }
    return {**details, "inline_pk": form.instance.pk} if is_inline else details


def _old_and_new(form: ChangedFieldsForm, name: str) -> str:
    """`price: 300.00 → 320.00`, or `amenities: +Kitchen −Bath`."""
    old, new = form.values_before[name], form.shown(name)
    if isinstance(old, list) and isinstance(new, list):
        signed = [f"+{value}" for value in new if value not in old]
        signed += [f"−{value}" for value in old if value not in new]
        return f"{form.label(name)}: {', '.join(signed)}"
    return f"{form.label(name)}: {old} → {new}"
