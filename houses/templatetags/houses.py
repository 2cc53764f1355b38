"""Template tags for pages of homes."""

from django import template
from django.conf import settings

from houses.models import HousePhoto

register = template.Library()


@register.simple_tag
def share_picture(photo: HousePhoto, otherwise: str) -> str:
    """Return the absolute address of a photo as a JPEG for links that are shared: WeChat shows no WebP."""
    file = photo.small
    is_jpeg = str(file.name).lower().endswith((".jpg", ".jpeg"))
    return f"{settings.SITE_URL}{file.url}" if is_jpeg else otherwise
