from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME, login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView, RedirectURLMixin
from django.contrib.messages.views import SuccessMessageMixin
from django.core.exceptions import NON_FIELD_ERRORS
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django.views.generic import FormView

from accounts.forms import LoginForm, NewPasswordForm, ProfileForm, SignUpForm
from accounts.guards import post_only_page, signed_in_user
from accounts.guessing import PAUSED
from accounts.mobile import clean_mobile
from accounts.models import User
from core.refusal import Refusal
from core.transactions import durable_transaction


class SignIn(LoginView):
    template_name = "accounts/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_invalid(form)
        if form.has_error(NON_FIELD_ERRORS, PAUSED):
            response.status_code = HTTPStatus.TOO_MANY_REQUESTS
        return response


class SignOut(LogoutView):
    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return post_only_page(request, reverse("accounts:me"))


@method_decorator([sensitive_post_parameters("password"), never_cache], name="dispatch")
class SignUp(RedirectURLMixin, FormView):
    """Create an account, sign the user in and redirect to `next`."""

    template_name = "accounts/signup.html"
    form_class = SignUpForm
    next_page = "orders:list"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Prefill the number typed in a failed sign-in. It comes in a form because addresses are logged."""
        if "from_sign_in" not in request.POST:
            return super().post(request, *args, **kwargs)
        form = SignUpForm(initial={"username": clean_mobile(request.POST.get("username", ""))})
        return self.render_to_response(self.get_context_data(form=form))

    def form_valid(self, form: SignUpForm) -> HttpResponse:
        try:
            with transaction.atomic():
                user = form.save()
        except IntegrityError:
            form.add_error("username", User._meta.get_field("mobile").error_messages["unique"])
            return self.form_invalid(form)
        login(self.request, user)
        return super().form_valid(form)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {REDIRECT_FIELD_NAME: self.get_redirect_url(), **super().get_context_data(**kwargs)}


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required  # no form_page: csrf_failure() would redirect and lose the input
def me(request: HttpRequest) -> HttpResponse:
    """我的: show and edit the signed-in user's profile."""
    user = signed_in_user(request)
    form = _save_profile(request, user.pk) if request.method == "POST" else ProfileForm(instance=user)
    if form.is_valid():
        messages.success(request, _("Saved."))
        return redirect("accounts:me")
    return render(request, "accounts/me.html", {"form": form}, status=422 if form.is_bound else 200)


@durable_transaction
def _save_profile(request: HttpRequest, pk: int) -> ProfileForm:
    user = User.objects.select_for_update().get(pk=pk)
    form = ProfileForm(request.POST, instance=user)
    if form.is_valid():
        form.save()
    return form


@method_decorator(never_cache, name="dispatch")
class NewPassword(SuccessMessageMixin, PasswordChangeView):
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
