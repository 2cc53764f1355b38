"""Details of account events in the reader's language. Rows store codes, which outlive their names."""

from django.utils.translation import gettext_lazy as _

from accounts.permission_words import in_words
from core.stored_phrases import StoredPhrases

_PHRASES = StoredPhrases(
    [
        ("is_staff", _("staff")),
        ("is_superuser", _("superuser status")),
        ("is_active", _("active")),
        ("mobile", _("mobile number")),
        ("email", _("email")),
        ("add", _("add an account")),
        ("change", _("change an account")),
        ("groups(?P<key> [0-9]+)?", _("give a role")),
        ("user_permissions(?P<key> [0-9]+)?", _("give a permission")),
        ("password", _("make a link to set a password")),
        ("second factor", _("remove a second factor")),
        ("all", _("all of them")),
        ("app", _("authenticator app")),
        ("recovery codes", _("recovery codes")),
        ("passkey (?P<name>.*)", _("passkey %(name)s")),
        ("(?P<count>[0-9]+) left", _("%(count)s left")),
        ("(?P<number>[0-9_R]+): approve", _("%(number)s: approve")),
    ]
)


def shown(detail: str) -> str:
    """Return the comma-separated parts of a detail in words, such as `+House: view, −Staff`."""
    group, colon, rest = detail.partition(": +")
    if colon:
        return f"{group}: {_parts('+' + rest)}"
    return _parts(detail)


def _parts(detail: str) -> str:
    return ", ".join(map(_part, detail.split(", ")))


def _part(text: str) -> str:
    sign = text[0] if text[:1] in ("+", "−") else ""
    code = text.removeprefix(sign)
    app_label, _dot, codename = code.rpartition(".")
    return sign + (in_words(codename, app_label) or _PHRASES.shown(code))
