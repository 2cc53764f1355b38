"""Forms of the admin about accounts, and the one in which new staff choose their password."""

from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.contrib.auth.forms import SetPasswordForm, UserChangeForm
from django.utils.translation import gettext_lazy as _

from accounts import passwords
from accounts.mobile import MobileField
from accounts.models import User
from core.fields import PlainEmailField
from core.refusal import Refusal


class NewStaffForm(forms.ModelForm):
    """A new account for staff. It has no password: its owner sets one, by a link."""

    class Meta:
        model = User
        fields = ("mobile", "name", "groups")
        field_classes = {"mobile": MobileField}

    def save(self, commit: bool = True) -> User:
        self.instance.is_staff = True
        self.instance.set_unusable_password()
        return super().save(commit)


class StaffUserChangeForm(UserChangeForm):
    password = None  # type: ignore[assignment]  # leaves the field out

    class Meta:
        model = User
        fields = "__all__"
        field_classes = {"mobile": MobileField, "email": PlainEmailField}


class ChoosePasswordForm(SetPasswordForm):
    """The page of an invitation. `key` is its key."""

    key = forms.CharField(max_length=200, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        new, again = self.fields["new_password1"], self.fields["new_password2"]
        new.label, again.label = _("New password"), _("Confirm new password")
        new.help_text, again.help_text = _("At least 8 characters, and not just digits."), ""

    def save(self, commit: bool = True) -> User:
        """Set the password once. Raises Refusal if the link was used or the account closed meanwhile."""
        before, new = self.user.password, self.cleaned_data["new_password1"]
        self.user.set_password(new)
        if not passwords.replace(self.user, before):
            raise Refusal(_("This link was used just now, or the account was closed."))
        password_validation.password_changed(new, self.user)
        return self.user
