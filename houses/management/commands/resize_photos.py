from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand

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
        names = ", ".join(sorted(photo.file_names))
        try:
            with default_storage.open(str(photo.image.name)) as file:
                photo.image = file
                photo.save(update_fields=["image"])
        except (OSError, PhotoRefused) as error:
            self.stderr.write(f"photo {photo.pk} stays as it is ({names}): {error}")
            return False
        return True
