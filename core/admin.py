import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, TypeVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import FieldDoesNotExist
from django.db.models import DateField, Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.admin_forms import PlainForms
from core.dates import FIRST_DAY, LAST_DAY, is_in_range, parse_date
from core.refusal import Refusal

Row = TypeVar("Row", bound=Model)


_LOOKUPS_OF_YEARS = {"year", "iso_year"}


class DatesInRange(PlainForms):
    """Mixin: a list refuses days that its date filters can't compute with, such as `?night__year=9999`.

    Django raises OverflowError or ValueError for them, from several places.
    """

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        if self.is_beyond(request):
            years = {"first": FIRST_DAY.year, "last": LAST_DAY.year}
            message = gettext("Only days between the years %(first)d and %(last)d can be looked for.")
            self.message_user(request, message % years, messages.ERROR)
            return HttpResponseRedirect(request.path)
        return super().changelist_view(request, extra_context)

    def is_beyond(self, request: HttpRequest) -> bool:
        """Tell whether a filter of the list names a day that is out of range."""
        asked = [(name, value) for name, values in request.GET.lists() for value in values]
        return any(_is_beyond(self.model, name, value) for name, value in asked)


def _is_beyond(model: type[Model], name: str, value: str) -> bool:
    """Tell whether a filter such as `house__created_at__gte` names a day or year that is out of range."""
    lookups = _date_lookups(model, name.split("__"))
    if lookups is None:
        return False
    if _LOOKUPS_OF_YEARS.intersection(lookups):
        years = [int(number) for number in re.findall(r"[0-9]+", value[:100])]
        return not all(FIRST_DAY.year <= year <= LAST_DAY.year for year in years)
    days = [parse_date(text) for text in re.findall(r"[0-9]+-[0-9]+-[0-9]+", value)]
    return not all(day and is_in_range(day) for day in days)


def _date_lookups(model: type[Model], path: list[str]) -> list[str] | None:
    """Return the lookups after the date field that `path` leads to. None if it leads to another field."""
    for number, part in enumerate(path, 1):
        try:
            field = model._meta.get_field(part)
        except FieldDoesNotExist:
            return None
        if isinstance(field, DateField):
            return path[number:]
        if not field.related_model:
            return None
        model = field.related_model
    return None


class ReadOnly:
    """Mixin without add, change and delete permissions in the admin: staff use actions instead."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class ReadOnlyAdmin(ReadOnly, DatesInRange):
    def has_act_permission(self, request: HttpRequest) -> bool:
        """Allow the actions with permission "act" to users with the model's change permission.

        The form itself is read-only for everybody.
        """
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    offered: ClassVar[Mapping[str, Callable[[Any], bool]]] = {}
    """By action: whether it can do anything to a row. Actions that are not named here always can."""

    def steps(self, request: HttpRequest, row: Model) -> list[tuple[str, str]]:
        """Return name and label of each action that the user may take, and that applies to a row now."""
        choices = self.get_action_choices(request, [])
        return [(name, label) for name, label in choices if self.offered.get(name, lambda row: True)(row)]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show the actions that apply as buttons on the page of a row. It has no form and needs no script."""
        context["actions"] = self.steps(request, context["original"])
        context["media"] = forms.Media()
        return super().render_change_form(request, context, *args, **kwargs)

    def response_action(
        self, request: HttpRequest, queryset: QuerySet, *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        """Return to the page whose button it was, `next`, instead of the list."""
        response = super().response_action(request, queryset, *args, **kwargs)
        here = request.POST.get("next", "")
        if isinstance(response, HttpResponseRedirect) and url_has_allowed_host_and_scheme(here, None):
            return HttpResponseRedirect(here)
        return response

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
        """Return a page with `form`, which `action` needs filled in; it posts to the same action again."""
        page = {"action": action, "title": title, "rows": rows, "form": form, "opts": self.opts}
        page["next"] = request.POST.get("next", "")
        return TemplateResponse(
            request, template, {**self.admin_site.each_context(request), **page, **context}
        )

    def only_one(self, request: HttpRequest, queryset: QuerySet[Row]) -> Row | None:
        """Return the one selected row; None, after an error message, if several are selected.

        For actions that take an amount.
        """
        rows = list(queryset[:2])
        if len(rows) == 1:
            return rows[0]
        self.message_user(request, _("Select exactly one."), messages.ERROR)
        return None

    def act_on_each(
        self,
        request: HttpRequest,
        rows: Iterable[Row],
        step: Callable[[Row], object],
        *,
        say_done: Callable[[int], str],
        log_entry: str,
        typed: str = "",
    ) -> None:
        """Run `step` on each row. Shows the number of rows done, and each Refusal as an error.

        `log_entry` is added to the admin history of each row that is done. `typed`: the text of the form,
        which is shown again if a row is refused.
        """
        done, refusals = 0, []
        for row in rows:
            try:
                step(row)
            except Refusal as refusal:
                refusals.append(str(refusal))
                continue
            done += 1
            self.log_change(request, row, log_entry)
        for told in refusals:
            self.message_user(request, told, messages.ERROR)
        if refusals:
            self.keep_typed(request, typed)
        if done:
            self.message_user(request, say_done(done) % done, messages.SUCCESS)

    def keep_typed(self, request: HttpRequest, typed: str) -> None:
        """Show the text of a form that could not be used, since somebody else was first."""
        if typed:
            kept = gettext("Your text was not used: %(typed)s") % {"typed": typed}
            self.message_user(request, kept, messages.WARNING)


class ReadOnlyInline(ReadOnly, admin.TabularInline):
    """Its model is registered: the first column leads to the page of a row."""

    extra = 0
    template = "admin/read_only_rows.html"
