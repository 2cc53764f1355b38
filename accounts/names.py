"""Names that people choose. Others read them and get them mailed, so they hold no links or bare domains."""

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from core.fields import INVISIBLE
from core.numbers import visible

# Ends of an address that count in any case. The others count in lower case: J.Wang and A.Smith are people.
# Of two letters, those that are common in addresses, and hardly a family name: not li, lu, ma, to.
_ENDS = (
    "com|cn|net|org|info|biz|top|xyz|vip|shop|site|club|online|store|tech|app|dev|link|group|ltd|icu|cyou|mobi|"
    "cc|tv|io|co|pw|ru|su|me|ly|tk|ml|ga|cf|gq|ai|gg|ws|us|uk|eu|hk|tw|jp|kr|xn--[a-z0-9-]+|"
    "中国|中國|公司|网络|網絡|网址|网站|网店|在线|中文网|商城|商店|集团|移动|手机|我爱你"
)
_LINK = re.compile(
    rf"""://
    | \b(?i:www)\.
    | \w\.(?: (?i:{_ENDS})(?![^\W_]) | [a-z]{{2}} )
    | \w\s*\.\s*(?:com|cn|net|org)(?![^\W_])
    | [A-Za-z0-9]\s*[点點]\s*(?i:{_ENDS})(?![^\W_])
    | [A-Za-z0-9]\s*[·•・]\s*(?i:com|cn|net|org)(?![^\W_])
    | (?<![\w.]) [0-9]{{1,3}} (?:\.[0-9]{{1,3}}){{3}} (?![\w.])""",
    re.VERBOSE,
)
_LINE = re.compile(r"[\t\n\v\f\r]")

NO_LINKS = _("Please leave out web addresses. After a dot, put a space, as in J. Smith.")
NO_MARKS = _("Please leave out line breaks and invisible characters.")


def is_plain_name(name: str) -> None:
    """Raise ValidationError for a name with a web address, a line break or an invisible mark.

    Full-width letters and any full stop count as browsers read them, 点 and a middle dot as people do.
    """
    if INVISIBLE.search(name) or _LINE.search(name):
        raise ValidationError(NO_MARKS, code="marks")
    if _LINK.search(visible(name).replace("。", ".")):
        raise ValidationError(NO_LINKS, code="link")


def masked_name(name: str) -> str:
    """Return the first letter and two stars: 林**. Empty for a name without a letter."""
    return next((f"{char}**" for char in name if char.isalnum()), "")
