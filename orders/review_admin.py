"""Admin of reviews: staff reply to them, hide one with a reason, and show it again."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.guards import signed_in_user
from core.admin import ReadOnlyAdmin
from core.admin_pages import ByKey
from core.fields import PlainTextField
from orders import reviewing
from orders.models import Review
from orders.staff_search import NUMBER_LOOKUPS_BY_ORDER, OrderSearch


class HideForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason (shown to the renter)"),
        max_length=200,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


class ReplyForm(forms.Form):
    reply = PlainTextField(
        label=_("Our reply"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField"}),
        help_text=_("Shown beneath the review. It can't be changed afterwards."),
    )


class HiddenFilter(admin.SimpleListFilter):
    title = _("shown")
    parameter_name = "shown"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, Any]]:
        return [
            ("yes", _("shown")),
            ("hidden", _("hidden")),
            ("edited", _("edited while hidden")),
            ("reply", _("without a reply")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Review]) -> QuerySet[Review]:
        match self.value():
            case "yes":
                return queryset.filter(is_counted=True)
            case "hidden":
                return queryset.filter(hidden_at__isnull=False)
            case "edited":
                return queryset.filter(Review.edited_while_hidden())
            case "reply":
                return queryset.filter(reply="")
        return queryset


class ReviewAdmin(ByKey, OrderSearch, ReadOnlyAdmin):
    list_display = ["created_at", "house", "rating", "renter", "order", "is_counted", "hidden_at"]
    list_filter = ["rating", HiddenFilter, "created_at"]
    readonly_fields = ["is_counted"]
    search_fields = ["order__number"]
    order_path = "order"
    list_prefetch = ("house", "renter", "order")
    number_lookups = NUMBER_LOOKUPS_BY_ORDER
    actions = ["reply_to_reviews", "hide_reviews", "show_reviews"]
    offered: ClassVar[dict[str, Any]] = {
        "reply_to_reviews": lambda review: not review.reply,
        "hide_reviews": lambda review: review.hidden_at is None or review.was_edited_while_hidden,
        "show_reviews": lambda review: review.hidden_at is not None,
    }

    def has_hide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.hide_review")

    @admin.action(description=_("Reply…"), permissions=["act"])
    def reply_to_reviews(self, request: HttpRequest, queryset: QuerySet[Review]) -> HttpResponse | None:
        review = self.only_one(request, queryset.select_related("order", "renter"))
        if review is None:
            return None
        form = ReplyForm(request.POST if "reply" in request.POST else None)
        if not form.is_valid():
            return self._ask(request, "reply_to_reviews", gettext("Publish reply"), [review], form)
        staff, text = signed_in_user(request), form.cleaned_data["reply"]
        self.act_on_each(
            request,
            [review],
            lambda row: reviewing.reply(row.pk, by=staff, text=text),
            say_done=lambda count: ngettext("%d reply published.", "%d replies published.", count),
            log_entry=gettext("Replied: %(reply)s") % {"reply": text},
            typed=text,
        )
        return None

    @admin.action(description=_("Hide…"), permissions=["hide"])
    def hide_reviews(self, request: HttpRequest, queryset: QuerySet[Review]) -> HttpResponse | None:
        form = HideForm(request.POST if "reason" in request.POST else None)
        if not form.is_valid():
            rows = queryset.select_related("order", "renter")
            return self._ask(request, "hide_reviews", gettext("Hide reviews"), list(rows), form)
        staff, reason = signed_in_user(request), form.cleaned_data["reason"]
        self.act_on_each(
            request,
            queryset,
            lambda row: reviewing.hide(row.pk, by=staff, reason=reason),
            say_done=lambda count: ngettext("%d review hidden.", "%d reviews hidden.", count),
            log_entry=gettext("Hidden: %(reason)s") % {"reason": reason},
            typed=reason,
        )
        return None

    @admin.action(description=_("Show again"), permissions=["hide"])
    def show_reviews(self, request: HttpRequest, queryset: QuerySet[Review]) -> None:
        staff = signed_in_user(request)
        self.act_on_each(
            request,
            queryset,
            lambda row: reviewing.show(row.pk, by=staff),
            say_done=lambda count: ngettext(
                "%d review is shown again.", "%d reviews are shown again.", count
            ),
            log_entry=gettext("Shown again."),
        )

    def _ask(
        self, request: HttpRequest, action: str, title: str, rows: list[Review], form: forms.Form
    ) -> HttpResponse:
        return self.ask_first(
            request, "admin/orders/about_reviews.html", action=action, title=title, rows=rows, form=form
        )
