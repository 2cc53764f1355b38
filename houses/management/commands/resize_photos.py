from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand
from django.db.models import Q

from houses.models import HousePhoto
from houses.photos import PhotoRefused


class Command(BaseCommand):
    help = (
        "Makes the sizes of photos that are older than them, and deletes their former files: "
        "these may still hold comments and places. Can be run again."
    )

    def handle(self, *args: object, **options: object) -> None:
        made = sum(self._resized(photo) for photo in HousePhoto.objects.filter(stem="").order_by("pk"))
        self.stdout.write(f"{made} photos were made anew.")

    def _resized(self, photo: HousePhoto) -> bool:
        before = {name for name in (photo.image.name, photo.thumbnail.name) if name}
        try:
            with default_storage.open(str(photo.image.name)) as file:
                photo.image = file
                photo.save(update_fields=["image"])
        except (OSError, PhotoRefused) as error:
            self.stderr.write(f"photo {photo.pk} stays as it is ({', '.join(sorted(before))}): {error}")
            return False
        for name in before - _in_use(before):
            default_storage.delete(name)
        return True


def _in_use(names: set[str]) -> set[str]:
    rows = HousePhoto.objects.filter(Q(image__in=names) | Q(thumbnail__in=names))
    return {name for row in rows.values_list("image", "thumbnail") for name in row}
