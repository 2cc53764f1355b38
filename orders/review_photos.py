"""Photos of a review: chosen several at once, prepared one after the other, kept while the form is refused.

Only one picture is decoded at a time, and each is stored as pending before the next is opened.
"""

from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.transactions import durable_transaction
from houses import pending
from houses.photo_form import KeptPhoto
from houses.photos import PhotoRefused, prepare
from orders.models import Order, ReviewPhoto
from orders.reviews import MAX_PHOTOS


@dataclass
class Chosen:
    uploads: list[Any] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.uploads or self.tokens)


class PhotosInput(forms.FileInput):
    """A file input for several photos. The template shows those that were good as boxes `…-kept`."""

    allow_multiple_selected = True

    def __init__(self) -> None:
        super().__init__(attrs={"accept": "image/*,.heic,.heif", "multiple": True})

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Chosen:
        uploads = files.getlist(name) if isinstance(files, MultiValueDict) else []
        return Chosen(uploads, data.getlist(f"{name}-kept") if hasattr(data, "getlist") else [])

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return not self.value_from_datadict(data, files, name)


class PhotosField(forms.Field):
    """Cleans to tokens of pending photos. `kept` has the good ones, also where others were refused."""

    widget = PhotosInput

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.kept: list[KeptPhoto] = []

    def clean(self, value: Chosen) -> list[str]:
        self.kept = [KeptPhoto(token) for token in value.tokens[:MAX_PHOTOS] if pending.preview_url(token)]
        if len(value.uploads) + len(self.kept) > MAX_PHOTOS:
            raise ValidationError(_("Choose at most %(count)d photos.") % {"count": MAX_PHOTOS})
        refused = [error for upload in value.uploads for error in self._keep(upload)]
        if len(self.kept) + len(refused) < len(value.uploads) + len(value.tokens):
            refused.append(_("The photo that you chose before is no longer kept. Choose it again."))
        if refused:
            raise ValidationError(refused)
        return [photo.token for photo in self.kept]

    def _keep(self, upload: Any) -> list[str]:
        """Prepare an upload, and return why it was refused."""
        try:
            self.kept.append(KeptPhoto(pending.keep(prepare(upload))))
        except PhotoRefused as refused:
            return [f"{upload.name}: {refused}"]
        return []


def photos_field() -> PhotosField:
    return PhotosField(
        label=gettext_lazy("Photos"),
        required=False,
        help_text=gettext_lazy("Up to 6, of the home as you found it. Everybody can see them."),
    )


def change(order_key: int, review_key: int, *, tokens: list[str], removed: list[str]) -> None:
    """Remove photos of a review and add the pending ones, as many as there is room for."""
    added = [stored for token in tokens if (stored := _stored(review_key, token))]
    if added or removed:
        _write(order_key, review_key, added, removed)


def _stored(review_key: int, token: str) -> ReviewPhoto | None:
    """Write the files of a pending photo for a row to come. None if it is no longer kept."""
    try:
        photo = ReviewPhoto(review_id=review_key, image=pending.find(token))
    except PhotoRefused:
        return None
    photo.store_sizes()
    return photo


@durable_transaction
def _write(order_key: int, review_key: int, added: list[ReviewPhoto], removed: list[str]) -> None:
    Order.objects.select_for_update().only("pk").get(pk=order_key)  # two windows share the six
    own = ReviewPhoto.objects.filter(review=review_key)
    for photo in own.filter(
        pk__in=[int(key) for key in removed if key.isascii() and key.isdigit() and len(key) < 19]
    ):
        photo.delete()
    there = own.count()
    for position, photo in enumerate(added, there + 1):
        if position > MAX_PHOTOS:
            photo.delete_files_after_commit()
        else:
            photo.pk, photo.position = None, position
            photo.save(force_insert=True)
