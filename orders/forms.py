from django import forms
from django.utils.translation import gettext_lazy as _

from core.fields import PlainTextField
from houses.models import MARKS
from orders.review_photos import photos_field

MAX_REVIEW_LENGTH = 1000
STARS = [(5, _("5 stars")), (4, _("4 stars")), (3, _("3 stars")), (2, _("2 stars")), (1, _("1 star"))]


def _mark(name: str) -> forms.TypedChoiceField:
    return forms.TypedChoiceField(
        label=MARKS[name],
        choices=STARS,
        coerce=int,
        empty_value=None,
        required=False,
        widget=forms.RadioSelect,
    )


class ReviewForm(forms.Form):
    """Stars and words. The marks are optional: a review needs `rating` and `text`."""

    rating = forms.TypedChoiceField(
        label=_("How was your stay?"),
        choices=STARS,
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={"required": _("Please choose a rating from 1 to 5 stars.")},
    )
    cleanliness = _mark("cleanliness")
    location = _mark("location")
    host = _mark("host")
    accuracy = _mark("accuracy")
    text = PlainTextField(
        label=_("Your review"),
        max_length=MAX_REVIEW_LENGTH,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Your review is public."),
        error_messages={"required": _("Please write a few words.")},
    )

    photos = photos_field()

    @property
    def marks(self) -> list[forms.BoundField]:
        return [self[name] for name in MARKS]
