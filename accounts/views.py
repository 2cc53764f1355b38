from typing import Any

from django.contrib.auth import REDIRECT_FIELD_NAME, login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView, RedirectURLMixin
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe
from django.views.generic import FormView

from accounts.forms import LoginForm, SignUpForm
from accounts.models import User


class SignIn(LoginView):
    template_name = "accounts/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True


@method_decorator([sensitive_post_parameters("password"), never_cache], name="dispatch")
class SignUp(RedirectURLMixin, FormView):
    """Makes an account, signs its owner in and goes on to where they were going."""

    template_name = "accounts/signup.html"
    form_class = SignUpForm
    next_page = "orders:list"

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


@require_safe
@login_required
def me(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/me.html")
