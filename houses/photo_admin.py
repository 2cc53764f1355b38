"""Photos in the admin's form of a house."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext

from core.admin_changes import ChangedFieldsInline
from houses import photo_rows
from houses.models import House, HousePhoto
from houses.photo_form import HousePhotoForm


class HousePhotoInline(ChangedFieldsInline, admin.TabularInline):
    model = HousePhoto
    form = HousePhotoForm
    fields: ClassVar = ["image", "caption", "caption_en", "position"]
    extra = 0
    template = "admin/houses/house/photos.html"
    media = forms.Media()
    """None of Django's scripts of inlines: the template has its own."""


class HasPhotos(admin.ModelAdmin):
    """Mixin of the admin of houses."""

    inlines = (HousePhotoInline,)
    change_form_template = "admin/houses/house/form.html"

    def get_formset_kwargs(self, request: HttpRequest, obj: Any, inline: Any, prefix: str) -> dict[str, Any]:
        kwargs = super().get_formset_kwargs(request, obj, inline, prefix)
        if "data" in kwargs and prefix == photo_rows.PREFIX:
            kwargs["data"], kwargs["files"] = photo_rows.with_rows(request.POST, request.FILES)
        return kwargs

    def response_change(self, request: HttpRequest, obj: House) -> HttpResponse:
        if photo_rows.MOVE not in request.POST:
            return super().response_change(request, obj)
        self.message_user(request, gettext("Saved, with the photos in their new order."), messages.SUCCESS)
        return HttpResponseRedirect(f"{request.path}#photos-group")
