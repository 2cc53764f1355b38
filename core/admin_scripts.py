"""Scripts of the admin's forms."""

from django import forms
from django.contrib import admin

OF_FORMS = ("vendor/jquery/jquery.min.js", "jquery.init.js", "core.js", "admin/RelatedObjectLookups.js")


class FewScripts(admin.ModelAdmin):
    """Mixin: a form loads only those of Django's scripts that it runs.

    It leaves out those for `prepopulated_fields`, which no form has: half of the weight of the page.
    """

    @property
    def media(self) -> forms.Media:
        return forms.Media(js=[f"admin/js/{name}" for name in OF_FORMS])
