"""Rows of photos: their files in every size, deleted with the row or when it gets another picture."""

from functools import partial
from string import ascii_lowercase, digits
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import models, transaction
from django.db.models import Q
from django.utils.crypto import get_random_string
from django.utils.translation import gettext_lazy as _

from houses import photos


class StoredPhoto(models.Model):
    """A photo of something: a model with a foreign key to it. Connect `forget_photo` to its post_delete."""

    # Not an ImageField: that opens whatever it is given, in any format that Pillow knows.
    image = models.FileField(_("photo"), upload_to="houses/%Y/%m")
    width = models.PositiveIntegerField(editable=False)
    height = models.PositiveIntegerField(editable=False)
    # The JPEG for cards. Empty where a photo is older than this column: then the photo itself is shown.
    thumbnail = models.FileField(
        upload_to="houses/%Y/%m", editable=False, blank=True, default="", db_default=""
    )
    # The common beginning of the names of all sizes. Empty where a photo is older than its sizes.
    stem = models.CharField(max_length=100, editable=False, blank=True, default="", db_default="")
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        abstract = True
        ordering = ["position", "id"]
        verbose_name = _("photo")
        verbose_name_plural = _("photos")

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store a new picture in every size, under names of our own. Raises PhotoRefused.

        The files of the picture before are deleted after the commit.
        """
        former = None
        if self.image and not self.image._committed:  # type: ignore[attr-defined]
            self.store_sizes()
            former = type(self)._base_manager.filter(pk=self.pk).first()
            if (only := kwargs.get("update_fields")) is not None:
                kwargs["update_fields"] = {*only, "image", "thumbnail", "stem", "width", "height"}
        super().save(*args, **kwargs)
        if former:
            former.delete_files_after_commit()  # at once outside of transactions, so only after the row

    def store_sizes(self) -> None:
        """Write the files, and name them in this row. Raises PhotoRefused."""
        given, field = self.image.file, self.image.field
        photo = given if isinstance(given, photos.Photo) else photos.prepare(given)
        self.stem = field.generate_filename(self, get_random_string(12, ascii_lowercase + digits))
        for ending, content in photo.files.items():
            field.storage.save(f"{self.stem}-{ending}", ContentFile(content))
        self.width, self.height = photo.width, photo.height
        self.image = f"{self.stem}-{self.width}.jpg"
        self.thumbnail = f"{self.stem}-{min(self.width, photos.CARD_WIDTH)}.jpg"

    @property
    def file_names(self) -> set[str]:
        """The names of all sizes, or of the one or two files of a photo that is older than its sizes."""
        names = {str(file.name) for file in (self.image, self.thumbnail) if file}
        return names | {f"{self.stem}-{end}" for end in photos.endings(self.width) if self.has_sizes}

    def delete_files_after_commit(self) -> None:
        """Delete the files of a row that was replaced or deleted. After a rollback it still shows them."""
        transaction.on_commit(partial(_delete_unused, type(self), self.file_names), robust=True)

    @property
    def small(self) -> models.fields.files.FieldFile:
        """For browsers that don't choose among sizes."""
        return self.thumbnail or self.image

    @property
    def webp_srcset(self) -> str:
        return self._srcset("webp") if self.has_sizes else ""

    @property
    def jpeg_srcset(self) -> str:
        if self.has_sizes:
            return self._srcset("jpg")
        if self.thumbnail and self.width > photos.CARD_WIDTH:
            return f"{self.thumbnail.url} {photos.CARD_WIDTH}w, {self.image.url} {self.width}w"
        return ""

    @property
    def has_sizes(self) -> bool:
        """Also holds the name against the stem: the version before replaces an image without its stem."""
        return bool(self.stem) and str(self.image.name).startswith(f"{self.stem}-")

    def _srcset(self, ending: str) -> str:
        url = self.image.storage.url
        return ", ".join(f"{url(f'{self.stem}-{w}.{ending}')} {w}w" for w in photos.widths(self.width))


def _delete_unused(model: type[StoredPhoto], names: set[str]) -> None:
    """Delete the files that no photo names any more."""
    rows = model._base_manager.filter(Q(image__in=names) | Q(thumbnail__in=names))
    for name in names - {name for row in rows for name in row.file_names}:
        default_storage.delete(name)


def forget_photo(instance: StoredPhoto, **signal: object) -> None:
    """Receiver of post_delete, which also comes for the photos of a deleted house."""
    instance.delete_files_after_commit()
