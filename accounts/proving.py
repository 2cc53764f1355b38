"""Pages in two steps: a form with a number, then a form for the code that was sent to it.

Nothing is stored in between. What was typed in the first step is in a signed field of the second, so a
stranger who never types a code leaves no row.
"""

from typing import Any

from django import forms
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import RedirectURLMixin
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView
from django.views.generic.edit import FormMixin

from accounts import codes
from accounts.codes import Purpose
from accounts.guards import signed_in_user
from accounts.guessing import check_password
from accounts.mobile import MobileField, clean_mobile
from accounts.models import is_mobile_number
from core.numbers import visible
from core.refusal import Refusal

SALT = "accounts.proving"


class NumberForm(forms.Form):
    """The first step."""

    username = MobileField(
        label=_("Mobile number"),
        validators=[is_mobile_number],
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "username", "autofocus": True}),
    )


class AsksForPassword(forms.Form):
    """Form that requires the current password of the signed-in user: an open session is not enough."""

    password = forms.CharField(
        label=_("Current password"),
        strip=False,
        max_length=128,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request, self.user = request, signed_in_user(request)

    def clean_password(self) -> str:
        check_password(self.request, self.user, self.cleaned_data["password"])
        return self.cleaned_data["password"]


class PassesRequest(FormMixin):
    """Mixin of views whose form takes the request."""

    request: HttpRequest

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "request": self.request}


class CodeField(forms.CharField):
    """A code as people type and paste it: with blanks, in full width."""

    def to_python(self, value: Any) -> str:
        return "".join(visible(super().to_python(value) or "").split())


class CodeForm(forms.Form):
    """The second step."""

    username = MobileField(validators=[is_mobile_number], widget=forms.HiddenInput)
    proof = forms.CharField(required=False, max_length=500, widget=forms.HiddenInput)
    draft = forms.CharField(required=False, max_length=2000, widget=forms.HiddenInput)
    code = CodeField(
        label=_("Code"),
        max_length=20,
        widget=forms.TextInput(
            attrs={"inputmode": "numeric", "autocomplete": "one-time-code", "autofocus": True}
        ),
    )

    def __init__(self, *args: Any, request: HttpRequest, purpose: Purpose, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request, self.purpose = request, purpose

    def clean_code(self) -> str:
        data = self.cleaned_data
        code, mobile = data["code"], data.get("username", "")
        codes.check(self.request, self.purpose, mobile, data.get("proof", ""), code)
        return code

    def clean(self) -> dict[str, Any]:
        try:
            draft = signing.loads(
                self.cleaned_data.get("draft", ""), salt=SALT + self.purpose, max_age=codes.LIFE * 6
            )
        except signing.BadSignature:
            self.add_error("code", _("This code has expired. Ask for a new one."))
            return self.cleaned_data
        return {**self.cleaned_data, "draft": draft}


@method_decorator([sensitive_post_parameters("password", "draft"), never_cache], name="dispatch")
class ProvenNumber(RedirectURLMixin, FormView):
    """Base of the views. A subclass has what is kept from the first step, and what the second one does."""

    template_name = "accounts/form_page.html"
    form_class: type[forms.Form] = NumberForm
    code_form_class: type[CodeForm] = CodeForm
    code_template_name = "accounts/code.html"
    purpose: Purpose
    heading: Any
    next_page = "orders:list"

    def number(self, form: Any) -> str:
        """Return the number to send the code to."""
        return form.cleaned_data["username"]

    def get_form_kwargs(self) -> dict[str, Any]:
        more = {"request": self.request} if issubclass(self.form_class, AsksForPassword) else {}
        return {**super().get_form_kwargs(), **more}

    def draft(self, form: Any) -> dict[str, Any]:
        """Return what the second step needs of the first. It goes to the browser, signed and readable."""
        return {}

    def proven(self, form: Any) -> HttpResponse:
        """Do what the number was proven for. Raises Refusal."""
        raise NotImplementedError

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "from_sign_in" in request.POST:  # in a form, because addresses are logged
            initial = {"username": clean_mobile(request.POST.get("username", ""))}
            form = self.form_class(
                **{**self.get_form_kwargs(), "data": None, "files": None, "initial": initial}
            )
            return self.render_to_response(self.get_context_data(form=form))
        if "proof" not in request.POST:
            return super().post(request, *args, **kwargs)
        return self._send_again() if "again" in request.POST else self._second_step()

    def form_valid(self, form: Any) -> HttpResponse:
        """Send the code, and only then hash a password for the draft: refusals are cheap."""
        mobile = self.number(form)
        try:
            proof = codes.send(self.request, self.purpose, mobile)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
            return self.form_invalid(form)
        draft = signing.dumps(self.draft(form), salt=SALT + self.purpose)
        return self._ask_for_code(
            self._code_form(initial={"username": mobile, "proof": proof, "draft": draft})
        )

    def _send_again(self) -> HttpResponse:
        """Send another code. If that is refused, the one before can still be typed."""
        typed = {name: self.request.POST.get(name, "") for name in ("username", "proof", "draft")}
        form = self._code_form(initial=typed)
        refused = ""
        try:
            mobile = NumberForm.base_fields["username"].clean(typed["username"])
            form.initial["proof"] = codes.send(self.request, self.purpose, mobile)
        except (Refusal, forms.ValidationError) as error:
            refused = error.messages[0] if isinstance(error, forms.ValidationError) else str(error)
        return self._ask_for_code(form, refused)

    def _second_step(self) -> HttpResponse:
        form = self._code_form(data=self.request.POST)
        if not form.is_valid():
            return self._ask_for_code(form)
        try:
            codes.use(self.purpose, form.cleaned_data["username"], form.cleaned_data["proof"])
            return self.proven(form)
        except Refusal as refusal:
            form.add_error("code", str(refusal))
            return self._ask_for_code(form)

    def _code_form(self, **kwargs: Any) -> CodeForm:
        return self.code_form_class(request=self.request, purpose=self.purpose, **kwargs)

    def _ask_for_code(self, form: CodeForm, refused: str = "") -> HttpResponse:
        self.template_name = self.code_template_name
        shown = codes.shown(str(form["proof"].value()))
        context = {"mobile": form["username"].value(), "rehearsal_code": shown, "refused": refused}
        return self.render_to_response(self.get_context_data(form=form, **context))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        ours = {REDIRECT_FIELD_NAME: self.get_redirect_url(), "heading": self.heading}
        return {**ours, **super().get_context_data(**kwargs)}
