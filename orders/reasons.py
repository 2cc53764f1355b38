"""Usual reasons of staff for declining or cancelling: stored in English, read in the reader's own language.

Orders keep the English text, so a sentence that was ever in a list stays in it, or its translation is lost.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

DECLINED = (
    gettext_noop("The home is under repair on these dates."),
    gettext_noop("These dates were taken elsewhere just before you booked."),
    gettext_noop("The home doesn't suit so many guests."),
    gettext_noop("We can't be there to let you in on that day."),
    gettext_noop("The price on the page was wrong. Please book again at the right one."),
)
CANCELED = (
    gettext_noop("The home can't be used: something broke that we can't repair in time."),
    gettext_noop("These dates were taken elsewhere just before you booked."),
    gettext_noop("Bad weather or an official order keeps us from hosting."),
    gettext_noop("You asked us to cancel."),
)
_ALL = frozenset((*DECLINED, *CANCELED))


def shown(stored: str) -> str:
    """Return a reason in the reader's language; one that staff wrote themselves, as it is."""
    return gettext(stored) if stored in _ALL else stored


class GivesReason(forms.Form):
    """Form with a `reason`: written, or chosen from `usual_reasons`."""

    usual_reasons: ClassVar[Sequence[str]] = ()

    usual_reason = forms.ChoiceField(
        label=_("Usual reason"), required=False, help_text=_("The renter reads it in their own language.")
    )
    reason = forms.CharField(
        label=_("Or in your own words (shown to the renter)"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(reason, gettext(reason)) for reason in self.usual_reasons]
        self.fields["usual_reason"].choices = [("", "—"), *choices]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Put the chosen reason into `reason`."""
        data = super().clean() or self.cleaned_data
        usual, own = data.get("usual_reason"), data.get("reason")
        if usual and own:
            self.add_error("reason", _("Choose a usual reason or write your own, not both."))
        elif not usual and not own and not self.errors:
            self.add_error("reason", forms.Field.default_error_messages["required"])
        data["reason"] = own or usual
        return data
