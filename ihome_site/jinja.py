"""Environment of the renters' pages, which Jinja2 renders. The admin's stay with Django's own engine.

docs/decisions/0030-jinja2.md has the reasons.
"""

from functools import cache, lru_cache
from typing import Any

from django.conf import settings
from django.forms import renderers
from django.http import QueryDict
from django.template.defaultfilters import capfirst, date, floatformat, time, truncatechars
from django.template.defaulttags import querystring
from django.templatetags.static import static
from django.utils import timezone, translation
from django.utils.safestring import SafeString
from jinja2 import ChainableUndefined, Environment, pass_context, select_autoescape
from jinja2.runtime import Context
from jinja2.utils import missing

from core.links import address
from core.templatetags import ihome
from documents import agreements
from houses.templatetags.houses import share_picture
from orders import reasons
from orders.templatetags.orders import refund_now
from orders.templatetags.stages import stage


class FormRenderer(renderers.Jinja2):
    """Django's own widgets by Jinja2. Those of the admin exist for Django's engine alone."""

    def get_template(self, template_name: str) -> Any:
        is_own = template_name.startswith("django/forms/")
        return super().get_template(template_name) if is_own else _others.get_template(template_name)


_others = renderers.DjangoTemplates()


class LoudUndefined(ChainableUndefined):
    """An error where a page prints or loops over what is missing, or tests an attribute that is missing.

    A name that the view didn't give may be tested: it is false.
    """

    def __bool__(self) -> bool:
        return self._undefined_obj is not missing and self._fail_with_undefined_error()

    __str__ = __iter__ = __len__ = ChainableUndefined._fail_with_undefined_error


def environment(**options: Any) -> Environment:
    """Build the environment. On a site that serves, what is missing is empty rather than an error."""
    del options["autoescape"]  # also of mails, which are plain text
    options["undefined"] = LoudUndefined if settings.DEBUG else ChainableUndefined
    env = Environment(
        autoescape=select_autoescape(["html"], default=False),
        extensions=["jinja2.ext.i18n"],
        keep_trailing_newline=True,
        **options,
    )
    install: Any = env.install_gettext_callables  # type: ignore[attr-defined]  # the extension adds it
    install(_gettext, _ngettext, newstyle=False, pgettext=_pgettext, npgettext=_npgettext)
    env.globals |= _GLOBALS
    env.filters |= _FILTERS
    return env


# A translation is a part of the page as the template around it is: its quotes and tags are not escaped.


def _gettext(message: str) -> SafeString:
    return _translated(message, translation.get_language())


@lru_cache(maxsize=4096)
def _translated(message: str, language: str | None) -> SafeString:
    return SafeString(translation.gettext(message))


def _ngettext(one: str, more: str, number: int) -> SafeString:
    return _plural(one, more, number, translation.get_language())


@lru_cache(maxsize=4096)
def _plural(one: str, more: str, number: int, language: str | None) -> SafeString:
    return SafeString(translation.ngettext(one, more, number))


def _pgettext(context: str, message: str) -> SafeString:
    return SafeString(translation.pgettext(context, message))


def _npgettext(context: str, one: str, more: str, number: int) -> SafeString:
    return SafeString(translation.npgettext(context, one, more, number))


@pass_context
def _querystring(context: Context, query: QueryDict | None = None, **changes: object) -> str:
    """Return the query of the page, or `query`, with other values, as Django's tag does."""
    given = context["request"].GET if query is None else query
    return querystring(context, given, **changes)  # type: ignore[arg-type]  # that it doesn't read


_GLOBALS = {
    "_": _gettext,
    "canonical": pass_context(ihome.canonical),
    "changed_documents": agreements.new_to_visitor,
    "documents_to_tell": agreements.to_tell,
    "icon": ihome.icon,
    "lang_of": ihome.lang_of,
    "language": translation.get_language,
    "newest_documents": agreements.shown,
    "now": timezone.now,
    "only_in_chinese": ihome.only_in_chinese,
    "querystring": _querystring,
    "share_picture": share_picture,
    "site_address": ihome.site_address,
    "static": cache(static),
    "static_prefix": lambda: settings.STATIC_URL,
    "url": address,
}
_FILTERS = {
    "capfirst": capfirst,
    "date": lambda at, form: date(ihome.local(at), form),
    "day": ihome.day,
    "floatformat": floatformat,
    "iso": ihome.iso,
    "moment": ihome.moment,
    "reason": reasons.shown,
    "refund_now": refund_now,
    "short_yuan": ihome.short_yuan,
    "stage": stage,
    "stars": ihome.stars,
    "stay_date": ihome.stay_date,
    "time": lambda at, form: time(ihome.local(at), form),
    "truncatechars": truncatechars,
    "typed": ihome.typed,
    "with_lang": ihome.with_lang,
    "yuan": ihome.yuan,
}
