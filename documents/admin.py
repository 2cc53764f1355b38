"""Admin of the documents: staff read every version and publish the next one."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.admin import DatesInRange
from core.fields import PlainLineField, PlainTextField
from documents import current
from documents.models import AGREED, MAX_LENGTH, Kind, Version

_LARGE = forms.Textarea(attrs={"class": "vLargeTextField", "rows": 24})
_LINE = forms.TextInput(attrs={"class": "vTextField"})


class VersionForm(forms.ModelForm):
    """The next version. `base` is the number of the one that it was written from."""

    base = forms.IntegerField(label=_("version"), widget=forms.HiddenInput)
    text = PlainTextField(label=_("text in Chinese"), max_length=MAX_LENGTH, widget=_LARGE)
    text_en = PlainTextField(label=_("text in English"), max_length=MAX_LENGTH, widget=_LARGE)
    changed = PlainLineField(
        label=_("what changed, in Chinese"), max_length=200, required=False, widget=_LINE
    )
    changed_en = PlainLineField(
        label=_("what changed, in English"), max_length=200, required=False, widget=_LINE
    )

    class Meta:
        model = Version
        fields = ("kind", "base", "text", "text_en", "changed", "changed_en")
        widgets = {"kind": forms.HiddenInput}

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if data.get("kind") in AGREED:
            for name in ("changed", "changed_en"):
                if not data.get(name) and not self.has_error(name):
                    self.add_error(name, _("Renters are told of the new version: say what changed."))
        if "base" in data and data.get("kind") and data["base"] != _newest_number(data["kind"]):
            self.add_error(None, _("Another version has been published meanwhile. Add your change to that."))
        return data


def _newest_number(kind: str) -> int:
    """Return the newest number, locked: of two who publish at once, the second sees the first's.

    The row of the content type stands in for a row of the document, which may have none yet.
    """
    kinds = ContentType.objects.select_for_update()
    kinds.get(app_label=Version._meta.app_label, model=Version._meta.model_name)
    newest = Version.objects.filter(kind=kind).order_by("-number").values_list("number", flat=True).first()
    return newest or current.FIRST


@admin.register(Version)
class VersionAdmin(DatesInRange):
    form = VersionForm
    list_display = ("kind", "number", "changed_shown", "author", "created_at")
    list_filter = ("kind",)
    list_select_related = ("author",)
    change_list_template = "admin/documents/list.html"
    add_form_template = "admin/documents/add.html"
    actions = None
    show_facets = admin.ShowFacets.NEVER

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Version | None = None) -> list[Any]:
        if obj is None:
            return list(VersionForm.Meta.fields)
        return ["kind", "number", "text", "text_en", "changed", "changed_en", "author", "created_at"]

    @admin.display(description=_("what changed"))
    def changed_shown(self, row: Version) -> str:
        return current.of_row(row).changed

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Start from the text that is read now."""
        kind = _kind_of(request)
        row = Version.objects.filter(kind=kind).order_by("-number").first()
        if row is None:
            chinese, english = (current.shipped_text(kind, language) for language in ("zh-hans", "en"))
            return {"kind": kind.value, "base": str(current.FIRST), "text": chinese, "text_en": english}
        return {"kind": kind.value, "base": str(row.number), "text": row.text, "text_en": row.text_en}

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        title = gettext("New version: %(document)s") % {"document": _kind_of(request).label}
        return super().add_view(request, form_url, {"title": title, **(extra_context or {})})

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        documents = [current.newest(kind) for kind in Kind]
        return super().changelist_view(request, {"documents": documents, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: Version, form: Any, change: bool) -> None:
        obj.author = request.user  # type: ignore[assignment]  # signed in
        obj.number = form.cleaned_data["base"] + 1
        super().save_model(request, obj, form, change)
        transaction.on_commit(current.forget_numbers)


def _kind_of(request: HttpRequest) -> Kind:
    typed = request.POST.get("kind") or request.GET.get("kind")
    return Kind(typed) if typed in Kind.values else Kind.TERMS
