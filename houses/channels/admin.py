"""Admin of the calendars of other channels."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from core.admin import DatesInRange
from core.admin_changes import ChangedFieldsAdmin
from core.admin_pages import ByKey
from core.fields import PlainLineField
from core.links import absolute_url
from core.transactions import durable_transaction
from houses import availability
from houses.channels.fetching import leads_inside
from houses.channels.importing import free_nights
from houses.channels.models import ChannelCalendar, Trouble, new_token
from houses.models import House


class ChannelForm(forms.ModelForm):
    class Meta:
        model = ChannelCalendar
        fields = ("house", "channel", "url")
        field_classes = {"channel": PlainLineField}
        widgets = {"url": forms.TextInput(attrs={"class": "vLargeTextField", "inputmode": "url"})}

    def clean_url(self) -> str:
        url = self.cleaned_data["url"].strip()
        if url and not url.lower().startswith(("http://", "https://")):
            raise forms.ValidationError(Trouble.ADDRESS.label)
        if url and leads_inside(url):
            raise forms.ValidationError(Trouble.PRIVATE.label)
        return url


class AttentionFilter(admin.SimpleListFilter):
    title = _("work queue")
    parameter_name = "for_staff"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("1", gettext("needs attention"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(ChannelCalendar.needing_staff()) if self.value() else queryset


@admin.register(ChannelCalendar)
class ChannelCalendarAdmin(ByKey, ChangedFieldsAdmin, DatesInRange):
    form = ChannelForm
    list_display = ["channel", "house", "state", "fetched_at", "told_at"]
    list_filter = [AttentionFilter]
    list_prefetch = ("house",)
    search_fields = ["channel", "house__title"]
    actions = ["read_now", "believe_empty", "new_address"]
    about: ClassVar[list[str]] = ["state", "fetched_at", "next_try_at", "our_feed", "told_at"]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow the link on the page of a home."""
        return lookup == "house__id__exact" or super().lookup_allowed(lookup, value, request)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return ["house", "channel", "url", *(self.about if obj else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """The nights that are held bear the channel's name, so neither it nor the house changes."""
        return ["house", "channel", *self.about] if obj else []

    @admin.display(description=_("state"))
    def state(self, calendar: ChannelCalendar) -> str:
        if calendar.trouble:
            return calendar.trouble_text
        if not calendar.url:
            return gettext("Only reads ours")
        return gettext("In order") if calendar.fetched_at else gettext("Not read yet")

    @admin.display(description=_("our calendar for this channel"))
    def our_feed(self, calendar: ChannelCalendar) -> str:
        address = absolute_url("houses:feed", calendar.house_id, calendar.token)
        told = gettext("Paste it into the channel. It has only days, nothing about guests.")
        return format_html('<code>{}</code><div class="help">{}</div>', address, told)

    def get_actions(self, request: HttpRequest) -> Any:
        """Deleting is done on the page of one: it frees the nights that the channel sold."""
        return {name: row for name, row in super().get_actions(request).items() if name != "delete_selected"}

    def lock(self, row: Model) -> Model | None:
        """Lock the house first, as a reading does."""
        House.objects.select_for_update().filter(channel_calendars=row.pk).first()
        return super().lock(row)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and "url" in form.changed_data:
            _begin_anew(obj)

    def delete_model(self, request: HttpRequest, obj: ChannelCalendar) -> None:
        @durable_transaction
        def forget() -> None:
            house = House.objects.select_for_update().get(pk=obj.house_id)
            ChannelCalendar.objects.filter(pk=obj.pk).update(nights="")
            availability.settle_channels(house)
            ChannelCalendar.objects.filter(pk=obj.pk).delete()

        forget()
        told = gettext("Calendar of %(channel)s removed.") % {"channel": obj.channel}
        self.log_change(request, obj.house, told)

    @admin.action(description=_("Read now"), permissions=["change"])
    def read_now(self, request: HttpRequest, queryset: QuerySet[ChannelCalendar]) -> None:
        calendars = list(queryset.exclude(url=""))
        for calendar in calendars:
            ChannelCalendar.objects.filter(pk=calendar.pk).update(next_try_at=timezone.now())
            self.log_change(request, calendar, gettext("Read at once."))
        told = ngettext("%d is read within a minute.", "%d are read within a minute.", len(calendars))
        self.message_user(request, told % len(calendars), messages.SUCCESS)

    @admin.action(description=_("Free the nights of an empty calendar"), permissions=["change"])
    def believe_empty(self, request: HttpRequest, queryset: QuerySet[ChannelCalendar]) -> None:
        freed = [calendar for calendar in queryset.select_related("house") if free_nights(calendar.pk)]
        for calendar in freed:
            self.log_change(request, calendar, gettext("Its nights were freed: it is empty."))
        told = ngettext("The nights of %d are free.", "The nights of %d are free.", len(freed))
        self.message_user(request, told % len(freed), messages.SUCCESS if freed else messages.WARNING)

    @admin.action(description=_("New private address for ours"), permissions=["change"])
    def new_address(self, request: HttpRequest, queryset: QuerySet[ChannelCalendar]) -> None:
        """End the address of our feed, because others know it. The channel must be told the new one."""
        for calendar in queryset:
            ChannelCalendar.objects.filter(pk=calendar.pk).update(token=new_token(), told="", told_at=None)
            self.log_change(request, calendar, gettext("New private address."))
        self.message_user(request, gettext("The old address has ended. Give the channel the new one."))


def _begin_anew(calendar: ChannelCalendar) -> None:
    """Read a new address at once and whole; without one, free the nights. The house is locked."""
    row = ChannelCalendar.objects.filter(pk=calendar.pk)
    now = timezone.now()
    row.update(etag="", last_modified="", next_try_at=now, trouble="", detail="", troubled_since=None)
    if not calendar.url:
        row.update(nights="")
        availability.settle_channels(House.objects.get(pk=calendar.house_id))
