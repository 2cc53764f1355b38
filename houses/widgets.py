"""Widgets of forms about stays."""

from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _


class Stepper(forms.NumberInput):
    """Number field to which static/js/stepper.js adds a − and a + button, named by the data attributes."""

    def __init__(self, attrs: dict[str, object] | None = None) -> None:
        labels = {"data-fewer": _("One guest fewer"), "data-more": _("One guest more")}
        super().__init__({"inputmode": "numeric", **labels, **(attrs or {})})

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        return format_html('<div class="stepper">{}</div>', super().render(name, value, attrs, renderer))
