from django.conf import settings
from django.http import HttpRequest
from django.template.backends.utils import csrf_input
from django.utils.functional import SimpleLazyObject

from documents.company import company


def site(request: HttpRequest) -> dict[str, object]:
    return {
        "rehearsal": settings.REHEARSAL,
        "contact_phone": settings.CONTACT_PHONE,
        "contact_email": settings.CONTACT_EMAIL,
        "company": company(),
    }


def one_token(request: HttpRequest) -> dict[str, object]:
    """Give all forms of a page one masked CSRF token: each page still has a mask of its own."""
    return {"csrf_input": SimpleLazyObject(lambda: csrf_input(request))}
