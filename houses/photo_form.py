"""Uploading a photo: what is wrong stands beside it, and a good one outlives the errors of its form."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminFileWidget
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from houses import pending
from houses.models import HousePhoto
from houses.photos import Photo, PhotoRefused, prepare


@dataclass(frozen=True)
class KeptPhoto:
    """A pending photo. Widgets show it as they show a stored file."""

    token: str

    def __str__(self) -> str:
        return _("the photo that you chose")

    @property
    def url(self) -> str:
        return pending.preview_url(self.token)


class PhotoInput(AdminFileWidget):
    """A file input that also carries the token of a photo sent before."""

    def __init__(self) -> None:
        super().__init__(attrs={"accept": "image/*,.heic,.heif"})

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """An upload goes before the photo that was kept, and remembers it in case it is no good."""
        upload, token = super().value_from_datadict(data, files, name), data.get(_kept(name))
        kept = KeptPhoto(token) if token else None
        if isinstance(upload, UploadedFile):
            upload.kept = kept  # type: ignore[attr-defined]
        return kept if upload is None else upload

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return super().value_omitted_from_data(data, files, name) and _kept(name) not in data

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        if isinstance(value, KeptPhoto):
            context["widget"]["attrs"].pop("required", None)
        return context

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        html = super().render(name, value, attrs, renderer)
        if isinstance(value, KeptPhoto):
            hidden = '<input type="hidden" name="{}" value="{}">'
            html += format_html(hidden, _kept(name), value.token)
        return html


def _kept(name: str) -> str:
    return f"{name}-kept"


class PhotoField(forms.FileField):
    """Cleans to a Photo; a stored file that is not replaced stays as it is."""

    widget = PhotoInput

    def to_python(self, data: Any) -> Photo | None:
        try:
            if isinstance(data, KeptPhoto):
                return pending.find(data.token)
            upload = super().to_python(data)
            if upload is None:
                return None
            photo = prepare(upload)
        except PhotoRefused as refused:
            raise ValidationError(str(refused)) from refused
        upload.photo = photo  # type: ignore[attr-defined]  # for bound_data
        return photo

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Only asked for when the form is shown again: a photo that was good is kept from here on."""
        if isinstance(data, UploadedFile):
            photo = getattr(data, "photo", None)
            data = KeptPhoto(pending.keep(photo)) if photo else getattr(data, "kept", None)
        return data if isinstance(data, KeptPhoto) and data.url else initial


class HousePhotoForm(forms.ModelForm):
    image = PhotoField(label=gettext_lazy("photo"))

    class Meta:
        model = HousePhoto
        fields = ["image", "position", "caption", "caption_en"]
