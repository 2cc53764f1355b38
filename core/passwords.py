"""Password validators for what somebody guesses first here: the words of this site, and people's numbers."""

import re
import unicodedata
from typing import Any

from django.contrib.auth.password_validation import NumericPasswordValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

WORDS = [
    *("ihome", "aijia", "爱家", "租房", "zufang", "民宿", "minsu", "homestay", "booking"),
    *("alipay", "zhifubao", "支付宝", "admin", "staff", "password", "mima", "密码"),
]
"""Documented in docs/operations.md. The host of SITE_URL is added to them."""
MIN_OWN_LETTERS = 4
"""Letters, or Chinese characters, that must be left without these words. Digits don't count."""
_SPELLINGS = {"a": "[a@4]", "e": "[e3]", "i": "[i1!|]", "l": "[l1|]", "o": "[o0]", "s": "[s5$]"}


NUMBERS_OF_PEOPLE = 18
"""Digits of an identity card, the longest of them. Dates and mobile numbers are shorter."""


class NumberValidator(NumericPasswordValidator):
    """Refuses numbers that may be somebody's. Longer ones are passwords as good as others."""

    def validate(self, password: str, user: Any = None) -> None:
        if len(password) <= NUMBERS_OF_PEOPLE:
            super().validate(password, user)


class SiteWordsValidator:
    """Refuses passwords that are little more than words of the site, also spelled as in `1h0me2026`."""

    def __init__(self, host: str = "") -> None:
        labels = [label for label in host.lower().split(".") if len(label) > 3 and not label.isdigit()]
        known = sorted({*WORDS, *labels}, key=len, reverse=True)
        self._pattern = re.compile("|".join(_any_spelling(word) for word in known))

    def validate(self, password: str, user: object = None) -> None:
        own, found = self._pattern.subn("", unicodedata.normalize("NFKC", password).casefold())
        if found and sum(letter.isalpha() for letter in own) < MIN_OWN_LETTERS:
            raise ValidationError(self.get_help_text(), code="password_of_the_site")

    def get_help_text(self) -> str:
        return _("Don't base your password on words such as this site's name; add some of your own.")


def _any_spelling(word: str) -> str:
    return "".join(_SPELLINGS.get(letter, re.escape(letter)) for letter in word)
