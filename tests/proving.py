"""Posts a form that proves a number, and then the code that a rehearsal site shows."""

from typing import Any

from django.test import Client


def prove(client: Client, address: str, data: dict[str, str], **second: str) -> Any:
    """Return the answer to the code; if the first form was refused, the answer to that."""
    page = client.post(address, data)
    if page.status_code != 200 or not page.context.get("rehearsal_code"):
        return page
    return client.post(address, {**code_form(page), "next": data.get("next", ""), **second})


def code_form(page: Any) -> dict[str, str]:
    """Return the fields of the page that asks for the code, with the right one."""
    form = page.context["form"]
    hidden = {name: form[name].value() for name in ("username", "proof", "draft")}
    return {**hidden, "code": page.context["rehearsal_code"]}
