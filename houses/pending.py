"""Good photos of a form that was refused for something else, kept until it is sent again.

The page carries a signed token for each. The files lie in the storage beside the others, already prepared,
so that nothing of the uploaded file is kept; the hourly clean-up deletes them after a day.
"""

from datetime import timedelta
from pathlib import PurePosixPath

from django.core import signing
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _

from houses.photos import Photo, PhotoRefused, endings, widths

FOLDER = "houses/pending"
KEPT_FOR = timedelta(days=1)
_SALT = "houses.pending"


def keep(photo: Photo) -> str:
    """Store every size, once, and return the token that `find` takes."""
    if photo.token:
        return photo.token
    stem = f"{FOLDER}/{get_random_string(20)}"
    for ending, content in photo.files.items():
        default_storage.save(f"{stem}-{ending}", ContentFile(content))
    photo.token = signing.dumps([stem, photo.width, photo.height], salt=_SALT)
    return photo.token


def find(token: str) -> Photo:
    """The kept photo. Its files stay, so a form that is sent twice finds it twice. Raises PhotoRefused."""
    try:
        stem, width, height = _read(token)
        files = {ending: _content(f"{stem}-{ending}") for ending in endings(width)}
    except (signing.BadSignature, OSError):
        raise PhotoRefused(_("The photo that you chose before is no longer kept. Choose it again.")) from None
    return Photo(files, width, height, token)


def preview_url(token: str) -> str:
    """The address of the smallest size, empty for a token that isn't ours or is too old."""
    try:
        stem, width, _height = _read(token)
    except signing.BadSignature:
        return ""
    return default_storage.url(f"{stem}-{widths(width)[0]}.jpg")


def delete_old() -> int:
    """Delete what no form can name any more."""
    try:
        names = default_storage.listdir(FOLDER)[1]
    except FileNotFoundError:
        return 0
    return sum(_deleted_if_old(str(PurePosixPath(FOLDER) / name)) for name in names)


def _deleted_if_old(name: str) -> bool:
    try:
        is_old = default_storage.get_modified_time(name) < timezone.now() - KEPT_FOR
    except FileNotFoundError:  # another sweep was faster
        return False
    if is_old:
        default_storage.delete(name)
    return is_old


def _read(token: str) -> tuple[str, int, int]:
    stem, width, height = signing.loads(token, salt=_SALT, max_age=KEPT_FOR)
    return stem, width, height


def _content(name: str) -> bytes:
    with default_storage.open(name) as file:
        return file.read()
