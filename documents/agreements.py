"""Renters' agreement to the terms and the privacy policy: recorded with the version that the page named.

Pressing the button below the sentence that names both is the agreement (docs/decisions/0021-agreements.md).
"""

import re
from collections.abc import Mapping, Sequence

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Max
from django.http import HttpRequest
from django.utils.translation import get_language

from documents.current import FIRST, forget_numbers, numbers
from documents.models import AGREED, Agreement, Kind

FIELD = "agreed"
"""Hidden field of a form with the sentence: the versions that the page named, as shown()."""
_SHOWN = re.compile(r"[0-9]{1,6}\.[0-9]{1,6}", re.ASCII)
_TOLD = "documents_told"


def shown() -> str:
    """Return the newest versions of both documents: "3.2"."""
    newest = numbers()
    return ".".join(str(newest[kind]) for kind in AGREED)


def record(user_key: int, place: str, shown: str = "", order_number: str = "") -> None:
    """Record the agreement, in the caller's transaction. Without `shown`, to the newest versions."""
    language = get_language() or ""
    Agreement.objects.bulk_create(
        Agreement(
            user_id=user_key,
            kind=kind,
            number=number,
            place=place,
            language=language,
            order_number=order_number,
        )
        for kind, number in _seen(shown).items()
    )


def _seen(shown: str) -> Mapping[Kind, int]:
    """Read the versions that a page named; those that can't be are the newest."""
    typed = [int(number) for number in shown.split(".")] if _SHOWN.fullmatch(shown) else [0, 0]
    seen = dict(zip(AGREED, typed, strict=True))
    if any(number > numbers()[kind] for kind, number in seen.items()):
        forget_numbers()  # another process may have shown what this one doesn't know yet
    newest = numbers()
    return {kind: n if FIRST <= n <= newest[kind] else newest[kind] for kind, n in seen.items()}


def new_to(user_key: int) -> Sequence[Kind]:
    """Return the documents that have changed since the user agreed, or since the first version."""
    newest = numbers()
    changed = [kind for kind in AGREED if newest[kind] > FIRST]
    if not changed:
        return []
    rows = Agreement.objects.filter(user=user_key, kind__in=changed).order_by().values_list("kind")
    agreed = dict(rows.annotate(Max("number")))
    return [kind for kind in changed if agreed.get(kind, 0) < newest[kind]]


def new_to_visitor(user: AbstractBaseUser | AnonymousUser | None) -> Sequence[Kind]:
    """Return the documents that changed since a user agreed to them. None for anonymous visitors."""
    return new_to(user.pk) if user is not None and user.is_authenticated else []


def to_tell(request: HttpRequest) -> Sequence[Kind]:
    """Return the changed documents that a signed-in renter has not been told of, and note that they are.

    Costs nothing while all are in their first version.
    """
    newest = numbers()
    if all(newest[kind] == FIRST for kind in AGREED) or not request.user.is_authenticated:
        return []
    if request.user.is_staff or request.session.get(_TOLD) == shown():
        return []
    request.session[_TOLD] = shown()
    return new_to(request.user.pk)
