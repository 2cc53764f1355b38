"""The admin's pictures of yes and no, with a text in the reader's language: Django's say True and False."""

from django.contrib.admin.templatetags import admin_list
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext


def picture(value: bool | None) -> SafeString:
    if value is None:
        name, text = "unknown", gettext("Unknown")
    else:
        name, text = ("yes", gettext("Yes")) if value else ("no", gettext("No"))
    return format_html('<img src="{}" alt="{}">', static(f"admin/img/icon-{name}.svg"), text)


def install() -> None:
    """Replace Django's function, which lists and forms look up anew each time and which has no setting."""
    admin_list._boolean_icon = picture  # type: ignore[attr-defined]
