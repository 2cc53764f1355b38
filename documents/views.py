from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from documents import current
from documents.models import AGREED, Kind, Version


@require_safe
def document(request: HttpRequest, kind: Kind, version: int | None = None) -> HttpResponse:
    """Show the newest version, or one before it, with links to the others."""
    found = current.newest(kind) if version is None else current.version(kind, version)
    if found is None:
        raise Http404
    numbers = [*Version.objects.filter(kind=kind).order_by("-number").values_list("number", flat=True), 1]
    context = {
        "document": found,
        "is_newest": found.number == numbers[0],
        "others": [other for other in numbers if other != found.number] if kind in AGREED else [],
        "by_kind": f"documents:{kind.value}",
        "version_by_kind": f"documents:{kind.value}_version",
    }
    return render(request, "documents/document.html", context)
