from django.contrib import admin

from desk.navigation import LOG, MODELS


def test_every_model_of_the_admin_is_in_one_section() -> None:
    names = [name for _label, models in MODELS for name in models if name != LOG]
    assert sorted(names) == sorted(model._meta.label for model in admin.site._registry)
