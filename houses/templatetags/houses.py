"""Template tags for pages of homes."""

from typing import Any

from django import template
from django.conf import settings
from django.template import loader

from houses.models import HousePhoto
from houses.quotes import Line, Quote

register = template.Library()


@register.simple_tag
def price_line(line: Line, quote: Quote) -> str:
    """Lend the renters' words for a line of a quote to the admin."""
    template: Any = loader.get_template("_pieces.html", using="jinja2")
    text: str = template.template.module.price_line(line, quote)
    return text


def share_picture(photo: HousePhoto, otherwise: str) -> str:
    """Return the absolute address of a photo as a JPEG for links that are shared: WeChat shows no WebP."""
    file = photo.small
    is_jpeg = str(file.name).lower().endswith((".jpg", ".jpeg"))
    return f"{settings.SITE_URL}{file.url}" if is_jpeg else otherwise
