"""The page of the admin on which a superuser removes the factors of somebody who lost them."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext

from accounts import emails, events, roles
from accounts.factors import again, store
from accounts.guards import signed_in_user
from accounts.models import AccountEvent, User


class FactorHelp:
    """Mixin of the admin of users."""

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.remove_factors)  # type: ignore[attr-defined]
        page = path("<id>/factors/", view, name="accounts_user_factors")
        return [page, *super().get_urls()]  # type: ignore[misc]

    def remove_factors(self, request: HttpRequest, id: str) -> HttpResponse:
        user = self.get_object(request, unquote(id))  # type: ignore[attr-defined]
        if user is None:
            raise Http404
        if not self.may_help(request, user):
            if request.method == "POST":
                detail = "second factor"
                events.note(user, AccountEvent.Kind.REFUSED, by=signed_in_user(request), detail=detail)
            raise PermissionDenied
        if request.method != "POST":
            return self._page(request, user)
        return again.unless_proven(request) or self._remove(request, user)

    def may_help(self, request: HttpRequest, user: User) -> bool:
        may = self.has_change_permission(request, user)  # type: ignore[attr-defined]
        return may and roles.may_remove_factors(signed_in_user(request), user)

    def _page(self, request: HttpRequest, user: User) -> HttpResponse:
        site, opts = self.admin_site, self.opts  # type: ignore[attr-defined]
        page = {"title": gettext("Remove second factor"), "opts": opts, "original": user}
        page["has_factor"] = store.has_any(user)
        return TemplateResponse(
            request, "admin/accounts/factors.html", {**site.each_context(request), **page}
        )

    def _remove(self, request: HttpRequest, user: User) -> HttpResponse:
        actor = signed_in_user(request)
        if store.remove_for(user, by=actor):
            done = gettext("Second factor removed. The account's sessions have ended.")
            self.log_change(request, user, done)  # type: ignore[attr-defined]
            emails.tell(
                user, gettext("Your second factor was removed"), "accounts/factor_help_mail.txt", by=actor
            )
            messages.success(request, done)
        return redirect("admin:accounts_user_change", user.pk)
