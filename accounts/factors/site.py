"""The admin, whose every view stands behind accounts/factors/door.py."""

from functools import update_wrapper
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.shortcuts import redirect

from accounts.factors import door
from accounts.forms import StaffLoginForm


class GuardedAdminSite(AdminSite):
    login_form = StaffLoginForm

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Stop whoever may use the admin but has yet to prove who they are. Django stops everybody else."""
        opened = super().admin_view(view, cacheable)
        if view == self.logout:
            return opened

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            stopped = door.stop(request) if self.has_permission(request) else None
            return stopped or opened(request, *args, **kwargs)

        return update_wrapper(guarded, opened)

    def password_change(self, request: HttpRequest, extra_context: object = None) -> Any:
        """Lead to the site's own page: one place where a password is changed."""
        return redirect("accounts:password")
