"""Photos in the form of a house: several chosen at once become rows of their own, and rows change places.

Both are done to what was posted, before Django reads it: a photo chosen among several is then checked,
refused or kept like one that was chosen alone.
"""

from typing import Any

from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

PREFIX = "photos"
CHOSEN = "photos-chosen"
"""Name of the file input for several photos."""
MOVE = "photos-move"
"""Name of the buttons; the value is such as `up 2`, for the row with this number."""
_TOTAL = f"{PREFIX}-TOTAL_FORMS"
MAX_ROWS = 1000


def with_rows(data: QueryDict, files: MultiValueDict) -> tuple[QueryDict, MultiValueDict]:
    """Return copies of what was posted, with a row for each photo that was chosen, in the order asked for."""
    rows, uploads = data.copy(), files.copy()
    total = _number(rows.get(_TOTAL))
    if total is None or total > MAX_ROWS:
        return rows, uploads  # Django refuses them
    position = max((_position(rows, n) for n in range(total)), default=0)
    chosen = uploads.pop(CHOSEN, [])
    for n, upload in enumerate(chosen, total):
        uploads[f"{PREFIX}-{n}-image"] = upload
        rows[f"{PREFIX}-{n}-position"] = str(position + n - total + 1)
    rows[_TOTAL] = str(total + len(chosen))
    _leave_out_empty(rows, uploads, total)
    _move(rows, total)
    return rows, uploads


def _leave_out_empty(rows: QueryDict, uploads: MultiValueDict, total: int) -> None:
    """Drop new rows without a photo: one that was refused is left out by sending the form again."""
    for n in range(_number(rows.get(f"{PREFIX}-INITIAL_FORMS")) or 0, total):
        if f"{PREFIX}-{n}-image" not in uploads and f"{PREFIX}-{n}-image-kept" not in rows:
            rows[f"{PREFIX}-{n}-position"] = "0"


def _move(rows: QueryDict, total: int) -> None:
    direction, _space, typed = rows.get(MOVE, "").partition(" ")
    row, step = _number(typed), {"up": -1, "down": 1}.get(direction)
    if row is None or step is None or row >= total:
        return
    order = sorted(_stored(rows, total), key=lambda n: _position(rows, n))
    place = order.index(row) if row in order else -1
    if place < 0 or not 0 <= place + step < len(order):
        return
    order[place], order[place + step] = order[place + step], order[place]
    for position, n in enumerate(order, 1):
        rows[f"{PREFIX}-{n}-position"] = str(position)


def _stored(rows: QueryDict, total: int) -> list[int]:
    return [n for n in range(total) if rows.get(f"{PREFIX}-{n}-id")]


def _position(rows: QueryDict, n: int) -> int:
    return _number(rows.get(f"{PREFIX}-{n}-position")) or 0


def _number(text: Any) -> int | None:
    return (
        int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 6 else None
    )
