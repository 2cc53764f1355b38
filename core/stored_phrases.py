"""Phrases that rows store in English, as log lines have them, shown in the reader's language."""

import re
from collections.abc import Sequence

from django.utils.functional import Promise

Phrase = tuple[str, str | Promise]
"""Pattern of the whole stored phrase, and its translation, in which the pattern's groups are placeholders."""


class StoredPhrases:
    """Translates by the first pattern that fits. Other phrases are shown as they are stored."""

    def __init__(self, phrases: Sequence[Phrase]) -> None:
        self._phrases = [(re.compile(pattern), translation) for pattern, translation in phrases]

    def shown(self, stored: str) -> str:
        for pattern, translation in self._phrases:
            if found := pattern.fullmatch(stored):
                return str(translation) % found.groupdict() if found.groupdict() else str(translation)
        return stored
