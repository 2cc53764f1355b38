"""The admin of the staff: Django's, with 今天 as its first page and navigation by sections."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.factors.site import GuardedAdminSite
from desk import navigation


class DeskSite(GuardedAdminSite):
    site_header = site_title = _("ihome admin")
    enable_nav_sidebar = False
    empty_value_display = "–"

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        sections = navigation.sections(request.path, context["available_apps"], request.user.has_perm)
        return {**context, "sections": sections, "may_find": request.user.has_perm("orders.view_order")}

    def get_urls(self) -> list[Any]:
        from desk import reports  # as below

        pages = {"calendar": self.calendar, "log": self.log, "told": self.told}
        ours = [path(f"{name}/", self.admin_view(view), name=name) for name, view in pages.items()]
        return [*ours, *reports.urls(self), *super().get_urls()]

    def log(self, request: HttpRequest) -> TemplateResponse:
        from desk import log_page  # its models can be imported only after the admin's app

        return log_page.page(request, self.each_context(request))

    def told(self, request: HttpRequest) -> HttpResponse:
        from desk import told

        return told.page(request, self.each_context(request))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        request.current_app = self.name  # as every view of Django's admin
        from desk import today  # its models can be imported only after the admin's app

        page = {**self.each_context(request), "title": gettext("Today"), **today.page_for(request.user)}
        return TemplateResponse(request, "admin/today.html", {**page, **(extra_context or {})})

    def calendar(self, request: HttpRequest) -> HttpResponse:
        request.current_app = self.name
        from desk import calendar_view  # its models can be imported only after the admin's app

        return calendar_view.show(self, request)
