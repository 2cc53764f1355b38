"""Addresses of the reports in the admin."""

from functools import partial
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path

from core.export_files import KINDS
from desk.month_page import month_file, month_page
from desk.numbers_page import numbers_file, numbers_page


def urls(site: AdminSite) -> list[URLPattern]:
    pages = [
        path(f"{name}/", site.admin_view(partial(_in_admin, site=site, page=page)), name=name)
        for name, page in (("numbers", numbers_page), ("month", month_page))
    ]
    numbers = [
        path(f"numbers/{by}.csv", site.admin_view(partial(numbers_file, by=by)), name=f"numbers_{by}")
        for by in ("days", "homes")
    ]
    month = [
        path(
            f"month/{of}.{kind}",
            site.admin_view(partial(month_file, of=of, kind=kind)),
            name=f"month_{of}_{kind}",
        )
        for of in ("days", "lines")
        for kind in KINDS
    ]
    return [*pages, *numbers, *month]


def _in_admin(request: HttpRequest, *, site: AdminSite, page: Any) -> HttpResponseBase:
    answer: HttpResponseBase = page(request, site.each_context(request))
    return answer
