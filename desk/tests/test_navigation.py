from django.contrib import admin

from desk.navigation import SECTIONS


def test_every_model_of_the_admin_is_in_one_section() -> None:
    names = [entry for _label, entries in SECTIONS for entry in entries if isinstance(entry, str)]
    assert sorted(names) == sorted(model._meta.label for model in admin.site._registry)
