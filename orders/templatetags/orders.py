"""Template filters for orders."""

from django import template

from orders import reasons

register = template.Library()
register.filter("reason", reasons.shown)
