"""The admin of the staff: Django's, with 今天 as its first page and navigation by sections."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.factors.site import GuardedAdminSite
from accounts.guards import signed_in_user
from desk import calendar_page, log_page, month_page, navigation, numbers_page, reports, today, told

Page = Callable[[HttpRequest, dict[str, Any]], HttpResponseBase]
"""Takes the context of each page of the admin."""

PAGES: Mapping[str, Page] = {
    "calendar": calendar_page.page,
    "log": log_page.page,
    "told": told.page,
    "numbers": numbers_page.numbers_page,
    "month": month_page.month_page,
}
"""By address and name of the URL."""


class DeskSite(GuardedAdminSite):
    site_header = site_title = _("ihome admin")
    enable_nav_sidebar = False
    empty_value_display = "–"

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        sections = navigation.sections(request.path, context["available_apps"], request.user.has_perm)
        return {**context, "sections": sections, "may_find": request.user.has_perm("orders.view_order")}

    def get_urls(self) -> list[Any]:
        pages = [
            path(f"{name}/", self.admin_view(partial(self._show, page)), name=name)
            for name, page in PAGES.items()
        ]
        return [*pages, *reports.files(self), *super().get_urls()]

    def _show(self, page: Page, request: HttpRequest) -> HttpResponseBase:
        request.current_app = self.name  # as every view of Django's admin
        return page(request, self.each_context(request))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        request.current_app = self.name
        lists = today.page_for(signed_in_user(request))
        page = {**self.each_context(request), "title": gettext("Today"), **lists, **(extra_context or {})}
        return TemplateResponse(request, "admin/today.html", page)
