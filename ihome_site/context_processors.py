from django.conf import settings
from django.http import HttpRequest

from documents.company import company


def site(request: HttpRequest) -> dict[str, object]:
    return {
        "rehearsal": settings.REHEARSAL,
        "contact_phone": settings.CONTACT_PHONE,
        "contact_email": settings.CONTACT_EMAIL,
        "company": company(),
    }
