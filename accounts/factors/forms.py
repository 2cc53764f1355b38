from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.factors import app_codes, checking, passkeys
from accounts.guards import signed_in_user
from accounts.proving import CodeField
from core.fields import PlainLineField


def second_factor_code(**attrs: Any) -> CodeField:
    return CodeField(
        label=_("Code of your app, or a recovery code"),
        max_length=60,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", **attrs}),
    )


class SecondFactorForm(forms.Form):
    """Base of the forms that take a passkey in the place of a code."""

    proof_passkey = forms.CharField(required=False, max_length=8000, widget=forms.HiddenInput)
    proof_challenge = forms.CharField(required=False, max_length=500, widget=forms.HiddenInput)
    code_field: str

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request, self.user = request, signed_in_user(request)

    def passkey_offer(self) -> passkeys.Offer | None:
        """A new challenge for each time that the page is shown."""
        return passkeys.offer_to_prove(self.request, self.user)

    def has_second_factor(self) -> bool:
        return bool(self.cleaned_data.get("proof_passkey") or self.cleaned_data.get(self.code_field))

    def check_second_factor(self) -> None:
        """Check whichever was sent; an error stands at the field for the code."""
        data = self.cleaned_data
        try:
            if answer := data.get("proof_passkey"):
                checking.check_passkey(self.request, self.user, answer, data.get("proof_challenge", ""))
            else:
                checking.check_code(self.request, self.user, data[self.code_field])
        except forms.ValidationError as error:
            self.add_error(self.code_field, error)


class QuestionForm(SecondFactorForm):
    """The second step of a sign-in."""

    code_field = "code"

    code = second_factor_code(autofocus=True)

    def clean(self) -> dict[str, Any]:
        if self.has_second_factor():
            self.check_second_factor()
        elif not self.errors:
            self.add_error("code", _("Type a code."))
        return self.cleaned_data


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


class NewPasskeyForm(forms.Form):
    """A name, and what the browser answered to the challenge of the page."""

    name = PlainLineField(
        label=_("Name"), max_length=40, help_text=_("So that you know which it is, such as “My phone”.")
    )
    passkey = forms.CharField(required=False, max_length=20000, widget=forms.HiddenInput)
    challenge = forms.CharField(required=False, max_length=500, widget=forms.HiddenInput)

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request, self.user = request, signed_in_user(request)

    def passkey_offer(self) -> passkeys.Offer:
        return passkeys.offer_to_make(self.request, self.user)

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if not self.errors and not passkeys.make(
            self.request, self.user, name=data["name"], answer=data["passkey"], challenge=data["challenge"]
        ):
            raise forms.ValidationError(_("The passkey was not set up. Please try again."))
        return data
