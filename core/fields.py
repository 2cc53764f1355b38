"""Form fields that more than one app uses."""

import re
import unicodedata
from datetime import date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.dates import FIRST_DAY, LAST_DAY, is_in_range, parse_date
from core.money import parse_yuan, yuan_text
from core.numbers import visible

# Control characters except tab and line breaks (Django itself refuses NUL), bidirectional controls and blank
# letters. Joiners stay: Persian text and composed emoji need them.
INVISIBLE = re.compile(
    "[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff9-\ufffb]"
)
_DAY_AND_TIME = re.compile(r"(.+?)[T\s]*([0-9]{1,2}:[0-9]{2})")
_JOINERS = re.compile(r"[\s\u034f\u180b-\u180d\u200c\u200d\ufe00-\ufe0f\U000e0020-\U000e007f]+")


class PlainTextField(forms.CharField):
    """Text that other people read. Strips invisible characters; a value of nothing else is empty."""

    def to_python(self, value: Any) -> str | None:
        text = super().to_python(value)
        if not text:
            return text
        text = INVISIBLE.sub("", text.replace("\r\n", "\n")).strip()  # as maxlength counts them
        return self.empty_value if not _JOINERS.sub("", text) else text


class PlainLineField(PlainTextField):
    """A PlainTextField of one line: runs of whitespace become one space."""

    def to_python(self, value: Any) -> str | None:
        text = super().to_python(value)
        return " ".join(text.split()) if text else text


class PlainEmailField(forms.EmailField):
    """An email address. Drops invisible marks and the punctuation around a copied one; `。` becomes a dot."""

    def to_python(self, value: Any) -> str | None:
        text = super().to_python(value)
        if not text:
            return text
        plain = _JOINERS.sub("", INVISIBLE.sub("", unicodedata.normalize("NFKC", text))).replace("。", ".")
        # Django lets any mark stand in the last label, which ends in a letter or a digit.
        return re.sub(r"[\W_]+$", "", plain.lstrip(" \t\r\n.,;:、<>()[]\"'“”‘’《》「」"))

    def run_validators(self, value: Any) -> None:
        if value and not value.isprintable():
            raise ValidationError(validate_email.message, code=validate_email.code)
        super().run_validators(value)


class DateInput(forms.DateInput):
    """The browser's own date field. It takes and shows ISO dates alone, in any language."""

    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%d")


class TypedDateField(forms.DateField):
    """A date, in any spelling of parse_date() or of the language. Shown as ISO, which pickers need."""

    def prepare_value(self, value: Any) -> Any:
        return (parse_date(value) or value) if isinstance(value, str) else value

    def to_python(self, value: Any) -> date | None:
        typed = parse_date(value) if isinstance(value, str) else None
        day = typed or super().to_python(value)
        if day and not is_in_range(day):
            years = {"first": FIRST_DAY.year, "last": LAST_DAY.year}
            raise ValidationError(_("Enter a date between the years %(first)d and %(last)d.") % years)
        return day


class TypedDateTimeField(forms.DateTimeField):
    """A date, in any spelling of parse_date(), and a time of day. As a picker sends it, 2026-12-20T18:30."""

    default_error_messages = {"invalid": gettext_lazy("Enter a valid date/time.")}

    def __init__(self, **options: Any) -> None:
        super().__init__(input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"], **options)

    def to_python(self, value: Any) -> datetime | None:
        plain = visible(value).strip() if isinstance(value, str) else ""
        if (match := _DAY_AND_TIME.fullmatch(plain)) and (day := parse_date(match[1])):
            value = f"{day}T{match[2]}"
        moment = super().to_python(value)
        if moment and not is_in_range(moment.date()):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return moment


class YuanField(forms.Field):
    """An amount typed in yuan, as 300 or 300.00. Cleans to fen, and takes fen as its initial value."""

    def __init__(self, *, at_least_fen: int = 1, at_most_fen: int | None = None, **options: Any) -> None:
        self.at_least_fen, self.at_most_fen = at_least_fen, at_most_fen
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "size": 14})
        super().__init__(widget=widget, **options)

    def prepare_value(self, value: object) -> object:
        return yuan_text(value) if isinstance(value, int) else value

    def to_python(self, value: object) -> int | None:
        text = "" if value is None else str(value).strip()
        if not text:
            return None
        try:
            return parse_yuan(text if "." in text else f"{text}.00")
        except ValueError:
            raise ValidationError(_("Enter an amount in yuan, e.g. 300 or 300.00.")) from None

    def run_validators(self, value: int | None) -> None:
        if value is not None and value < self.at_least_fen:
            raise ValidationError(_("The minimum is %(yuan)s.") % {"yuan": yuan_text(self.at_least_fen)})
        if value is not None and self.at_most_fen is not None and value > self.at_most_fen:
            raise ValidationError(
                _("At most %(yuan)s can be refunded.") % {"yuan": yuan_text(self.at_most_fen)}
            )
        super().run_validators(value)
