from typing import Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import password_validation
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, SetPasswordForm
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import passwords
from accounts.guessing import counted_try
from accounts.mobile import MAX_TYPED, clean_mobile
from accounts.models import User
from accounts.proving import AsksForPassword, CodeForm, NumberForm
from core.changed_fields import ChangedFieldsForm
from core.fields import PlainEmailField, PlainLineField
from core.refusal import Refusal

PASSWORD_HELP = _("At least 8 characters, and not just digits.")


def password_field(label: Any) -> forms.CharField:
    """Return a field for a password that is chosen, typed once."""
    return forms.CharField(
        label=label,
        strip=False,
        max_length=128,
        help_text=PASSWORD_HELP,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


def label_new_passwords(form: forms.Form) -> None:
    """Give the two fields of Django's forms, for a new password and again, our labels and one hint."""
    new, again = form.fields["new_password1"], form.fields["new_password2"]
    new.label, again.label = _("New password"), _("Confirm new password")
    new.help_text, again.help_text = PASSWORD_HELP, ""


class GuardedForm(AuthenticationForm):
    """Sign-in with a password. Both doors use it, so tries at one count at the other."""

    of_staff = False

    def clean(self) -> dict[str, Any]:
        mobile = clean_mobile(self.cleaned_data.get("username") or "")
        if not mobile or not self.cleaned_data.get("password"):
            return super().clean()
        request = self.request or HttpRequest()  # without one, by number alone
        with counted_try(request, mobile, of_staff=self.of_staff):
            return super().clean()


class LoginForm(GuardedForm):
    error_messages = {
        "invalid_login": _("Wrong mobile number or password."),
        "inactive": _("This account has been closed."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].widget.attrs.update(
            inputmode="numeric", autocomplete="username", maxlength=MAX_TYPED
        )


class StaffLoginForm(GuardedForm, AdminAuthenticationForm):
    of_staff = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].widget.attrs["maxlength"] = MAX_TYPED


class SignUpForm(NumberForm):
    """The first step. It doesn't tell whether the number has an account: only who holds it may know."""

    password = password_field(_("Password"))
    email = PlainEmailField(
        label=_("Email (optional)"),
        required=False,
        max_length=254,
        help_text=_("We'll email you about your bookings."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )

    def clean(self) -> dict[str, object] | None:
        password = self.cleaned_data.get("password")
        if password:
            user = User(
                mobile=self.cleaned_data.get("username", ""), email=self.cleaned_data.get("email", "")
            )
            try:
                password_validation.validate_password(password, user)
            except forms.ValidationError as error:
                self.add_error("password", error)
        return self.cleaned_data


class ForgottenPasswordForm(CodeForm):
    """The second step: the code, and the new password."""

    password = password_field(_("New password"))

    def clean_password(self) -> str:
        password = self.cleaned_data["password"]
        password_validation.validate_password(password, User(mobile=self.cleaned_data.get("username", "")))
        return password


class NewNumberForm(AsksForPassword, NumberForm):
    field_order = ("username", "password")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("New mobile number")

    def clean_username(self) -> str:
        if self.cleaned_data["username"] == self.user.mobile:
            raise forms.ValidationError(_("This is your number already."))
        return self.cleaned_data["username"]


class EmailForm(forms.Form):
    email = PlainEmailField(
        label=_("Email"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


class PasswordByLinkForm(SetPasswordForm):
    """The page of a mailed link."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        label_new_passwords(self)

    def save(self, commit: bool = True) -> User:
        """Set the password once. Raises Refusal if the link was used or the account closed meanwhile."""
        before, new = self.user.password, self.cleaned_data["new_password1"]
        self.user.set_password(new)
        if not passwords.replace(self.user, before):
            raise Refusal(_("This link was used just now, or the account was closed."))
        password_validation.password_changed(new, self.user)
        return self.user


class ProfileForm(ChangedFieldsForm):
    """The fields that users may edit themselves. The mobile number is the login and stays.

    A confirmed email stays, too, until the new one is confirmed: it can set a new password.
    """

    tells_who = False
    wanted_email: str | None = None
    """The email to come in the place of a confirmed one; empty for none."""

    name = PlainLineField(
        label=_("Name"),
        required=False,
        max_length=User._meta.get_field("name").max_length,
        help_text=_("For receipts and our emails to you. Other guests don't see it."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    nickname = PlainLineField(
        label=_("Nickname"),
        required=False,
        max_length=User._meta.get_field("nickname").max_length,
        widget=forms.TextInput(attrs={"autocomplete": "nickname"}),
    )

    class Meta:
        model = User
        fields = ("name", "nickname", "email")
        field_classes = {"email": PlainEmailField}
        labels = {"email": _("Email (optional)")}
        help_texts = {"email": _("We'll email you about your bookings.")}
        widgets = {"email": forms.EmailInput(attrs={"autocomplete": "email"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        hint = gettext("Shown beside your reviews. Without one we show %(name)s.")
        self.fields["nickname"].help_text = hint % {"name": self.instance.masked_name}

    def _merge(self) -> None:
        super()._merge()
        if "email" in self.changed_fields and self.instance.email_verified_at:
            self.changed_fields.remove("email")
            self.wanted_email = self.cleaned_data["email"]
            self.cleaned_data["email"] = self.instance.email


class NewPasswordForm(PasswordChangeForm):
    error_messages = {
        **PasswordChangeForm.error_messages,
        "password_incorrect": _("Your current password is incorrect."),
    }

    def __init__(self, *args: Any, request: HttpRequest | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request or HttpRequest()
        self.fields["old_password"].label = _("Current password")
        label_new_passwords(self)

    def clean_old_password(self) -> str:
        """Check it. A wrong one counts towards the limits of sign-in, also in an open session."""
        with counted_try(self.request, self.user.mobile):
            return super().clean_old_password()

    def save(self, commit: bool = True) -> User:
        """Replace the password that was checked. Hashing takes a while.

        Raises Refusal if the account was closed meanwhile, or got another password than this one.
        """
        user, new, checked = self.user, self.cleaned_data["new_password1"], self.user.password
        user.set_password(new)
        if not passwords.replace(user, checked):
            user.refresh_from_db()
            if not user.is_active:
                raise Refusal(LoginForm.error_messages["inactive"])
            if not user.check_password(new):  # else pressed twice
                raise Refusal(_("Your password was changed elsewhere just now. Sign in with that one."))
        password_validation.password_changed(new, user)
        return user
