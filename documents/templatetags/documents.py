"""Template tags: the sentence by a button that agrees to the documents, and the line about new ones."""

from typing import Any

from django import template

from documents import agreements

register = template.Library()


@register.inclusion_tag("documents/_agree.html", takes_context=True)
def agree(context: dict[str, Any], place: str) -> dict[str, object]:
    """Draw the sentence for a form; `place` is "sign-up" or "booking"."""
    user = context.get("user")
    changed = agreements.new_to(user.pk) if user is not None and user.is_authenticated else []
    return {"place": place, "field": agreements.FIELD, "shown": agreements.shown(), "changed": changed}


@register.inclusion_tag("documents/_changed.html", takes_context=True)
def changed_documents(context: dict[str, Any]) -> dict[str, object]:
    """Draw a line that tells a signed-in renter, once, which documents have changed."""
    request = context.get("request")
    return {"changed": agreements.to_tell(request) if request is not None else []}
