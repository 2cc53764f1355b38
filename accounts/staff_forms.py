"""Forms of the admin about accounts, and the one in which new staff choose their password."""

from django import forms
from django.contrib.auth.forms import UserChangeForm

from accounts.forms import PasswordByLinkForm
from accounts.mobile import MobileField
from accounts.models import User
from core.fields import PlainEmailField, PlainLineField


class NewStaffForm(forms.ModelForm):
    """A new account for staff. It has no password: its owner sets one, by a link."""

    class Meta:
        model = User
        fields = ("mobile", "name", "groups")
        field_classes = {"mobile": MobileField, "name": PlainLineField}

    def save(self, commit: bool = True) -> User:
        self.instance.is_staff = True
        self.instance.set_unusable_password()
        return super().save(commit)


class StaffUserChangeForm(UserChangeForm):
    password = None  # type: ignore[assignment]  # leaves the field out

    class Meta:
        model = User
        fields = "__all__"
        field_classes = {
            "mobile": MobileField,
            "name": PlainLineField,
            "nickname": PlainLineField,
            "email": PlainEmailField,
        }


class ChoosePasswordForm(PasswordByLinkForm):
    """The page of an invitation. `key` is its key."""

    key = forms.CharField(max_length=200, widget=forms.HiddenInput)
