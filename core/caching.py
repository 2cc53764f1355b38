"""Cache-Control of pages that nobody may keep."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers

P = ParamSpec("P")

_NEVER = "max-age=0, no-cache, no-store, must-revalidate, private"


def never_cache(
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Decorate a view as Django's never_cache does, which takes the header apart for each directive.

    For the pages that are asked for most. The others keep Django's.
    """

    @wraps(view)
    def uncached(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        response = view(request, *args, **kwargs)
        if "Cache-Control" in response.headers:
            add_never_cache_headers(response)
        else:
            response.headers["Cache-Control"] = _NEVER
            response.headers.setdefault("Expires", "0")  # in the past, for caches that know this one alone
        return response

    return uncached
