"""Addresses of the reports' files."""

from functools import partial

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from core.export_files import KINDS
from desk.month_page import month_file
from desk.numbers_page import numbers_file


def files(site: AdminSite) -> list[URLPattern]:
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
    return [*numbers, *month]
