"""Guests' names, arrival time and a note for staff: typed with a booking, or later on the order's page."""

import re
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.names import is_plain_name
from core import draft_cookies
from core.fields import PlainTextField

MAX_NAMES_LENGTH = 200
MAX_NAME_LENGTH = 40
MAX_NOTE_LENGTH = 300
BETWEEN_NAMES = "、"
ARRIVAL_TIMES = [
    ("", _("I don't know yet")),
    *((f"{hour}:00", f"{hour}:00 – {hour + 1}:00") for hour in range(12, 24)),
    ("24:00", _("After midnight")),
]
COOKIE = f"{settings.COOKIE_PREFIX}guests"
_SALT = "houses.guest_form"


class GuestForm(forms.Form):
    """All of it is optional. `guests`: how many the stay is for, if that is known."""

    guest_names = PlainTextField(
        label=_("Guests' names"),
        required=False,
        max_length=MAX_NAMES_LENGTH,
        help_text=_("Separate names with commas, as on their ID cards."),
    )
    arrival_time = forms.ChoiceField(label=_("Arrival time"), required=False, choices=ARRIVAL_TIMES)
    note = PlainTextField(
        label=_("Note for us"),
        required=False,
        max_length=MAX_NOTE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, guests: int | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.guests = guests

    @property
    def has_content(self) -> bool:
        """Something is typed, or refused."""
        return bool(self.errors) or any(self[name].value() for name in self.fields)

    def clean_guest_names(self) -> str:
        return clean_names(self.cleaned_data["guest_names"] or "", self.guests)


def clean_names(typed: str, guests: int | None) -> str:
    """Return the names with `、` between them. Raises ValidationError, also for more names than guests."""
    parts = re.split(r"[,，、;；\n]+", typed)
    names = [" ".join(name.split()) for name in parts if name.strip()]
    for name in names:
        is_plain_name(name)
        if len(name) > MAX_NAME_LENGTH:
            raise forms.ValidationError(_("Please put commas between the names."))
    if guests and len(names) > guests:
        message = ngettext(
            "These are more names than the %(count)d guest of the stay. Please check both.",
            "These are more names than the %(count)d guests of the stay. Please check both.",
            guests,
        )
        raise forms.ValidationError(message % {"count": guests})
    return BETWEEN_NAMES.join(names)[:MAX_NAMES_LENGTH]


def keep_draft(request: HttpRequest, response: HttpResponse, *, pk: int) -> HttpResponse:
    """Keep in a signed cookie what was typed for this house, while the visitor signs in."""
    draft = {name: request.POST.get(name, "")[:MAX_NOTE_LENGTH] for name in GuestForm.base_fields}
    value = draft_cookies.signed({"house": pk, **draft}, salt=_SALT)
    if request.method == "POST" and any(draft.values()) and len(value) <= draft_cookies.MAX_LENGTH:
        draft_cookies.keep(response, COOKIE, value)
    return response


def read_draft(request: HttpRequest, pk: int) -> dict[str, str]:
    """Return what was typed for this house; empty without a draft."""
    draft = draft_cookies.read(request, COOKIE, salt=_SALT)
    return draft if draft and draft.pop("house") == pk else {}


def forget_draft(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    if COOKIE in request.COOKIES:
        draft_cookies.forget(response, COOKIE)
    return response
