"""Permissions in the reader's language: the stored names are English."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from django import forms
from django.apps import apps
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.forms.models import ModelChoiceIterator
from django.forms.renderers import TemplatesSetting
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


def _in_its_model(permission: Permission) -> str:
    """Return the label beside the name of the model: `View`."""
    verb, _underscore, model = permission.codename.partition("_")
    of_model = verb in VERBS and model == permission.content_type.model
    return capfirst(str(VERBS[verb])) if of_model else gettext(permission.name)


class PermissionTicks(forms.CheckboxSelectMultiple):
    """A fieldset of ticks for each model: the two lists of Django's admin need a script and a wide screen."""

    template_name = "admin/accounts/permissions.html"

    def render(self, *args: Any, **kwargs: Any) -> Any:
        """By the engine that has the admin's templates: FormRenderer looks among Django's own alone."""
        return super().render(*args, **{**kwargs, "renderer": TemplatesSetting()})


class _ByModel(ModelChoiceIterator):
    def __iter__(self) -> Iterator[Any]:
        rows = self.queryset.select_related("content_type")
        for content_type, permissions in groupby(rows, key=lambda permission: permission.content_type):
            model = content_type.model_class()
            name = capfirst(str(_name(model))) if model else content_type.name
            yield name, [(self.field.prepare_value(each), _in_its_model(each)) for each in permissions]


class PermissionsField(forms.ModelMultipleChoiceField):
    widget = PermissionTicks
    iterator = _ByModel

    def label_from_instance(self, obj: Any) -> str:
        return label(obj)
