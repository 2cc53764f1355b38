"""Fields of forms that more than one app uses."""

import re
from typing import Any

from django import forms

# Controls but tab and line ends (NUL is refused by Django), marks that turn the direction of the words around
# them, empty letters. What joins Persian letters and the parts of an emoji stays.
_UNSEEN = re.compile(
    "[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff9-\ufffb]"
)
_JOINS_NOTHING = re.compile(r"[\s\u034f\u180b-\u180d\u200c\u200d\ufe00-\ufe0f\U000e0020-\U000e007f]*")


class PlainTextField(forms.CharField):
    """What people write for others to read, without what nobody sees. Only that is as good as nothing."""

    def to_python(self, value: Any) -> str | None:
        text = super().to_python(value)
        if not text:
            return text
        text = _UNSEEN.sub("", text.replace("\r\n", "\n")).strip()  # browsers count a line's end as one
        return self.empty_value if _JOINS_NOTHING.fullmatch(text) else text


class PlainLineField(PlainTextField):
    """The same, in one line."""

    def to_python(self, value: Any) -> str | None:
        text = super().to_python(value)
        return " ".join(text.split()) if text else text
