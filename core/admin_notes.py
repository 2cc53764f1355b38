"""Notes of staff in the admin: a panel on the page of a row, and the page of a note that was refused."""

from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext

from core.staff_notes import NoteForm, StaffNote


class TakesNotes:
    """Mixin of an admin whose rows have `notes`, of `note_model`, which refer to the row as `note_on`."""

    note_model: ClassVar[type[StaffNote]]
    note_on: ClassVar[str]
    note_form: ClassVar[type[NoteForm]] = NoteForm

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.note_view)  # type: ignore[attr-defined]
        return [path("<id>/note/", view, name=self._url("note")), *super().get_urls()]  # type: ignore[misc]

    def _url(self, page: str) -> str:
        opts = self.opts  # type: ignore[attr-defined]
        return f"{opts.app_label}_{opts.model_name}_{page}"

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if row := context.get("original"):
            context |= self.notes_context(request, row)
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]

    def notes_context(self, request: HttpRequest, row: Any) -> dict[str, object]:
        may_write = self._may(request, "add")
        return {
            "notes": self.notes_of(request, row) if self._may(request, "view") else [],
            "note_form": self.note_form(auto_id="note_%s") if may_write else None,
            "note_url": reverse(f"admin:{self._url('note')}", args=[row.pk]),
        }

    def notes_of(self, request: HttpRequest, row: Any) -> list[StaffNote]:
        return list(row.notes.select_related("author"))

    def _may(self, request: HttpRequest, verb: str) -> bool:
        opts = self.note_model._meta
        return request.user.has_perm(f"{opts.app_label}.{verb}_{opts.model_name}")

    def note_view(self, request: HttpRequest, id: str) -> HttpResponse:
        row = self.get_object(request, unquote(id))  # type: ignore[attr-defined]
        if row is None:
            raise Http404
        may_see = self.has_view_permission(request, row)  # type: ignore[attr-defined]
        if not (may_see and self._may(request, "add")):
            raise PermissionDenied
        form = self.note_form(request.POST if request.method == "POST" else None, auto_id="note_%s")
        if not form.is_valid():
            return self._note_page(request, row, form)
        if self.add_note(request, row, **form.cleaned_data):
            self.log_change(request, row, gettext("Added a note."))  # type: ignore[attr-defined]
        messages.success(request, gettext("Note added."))
        return redirect(f"admin:{self._url('change')}", row.pk)

    def add_note(self, request: HttpRequest, row: Model, **typed: Any) -> bool:
        """Add the note. False if its form was sent before."""
        return write(self.note_model, typed, author=request.user, **{self.note_on: row})

    def _note_page(self, request: HttpRequest, row: Model, form: NoteForm) -> HttpResponse:
        page = {"title": gettext("Note"), "opts": self.opts, "original": row}  # type: ignore[attr-defined]
        page.update(note_form=form, note_url=request.path)
        page.update(self.admin_site.each_context(request))  # type: ignore[attr-defined]
        return TemplateResponse(request, "admin/note.html", page, status=422 if form.is_bound else 200)


def write(model: type[StaffNote], typed: dict[str, Any], **columns: Any) -> bool:
    """Save a note once for each form. False if it was saved before."""
    values = {"text": typed["text"], **columns}
    return model._default_manager.get_or_create(form_key=typed["form_key"], defaults=values)[1]
