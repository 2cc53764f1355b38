import logging
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.hashers import make_password
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView
from django.contrib.messages.views import SuccessMessageMixin
from django.core.exceptions import NON_FIELD_ERRORS
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import access_log, emails, passwords
from accounts.codes import Purpose
from accounts.devices import remember_device
from accounts.factors import own_pages
from accounts.factors.own_pages import ChangesSignIn
from accounts.forms import (
    ForgottenPasswordForm,
    LoginForm,
    NewNumberForm,
    NewPasswordForm,
    ProfileForm,
    SignUpForm,
)
from accounts.guards import post_only_page, signed_in_user, verify_address
from accounts.guessing import PAUSED
from accounts.holders import change_number, free_number, holder_of, prove_number
from accounts.mobile import masked
from accounts.models import AccessEvent, User
from accounts.proving import CodeForm, PassesRequest, ProvenNumber
from core.client_address import client_address
from core.refusal import Refusal
from core.transactions import durable_transaction
from documents import agreements
from documents.models import Agreement

log = logging.getLogger(__name__)

TO_BOOK = "#book"
"""End of an address that leads to a home with a stay to book."""
CONFIRMED = _("Your number is confirmed.")


class SignIn(LoginView):
    template_name = "accounts/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        if signed_in_user(self.request).mobile_verified_at is not None:
            return response
        page = self.get_success_url()
        if page.endswith(TO_BOOK):  # there they would only be led on
            return redirect(verify_address(page))
        _ask_to_verify(self.request, page)
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_invalid(form)
        if form.has_error(NON_FIELD_ERRORS, PAUSED):
            response.status_code = HTTPStatus.TOO_MANY_REQUESTS
        return response


def _ask_to_verify(request: HttpRequest, page: str) -> None:
    sentence = gettext("Please confirm that this mobile number is yours: we'll send it a code.")
    link = format_html(
        '<a class="thumb" href="{}">{}</a>', verify_address(page), gettext("Confirm your number")
    )
    messages.info(request, format_html("{} {}", sentence, link))


class SignOut(LogoutView):
    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return post_only_page(request, reverse("accounts:me"))


class SignUp(ProvenNumber):
    """Create an account for a number that a code has proven, sign the user in and redirect to `next`."""

    template_name = "accounts/signup.html"
    form_class = SignUpForm
    purpose = Purpose.SIGN_UP
    heading = _("Create an account")

    def draft(self, form: SignUpForm) -> dict[str, str]:
        data = form.cleaned_data
        shown = self.request.POST.get(agreements.FIELD, "")
        return {"email": data["email"], "password": make_password(data["password"]), "agreed": shown[:20]}

    def proven(self, form: CodeForm) -> HttpResponse:
        data = form.cleaned_data
        draft = data["draft"]
        try:
            with transaction.atomic():
                free_number(data["username"])
                user = User.objects.create_verified(data["username"], draft["email"], draft["password"])
                agreements.record(user.pk, Agreement.Place.SIGN_UP, draft.get("agreed", ""))
        except IntegrityError:
            raise Refusal(_("This number already has an account. Please sign in.")) from None
        login(self.request, user)
        if user.email:
            emails.ask_to_confirm(self.request, user)
        return redirect(self.get_success_url())


class SignInByCode(ProvenNumber):
    """Sign in whoever holds the number. Staff can't: a lost phone must not open the back office."""

    purpose = Purpose.SIGN_IN
    heading = _("Sign in with a code")

    def proven(self, form: CodeForm) -> HttpResponse:
        user = holder_of(form.cleaned_data["username"])
        is_ended = prove_number(user)
        login(self.request, user)
        if is_ended:
            _offer_password(self.request)
        return redirect(self.get_success_url())


def _offer_password(request: HttpRequest) -> None:
    sentence = gettext("Your number is confirmed. The earlier password no longer works.")
    link = format_html(
        '<a class="thumb" href="{}">{}</a>', reverse("accounts:forgotten"), gettext("Set a new password")
    )
    messages.info(request, format_html("{} {}", sentence, link))


class ForgottenPassword(ProvenNumber):
    """Set a new password for whoever holds the number, and sign them in. Ends other sessions."""

    template_name = "accounts/forgotten.html"
    code_template_name = "accounts/forgotten_code.html"
    code_form_class = ForgottenPasswordForm
    purpose = Purpose.RESET
    heading = _("Set a new password")

    def proven(self, form: ForgottenPasswordForm) -> HttpResponse:
        user = holder_of(form.cleaned_data["username"])
        prove_number(user)
        before = user.password
        user.set_password(form.cleaned_data["password"])
        if not passwords.replace(user, before):
            raise Refusal(_("Your account was changed elsewhere just now. Please start again."))
        log.info(
            "password of %s set after a code, from %s", masked(user.mobile), client_address(self.request)
        )
        login(self.request, user)
        messages.success(self.request, NewPassword.success_message)
        return redirect(self.get_success_url())


class NewNumber(ChangesSignIn, LoginRequiredMixin, ProvenNumber):
    """Change the number, by the password and a code that was sent to the new one."""

    template_name = "accounts/new_number.html"
    form_class = NewNumberForm
    purpose = Purpose.CHANGE
    heading = _("Change your number")
    next_page = "accounts:me"

    def draft(self, form: NewNumberForm) -> dict[str, Any]:
        """Return who gave their password, and for which number; another session can't use it."""
        return {"user": form.user.pk, "mobile": form.user.mobile}

    def proven(self, form: CodeForm) -> HttpResponse:
        user, draft = signed_in_user(self.request), form.cleaned_data["draft"]
        if draft != {"user": user.pk, "mobile": user.mobile}:
            raise Refusal(_("You signed in or out in another tab. Please start again."))
        change_number(user, form.cleaned_data["username"])
        address = client_address(self.request)
        log.info("number of %s changed from %s", masked(user.mobile), address)
        access_log.note(self.request, AccessEvent.Kind.NUMBER_CHANGED, form.cleaned_data["username"])
        remember_device(None, self.request, User.objects.get(pk=user.pk))
        messages.success(self.request, _("Your number is changed. Sign in with the new one from now on."))
        return redirect(self.get_success_url())


class VerifyNumber(LoginRequiredMixin, ProvenNumber):
    """Prove the number of an account from before numbers were proven."""

    template_name = "accounts/verify.html"
    purpose = Purpose.VERIFY
    heading = _("Confirm your number")
    form_class = forms.Form
    next_page = "accounts:me"

    def number(self, form: forms.Form) -> str:
        return signed_in_user(self.request).mobile

    def proven(self, form: CodeForm) -> HttpResponse:
        user = signed_in_user(self.request)
        if user.mobile != form.cleaned_data["username"]:
            raise Refusal(_("The code was sent to another number. Ask for a new one."))
        user.set_mobile_verified()
        page = self.get_success_url()
        booking = page.endswith(TO_BOOK)
        sentence = _("Your number is confirmed. Now press Book again.") if booking else CONFIRMED
        messages.success(self.request, sentence)
        return redirect(page)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required  # no form_page: csrf_failure() would redirect and lose the input
def me(request: HttpRequest) -> HttpResponse:
    """我的: show and edit the signed-in user's profile."""
    if request.method == "POST" and (page := own_pages.unproven_lately(request)):
        return page
    user = signed_in_user(request)
    form = _save_profile(request, user.pk) if request.method == "POST" else ProfileForm(instance=user)
    if form.is_valid():
        return _saved(request, form)
    context = {"form": form, "sign_ins": access_log.latest_of(user)}
    return render(request, "accounts/me.html", context, status=422 if form.is_bound else 200)


def _saved(request: HttpRequest, form: ProfileForm) -> HttpResponse:
    if form.changed_data or form.wanted_email is None:
        messages.success(request, _("Saved."))
    if form.wanted_email == "":
        return redirect("accounts:remove_email")
    if form.wanted_email or ("email" in form.changed_data and form.instance.email):
        emails.ask_to_confirm(request, form.instance, form.wanted_email or "")
    return redirect("accounts:me")


@durable_transaction
def _save_profile(request: HttpRequest, pk: int) -> ProfileForm:
    user = get_object_or_404(User.objects.select_for_update(), pk=pk, is_active=True)  # closed in another tab
    form = ProfileForm(request.POST, instance=user)
    if form.is_valid():
        form.save()
    return form


@method_decorator(never_cache, name="dispatch")
class NewPassword(ChangesSignIn, SuccessMessageMixin, PassesRequest, PasswordChangeView):
    """Change the password. Ends the user's other sessions."""

    template_name = "accounts/password.html"
    form_class = NewPasswordForm
    success_url = reverse_lazy("accounts:me")
    success_message = _("Your password has been changed. You've been signed out on other devices.")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        try:
            return super().form_valid(form)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
            return self.form_invalid(form)
