"""Mobile numbers as people type and paste them."""

import re
import unicodedata
from typing import Any

from django import forms

MAX_TYPED = 40
"""Characters that an input takes: a country code, blanks, and marks that a copied contact brings along."""

_PREFIX = re.compile(r"(?:\+|00)?86(?=1[3-9][0-9]{9}\Z)")
_SEPARATORS = re.compile(r"[\s().·\-‐‑‒–—―−]")


def clean_mobile(typed: str) -> str:
    """Return the eleven digits of a mainland mobile number, or the text as it was typed if it is none.

    Drops +86, 86 or 0086, blanks, hyphens and invisible marks (Windows and WeChat put U+202A…U+202C around a
    copied number). Full-width digits become ordinary ones; those of other scripts don't.
    """
    visible = "".join(
        char for char in unicodedata.normalize("NFKC", typed) if unicodedata.category(char) != "Cf"
    )
    number = _PREFIX.sub("", _SEPARATORS.sub("", visible))
    return number if re.fullmatch(r"1[3-9][0-9]{9}", number) else typed


class MobileField(forms.CharField):
    """A mobile number in any usual spelling. Validators see the eleven digits."""

    def to_python(self, value: Any) -> str | None:
        typed = super().to_python(value)
        return clean_mobile(typed) if typed else typed

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {**super().widget_attrs(widget), "maxlength": str(MAX_TYPED)}
