from django.conf import settings
from django.http import HttpRequest
from django.utils import translation


def site(request: HttpRequest) -> dict[str, object]:
    return {
        "rehearsal": settings.REHEARSAL,
        "LANGUAGE_CODE": translation.get_language(),
        "contact_phone": settings.CONTACT_PHONE,
        "contact_email": settings.CONTACT_EMAIL,
    }
