"""Forms as a browser sends them back: the fields of a page, with the values that stand in it."""

from html.parser import HTMLParser

from django.db.models import Model
from django.test import Client
from django.urls import reverse

from tests import make


class Fields(HTMLParser):
    """All fields of a page in `values`; those of several forms together."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.values: dict[str, list[str]] = {}
        self.select = self.textarea = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        name, kind = given.get("name", ""), given.get("type", "text")
        match tag:
            case "input" if name and kind in ("checkbox", "radio"):
                if "checked" in given:
                    self._add(name, given.get("value", "on"))
            case "input" if name and kind not in ("submit", "file"):
                self._add(name, given.get("value", ""))
            case "select":
                self.select = name
            case "option" if "selected" in given:
                self._add(self.select, given["value"])
            case "textarea":
                self.textarea, self.values[name] = name, [""]

    def handle_data(self, data: str) -> None:
        if self.textarea:
            self.values[self.textarea] = [self.values[self.textarea][0] + data.lstrip("\r\n")]

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.textarea = ""

    def _add(self, name: str, value: str) -> None:
        self.values.setdefault(name, []).append(value)


class Desk:
    """A superuser of the given name with a browser, in English."""

    def __init__(self, name: str) -> None:
        self.person = make.user(name=name, is_staff=True, is_superuser=True)
        self.browser = Client()
        self.browser.force_login(self.person)
        self.browser.cookies["django_language"] = "en"

    def open(self, row: Model) -> dict[str, list[str]]:
        return Fields(self.browser.get(change_page(row)).content.decode()).values

    def send(self, row: Model, form: dict[str, list[str]], **typed: object):
        return self.browser.post(change_page(row), {**form, **typed})

    def resend(self, row: Model, refused):
        """Press Save again on the page that came back."""
        return self.send(row, Fields(refused.content.decode()).values)


def change_page(row: Model) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
