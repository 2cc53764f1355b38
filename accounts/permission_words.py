"""Permissions in the reader's language: the stored names are English."""

from typing import Any

from django import forms
from django.apps import apps
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

VERBS = {"view": _("view"), "add": _("add"), "change": _("change"), "delete": _("delete")}
WITHOUT_PAGES = {
    "accounts.Passkey": _("passkey"),
    "accounts.RecoveryCode": _("recovery code"),
    "core.RateCount": _("count of tries"),
    "core.TransactionMarker": _("transaction marker"),
    "jobs.Heartbeat": _("heartbeat"),
    "otp_totp.TOTPDevice": _("authenticator app"),
    "payments.ComparedBill": _("compared bill"),
}
"""Names of models that only this list of permissions shows."""


def label(permission: Permission) -> str:
    """Return such as `House: view`. A permission of our own has its translated name."""
    return in_words(permission.codename, permission.content_type.app_label) or gettext(permission.name)


def in_words(codename: str, app_label: str = "") -> str:
    """Return a permission on a model in words, by its code such as `view_house`. Empty for other texts."""
    verb, _underscore, model_name = codename.partition("_")
    model = next((each for each in _models(app_label) if each._meta.model_name == model_name), None)
    if verb not in VERBS or model is None:
        return ""
    return gettext("%(model)s: %(verb)s") % {"model": capfirst(str(_name(model))), "verb": VERBS[verb]}


def _models(app_label: str) -> list[type[Model]]:
    configs = [each for each in apps.get_app_configs() if app_label in ("", each.label)]
    return [model for config in configs for model in config.get_models()]


def _name(model: type[Model]) -> str | Promise:
    return WITHOUT_PAGES.get(model._meta.label, model._meta.verbose_name or "")


class PermissionsField(forms.ModelMultipleChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return label(obj)
