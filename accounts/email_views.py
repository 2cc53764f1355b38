"""Confirming an email, and a forgotten password by a link to a confirmed one."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView, View

from accounts import access_log, emails
from accounts.factors.own_pages import ChangesSignIn
from accounts.forms import EmailForm, PasswordByLinkForm
from accounts.guards import post_only_page, signed_in_user
from accounts.models import AccessEvent, User
from accounts.proving import AsksForPassword, PassesRequest
from core.refusal import Refusal


class ConfirmEmail(LoginRequiredMixin, View):
    """Mail the link that confirms the email of the account."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return post_only_page(request, reverse("accounts:me"))

    def post(self, request: HttpRequest) -> HttpResponse:
        user = signed_in_user(request)
        if user.email and user.email_verified_at is None:
            emails.ask_to_confirm(request, user)
        return redirect("accounts:me")


@method_decorator([sensitive_post_parameters("password"), never_cache], name="dispatch")
class ByPassword(ChangesSignIn, LoginRequiredMixin, PassesRequest, FormView):
    """A step about the email of the account that asks for the password."""

    form_class = AsksForPassword
    success_url = reverse_lazy("accounts:me")


class EmailConfirmed(ByPassword):
    """The page of the mailed link. Asks for the password, since a confirmed email can set a new one."""

    template_name = "accounts/email_confirmed.html"
    extra_context = {"heading": _("Confirm your email")}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated and not self._address(signed_in_user(request)):
            return self._no_longer()
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: AsksForPassword) -> HttpResponse:
        if not emails.set_confirmed(form.user, self._address(form.user)):
            return self._no_longer()
        access_log.note(self.request, AccessEvent.Kind.EMAIL_CONFIRMED, form.user.mobile)
        messages.success(self.request, _("Your email is confirmed."))
        return super().form_valid(form)

    def _address(self, user: User) -> str:
        return emails.confirmed_by(user, self.request.GET.get("token", ""))

    def _no_longer(self) -> HttpResponse:
        messages.error(self.request, _("This link no longer works. Ask for a new one."))
        return redirect("accounts:me")


class RemoveEmail(ByPassword):
    """Remove a confirmed email by the password: an open session must not cut its owner off."""

    template_name = "accounts/remove_email.html"
    extra_context = {"heading": _("Remove your email")}

    def form_valid(self, form: AsksForPassword) -> HttpResponse:
        emails.remove(form.user)
        messages.success(self.request, _("Your email is removed."))
        return super().form_valid(form)


@method_decorator(never_cache, name="dispatch")
class ResetByEmail(FormView):
    """Mail links. The answer is the same whether or not anybody has the address."""

    template_name = "accounts/reset_by_email.html"
    form_class = EmailForm
    extra_context = {"heading": _("Set a new password")}

    def form_valid(self, form: EmailForm) -> HttpResponse:
        try:
            emails.send_reset_links(self.request, form.cleaned_data["email"])
        except Refusal as refusal:
            form.add_error(None, str(refusal))
            return self.form_invalid(form)
        sentence = _(
            "If this email belongs to an account and has been confirmed, we've sent a link to it. The link "
            "works for an hour."
        )
        messages.success(self.request, sentence)
        return redirect("accounts:login")


@method_decorator([sensitive_post_parameters("new_password1", "new_password2"), never_cache], name="dispatch")
class PasswordByLink(FormView):
    """The page of a reset link. Ends the account's sessions, and leaves none in this browser."""

    template_name = "accounts/password_by_link.html"
    form_class = PasswordByLinkForm
    success_url = reverse_lazy("accounts:login")
    extra_context = {"heading": _("Set a new password")}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.user = emails.user_of_link(request.GET.get("key", ""), request.GET.get("token", ""))
        if self.user is None:
            return self.render_to_response({"heading": self.extra_context["heading"]})
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "user": self.user}

    def form_valid(self, form: PasswordByLinkForm) -> HttpResponse:
        try:
            form.save()
        except Refusal as refusal:
            form.add_error(None, str(refusal))
            return self.form_invalid(form)
        messages.success(self.request, _("Your password has been changed. Sign in with it."))
        return super().form_valid(form)
