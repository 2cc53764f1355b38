"""Jinja2 under test: a mistake in a template is an error, and responses have the context of their page."""

from collections.abc import Iterator
from types import MethodType
from typing import Any

import pytest
from django.template import engines
from django.template.backends.jinja2 import Template
from django.test.signals import template_rendered
from jinja2 import Environment

from ihome_site.jinja import LoudUndefined


class Uncalled:
    """A method that a template names. Django's own engine calls it; here `()` must be written."""

    def __init__(self, method: MethodType) -> None:
        self.method = method

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.method(*args, **kwargs)

    def refuse(self, *args: object) -> Any:
        raise TypeError(f"a template names {self.method.__qualname__} without calling it")

    __str__ = __html__ = __bool__ = __iter__ = __eq__ = refuse


class StrictEnvironment(Environment):
    def getattr(self, obj: Any, attribute: str) -> Any:
        found = super().getattr(obj, attribute)
        return Uncalled(found) if isinstance(found, MethodType) else found


@pytest.fixture(scope="session", autouse=True)
def strict_templates() -> Iterator[None]:
    """Notice what is missing or not called. Tell django.test what is rendered, as the other engine does."""
    env = engines["jinja2"].env
    env.__class__, env.undefined = StrictEnvironment, LoudUndefined
    render = Template.render

    def told(self: Template, context: dict[str, Any] | None = None, request: Any = None) -> str:
        context = {} if context is None else context
        text: str = render(self, context, request)  # adds the context of processors
        if self.backend.name == "jinja2":  # and no widget of a form
            template_rendered.send(sender=Template, template=self, context=context)
        return text

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Template, "render", told)
        yield
