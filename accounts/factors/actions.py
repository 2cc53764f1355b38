"""Actions of the admin that ask again who one is."""

import functools
from collections.abc import Callable

from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from accounts.factors import again

Action = Callable[..., HttpResponse | None]


def moves_money(action: Action) -> Action:
    """Decorate an action that moves money or closes a matter of money.

    It asks for a proof if the last one is older than ten minutes. What was selected and typed is kept.
    """

    @functools.wraps(action)
    def asks_again(model_admin: ModelAdmin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        return again.unless_proven(request) or action(model_admin, request, queryset)

    return asks_again
