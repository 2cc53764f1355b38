"""Forms of the admin that need none of Django's scripts."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.db import models

from core.fields import DateInput


class PlainForms(admin.ModelAdmin):
    """Mixin: a form loads none of Django's scripts, which are two thirds of the weight of its page.

    Dates are chosen in the browser's own field. Choices have no links beside them that open a pop-up: without
    the script they would lead away from a form half filled in.
    """

    formfield_overrides = {models.DateField: {"widget": DateInput}}

    @property
    def media(self) -> forms.Media:
        return forms.Media()

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field
