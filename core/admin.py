from collections.abc import Iterable

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse


class ReadOnly:
    """In the admin nobody adds, edits or deletes these; staff act through actions."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class ReadOnlyAdmin(ReadOnly, admin.ModelAdmin):
    def has_act_permission(self, request: HttpRequest) -> bool:
        """Whoever may change them may act on them; the form itself stays read-only for everybody."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, object] | None = None,
    ) -> HttpResponse:
        """The page of one row has the actions of the list as buttons."""
        actions = self.get_action_choices(request, [])
        return super().change_view(
            request, object_id, form_url, {**(extra_context or {}), "actions": actions}
        )

    def ask_first(
        self,
        request: HttpRequest,
        template: str,
        *,
        action: str,
        title: str,
        rows: Iterable[Model],
        form: forms.Form,
        **context: object,
    ) -> TemplateResponse:
        """The page on which staff say what `action` needs to know; it leads to the same action."""
        about = {"action": action, "title": title, "rows": rows, "form": form, "opts": self.opts}
        return TemplateResponse(
            request, template, {**self.admin_site.each_context(request), **about, **context}
        )


class ReadOnlyInline(ReadOnly, admin.TabularInline):
    extra = 0
    show_change_link = True
