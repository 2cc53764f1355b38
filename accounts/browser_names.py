"""Names of a browser and its system, in plain words, from the User-Agent header."""

import re

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

# The first that matches counts: nearly all call themselves Safari and many Chrome.
_BROWSERS = (
    ("MicroMessenger", _("WeChat")),
    ("AlipayClient", _("Alipay")),
    ("HuaweiBrowser", "Huawei Browser"),
    ("MiuiBrowser", "Mi Browser"),
    ("QQBrowser", "QQ Browser"),
    ("UCBrowser", "UC Browser"),
    ("Edg(?:A|iOS)?/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox/|FxiOS/", "Firefox"),
    ("Chrome/|Chromium/|CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("HarmonyOS|OpenHarmony", "HarmonyOS"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
)


def browser_name(user_agent: str) -> str:
    """Return such as "Chrome on Windows". The header may be invented, so it is never shown itself."""
    browser, system = _first(_BROWSERS, user_agent), _first(_SYSTEMS, user_agent)
    browser = browser or gettext("Unknown browser")
    if not system:
        return browser
    return gettext("%(browser)s on %(system)s") % {"browser": browser, "system": system}


def _first(names: tuple[tuple[str, object], ...], user_agent: str) -> str:
    return next((str(name) for pattern, name in names if re.search(pattern, user_agent)), "")
