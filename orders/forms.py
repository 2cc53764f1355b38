from django import forms
from django.utils.translation import gettext_lazy as _

from core.fields import PlainTextField

MAX_REVIEW_LENGTH = 1000
STARS = [(5, _("5 stars")), (4, _("4 stars")), (3, _("3 stars")), (2, _("2 stars")), (1, _("1 star"))]


class ReviewForm(forms.Form):
    rating = forms.TypedChoiceField(
        label=_("How was your stay?"),
        choices=STARS,
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={"required": _("Please choose a rating from 1 to 5 stars.")},
    )
    text = PlainTextField(
        label=_("Your review"),
        max_length=MAX_REVIEW_LENGTH,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Your review is public."),
        error_messages={"required": _("Please write a few words.")},
    )
