"""Notes that staff write on a row, for staff alone: no page or mail for renters shows them."""

import uuid

from django import forms
from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.fields import PlainTextField

MAX_NOTE_LENGTH = 1000


class StaffNote(models.Model):
    """A note. Added, never changed or deleted."""

    text = models.TextField(_("note"), max_length=MAX_NOTE_LENGTH)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by")
    )
    created_at = models.DateTimeField(_("time"), default=timezone.now)
    form_key = models.UUIDField(unique=True, editable=False)
    """Key of the form that it came by, so that one sent twice makes one note."""

    class Meta:
        abstract = True
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.text


class NoteForm(forms.Form):
    text = PlainTextField(
        label=_("New note"),
        max_length=MAX_NOTE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"}),
        help_text=_("For staff only. The renter never sees it."),
        error_messages={"required": _("Please write a few words.")},
    )
    form_key = forms.UUIDField(required=False, initial=uuid.uuid4, widget=forms.HiddenInput)

    def clean_form_key(self) -> uuid.UUID:
        return self.cleaned_data["form_key"] or uuid.uuid4()
