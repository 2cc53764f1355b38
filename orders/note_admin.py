"""Notes on the page of an order in the admin, with those on its renter."""

from typing import Any

from django import forms
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import UserNote
from core.admin_notes import TakesNotes, write
from core.staff_notes import NoteForm, StaffNote
from orders.models import OrderNote


class OrderNoteForm(NoteForm):
    about_renter = forms.BooleanField(
        label=_("About the renter: show it with all their orders"), required=False
    )


class OrderNotes(TakesNotes):
    """Mixin of the admin of orders."""

    note_model = OrderNote
    note_on = "order"
    note_form = OrderNoteForm

    def notes_of(self, request: HttpRequest, row: Any) -> list[StaffNote]:
        """Return the notes on the order, and on its renter, the newest first."""
        notes = super().notes_of(request, row)
        if request.user.has_perm("accounts.view_usernote"):
            notes += UserNote.objects.filter(user=row.renter_id).select_related("author")
        return sorted(notes, key=lambda note: note.created_at, reverse=True)

    def add_note(self, request: HttpRequest, row: Model, *, about_renter: bool = False, **typed: Any) -> bool:
        if about_renter and request.user.has_perm("accounts.add_usernote"):
            return write(UserNote, typed, author=request.user, user_id=row.renter_id)  # type: ignore[attr-defined]
        return super().add_note(request, row, **typed)
