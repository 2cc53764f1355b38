from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.factors import app_codes, checking
from accounts.guards import signed_in_user
from accounts.proving import CodeField


class QuestionForm(forms.Form):
    """The second step of a sign-in."""

    code = CodeField(
        label=_("Code of your app, or a recovery code"),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autofocus": True}),
    )

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_code(self) -> str:
        code = self.cleaned_data["code"]
        checking.check_code(self.request, signed_in_user(self.request), code)
        return code


class NewAppForm(forms.Form):
    """A secret that the page shows, and the first code that the app makes of it."""

    offer = forms.CharField(required=False, max_length=500, widget=forms.HiddenInput)
    code = CodeField(
        label=_("Code that the app shows"),
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        user = signed_in_user(request)
        self.shown = str(self["offer"].value() or "")
        """The offer that the page shows: the one that was posted, unless it is too old."""
        self.is_stale = app_codes.device_of(user, self.shown) is None
        if self.is_stale:
            self.shown = app_codes.new_offer(user)
        self.device = app_codes.device_of(user, self.shown)

    def clean_code(self) -> str:
        if self.is_stale:
            raise forms.ValidationError(_("The code on this page was too old. Scan the new one."))
        if not app_codes.set_up(self.device, self.cleaned_data["code"]):
            raise forms.ValidationError(_("Your app shows another code. Is the clock of your phone right?"))
        return self.cleaned_data["code"]
