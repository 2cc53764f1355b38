"""Forms that write only the fields that were changed in them.

A page that was opened an hour ago holds a whole row as it was then. ChangedFieldsForm carries a digest of
each value along. A field that was left alone keeps what others wrote meanwhile; one that others changed, too,
is refused with their name and value, and sending the form again replaces it.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core import signing
from django.core.exceptions import ValidationError
from django.db.models import ManyToManyField, Model
from django.forms.models import BaseInlineFormSet, InlineForeignKeyField
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext, ngettext

_SALT = "core.changed_fields"
_SHOWN_LENGTH = 200
_COMMIT_TIME = timedelta(minutes=1)
"""An entry of the history may be so much older than the page that did not show its change yet."""


class ChangedFieldsForm(forms.ModelForm):
    """ModelForm that writes only what was changed in it. Lock the instance's row before validating.

    `opened_with` belongs in the page. A form that is sent without it is compared with the row as it is now.
    """

    opened_with = forms.CharField(label="", required=False, widget=forms.HiddenInput)
    tells_who = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.changed_fields: list[str] = []
        self.values_before: dict[str, str | list[str]] = {}
        self.is_change = not self.instance._state.adding
        if self.is_change and not self.is_bound:
            self.initial["opened_with"] = _signed(timezone.now(), self._digests())

    @property
    def history_row(self) -> Model:
        """The row in whose history changes are logged: an inline's parent."""
        parents = (f.parent_instance for f in self.fields.values() if isinstance(f, InlineForeignKeyField))
        return next(parents, self.instance)

    @property
    def changed_data(self) -> list[str]:
        """Fields to be written."""
        if not self.is_change:
            return super().changed_data
        _ = self.errors  # cleans
        return self.changed_fields

    def save(self, commit: bool = True) -> Any:
        row = super().save(commit=commit and not self.is_change)
        if commit and self.is_change:
            self.write_columns()
            self._save_m2m()  # type: ignore[attr-defined]
        return row

    def write_columns(self) -> None:
        """Write the changed columns of the row; save_m2m() writes the rest."""
        many = {field.name for field in self.instance._meta.many_to_many}
        if columns := [name for name in self.changed_fields if name not in many]:
            self.instance.save(update_fields=columns)

    def _post_clean(self) -> None:
        if self.is_change:
            self._merge()
        super()._post_clean()  # type: ignore[misc]

    def _merge(self) -> None:
        """Sort the fields into changed, left alone and refused, before the instance takes their values."""
        opened_at, digests_then = _read(self.data.get(self.add_prefix("opened_with"), ""))
        refused = {}
        for name in filter(self.cleaned_data.__contains__, self._compared()):
            now, typed = self._text_now(name), _text(self.cleaned_data[name])
            then = digests_then.get(name, _digest(now))
            if _digest(typed) == then:
                self.cleaned_data[name] = self._value_now(name)
            elif typed != now and _digest(now) == then:
                self.changed_fields.append(name)
                self.values_before[name] = self.shown(name)
            elif typed != now:
                refused[name] = _digest(now)
        for name in refused:
            self.add_error(name, self._refusal(name, opened_at))
        if refused:  # they have been told: sent again, the form replaces these
            told: Any = self.data.copy()  # type: ignore[attr-defined]
            told[self.add_prefix("opened_with")] = _signed(opened_at, {**digests_then, **refused})
            self.data = told

    def _compared(self) -> list[str]:
        meta = self.instance._meta
        columns = {field.name for field in (*meta.concrete_fields, *meta.many_to_many)}
        return [name for name, field in self.fields.items() if name in columns and not field.disabled]

    def _digests(self) -> dict[str, str]:
        return {name: _digest(self._text_now(name)) for name in self._compared()}

    def _text_now(self, name: str) -> str:
        return _text(self.instance._meta.get_field(name).value_from_object(self.instance))

    def _value_now(self, name: str) -> Any:
        value = getattr(self.instance, name)
        is_many = isinstance(self.instance._meta.get_field(name), ManyToManyField)
        return list(value.all()) if is_many else value

    def shown(self, name: str) -> str | list[str]:
        """The instance's value in words; a list for many-to-many fields."""
        value = self._value_now(name)
        if isinstance(value, list):
            return sorted(map(str, value))
        if isinstance(value, bool):
            return gettext("Yes") if value else gettext("No")
        display = getattr(self.instance, f"get_{name}_display", None)
        text = display() if display else self.fields[name].prepare_value(value)
        if isinstance(value, Model):
            text = str(value)
        return Truncator("" if text is None else text).chars(_SHOWN_LENGTH) or "-"

    def label(self, name: str) -> str:
        return str(self.fields[name].label or name)

    def _refusal(self, name: str, opened_at: datetime) -> str:
        shown = self.shown(name)
        values = {
            "field": self.label(name),
            "value": ", ".join(shown) if isinstance(shown, list) else shown,
            "who": self._who_changed(name, opened_at) if self.tells_who else None,
        }
        if values["who"]:
            message = gettext(
                "%(who)s changed “%(field)s” to “%(value)s” after you opened this page. Save again to use "
                "yours instead."
            )
        else:
            message = gettext(
                "“%(field)s” was changed to “%(value)s” after you opened this page. Save again to use "
                "yours instead."
            )
        return message % values

    def _who_changed(self, name: str, since: datetime) -> str | None:
        """The name of whoever changed a field last, by the admin's history. None if that doesn't tell."""
        row = self.history_row
        entries = LogEntry.objects.filter(
            content_type=ContentType.objects.get_for_model(row, for_concrete_model=False),
            object_id=str(row.pk),
            action_flag=CHANGE,
            action_time__gte=since - _COMMIT_TIME,
        ).select_related("user")
        inline_pk = None if row is self.instance else self.instance.pk
        by = (entry.user for entry in entries.order_by("-id")[:50] if _tells(entry, name, inline_pk))
        return next((user.get_full_name() for user in by), None)


class RowsStillThere(BaseInlineFormSet):
    """Formset that leaves out rows which others deleted after the page was opened, and says so once."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.gone = 0
        if self.is_bound and self.management_form.is_valid():
            self._leave_out_gone()

    def clean(self) -> None:
        super().clean()
        if self.gone:
            message = ngettext(
                "%d row was deleted after you opened this page and is left out. Save again.",
                "%d rows were deleted after you opened this page and are left out. Save again.",
                self.gone,
            )
            raise ValidationError(message % self.gone)

    def _leave_out_gone(self) -> None:
        initial, total = self.initial_form_count(), self.total_form_count()
        rows = self.get_queryset()
        there, pk = {str(row.pk) for row in rows}, rows.model._meta.pk.name
        kept = [
            n for n in range(total) if n >= initial or self.data.get(f"{self.add_prefix(n)}-{pk}") in there
        ]
        self.gone = total - len(kept)
        if self.gone:
            numbers = {old: new for new, old in enumerate(kept)}
            data = self._renumbered(self.data, numbers)
            for name, count in (("TOTAL", len(kept)), ("INITIAL", initial - self.gone)):
                data[f"{self.prefix}-{name}_FORMS"] = str(count)
            self.data, self.files = data, self.files and self._renumbered(self.files, numbers)
            del self.management_form

    def _renumbered(self, data: Any, numbers: dict[int, int]) -> Any:
        """Copy of posted data with the forms in `numbers` under their new numbers, without the others."""
        copy = data.copy()
        copy.clear()
        for key, values in data.lists():
            of_form = re.fullmatch(rf"{re.escape(str(self.prefix))}-(\d+)-(.+)", key, re.ASCII | re.DOTALL)
            if of_form is None:
                copy.setlist(key, values)
            elif (new := numbers.get(int(of_form[1]))) is not None:
                copy.setlist(f"{self.add_prefix(new)}-{of_form[2]}", values)
        return copy


def _tells(entry: LogEntry, name: str, inline_pk: object) -> bool:
    """Tell whether an entry says that the field was changed, of the row itself or of one of its inlines.

    One from before the names were kept may mean any field.
    """
    try:
        changes = [part["changed"] for part in json.loads(entry.change_message) if "changed" in part]
    except (ValueError, TypeError):  # a sentence of an action
        return False
    return any(
        name in change.get("field_names", [name]) and change.get("inline_pk", inline_pk) == inline_pk
        for change in changes
        if ("name" in change) is (inline_pk is not None)
    )


def _signed(opened_at: datetime, digests: dict[str, str]) -> str:
    return signing.dumps([opened_at.timestamp(), digests], salt=_SALT)


def _read(opened_with: str) -> tuple[datetime, dict[str, str]]:
    try:
        seconds, digests = signing.loads(opened_with, salt=_SALT)
    except signing.BadSignature:
        return timezone.now(), {}
    return datetime.fromtimestamp(seconds, tz=timezone.get_current_timezone()), digests


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _text(value: Any) -> str:
    """A value as text that is equal for equal values, cleaned by the form or read from the row."""
    if isinstance(value, Model):
        return str(value.pk)
    if isinstance(value, str):
        return value.replace("\r\n", "\n").strip()
    if isinstance(value, Iterable) and not hasattr(value, "name"):  # rows; a file has a name
        return ",".join(sorted(str(row.pk) for row in value))
    return "" if value is None else str(value)
