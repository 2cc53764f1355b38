"""Mobile numbers as people type and paste them."""

import re
from typing import Any

from django import forms

from core.numbers import visible

MAX_TYPED = 40
"""Characters that an input takes: a country code, blanks, and marks that a copied contact brings along."""

_PREFIX = re.compile(r"(?:\+|00)?86(?=1[3-9][0-9]{9}\Z)")
_SEPARATORS = re.compile(r"[\s().·\-‐‑‒–—―−]")


def clean_mobile(typed: str) -> str:
    """Return the eleven digits of a mainland mobile number, or the text as it was typed if it is none.

    Drops +86, 86 or 0086, blanks, hyphens and invisible marks (Windows and WeChat put U+202A…U+202C around a
    copied number). Full-width digits become ordinary ones; those of other scripts don't.
    """
    number = _PREFIX.sub("", _SEPARATORS.sub("", visible(typed)))
    return number if is_mobile(number) else typed


def is_mobile(text: str) -> bool:
    return re.fullmatch(r"1[3-9][0-9]{9}", text) is not None


def masked(typed: str) -> str:
    """Return the number for a log line. Text that is no number is left out: it may be a password."""
    return f"{typed[:3]}****{typed[-4:]}" if is_mobile(typed) else "no number"


class MobileField(forms.CharField):
    """A mobile number in any usual spelling. Validators see the eleven digits."""

    def to_python(self, value: Any) -> str | None:
        typed = super().to_python(value)
        return clean_mobile(typed) if typed else typed

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {**super().widget_attrs(widget), "maxlength": str(MAX_TYPED)}
