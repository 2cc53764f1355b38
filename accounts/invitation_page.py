"""The page that an invitation leads to."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import invitations
from accounts.models import User
from accounts.staff_forms import ChoosePasswordForm
from core.refusal import Refusal


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters()
def invitation(request: HttpRequest) -> HttpResponse:
    """Let the owner of a new account choose a password. They then sign in at the usual door."""
    key = (request.POST if request.method == "POST" else request.GET).get("key", "")
    user = invitations.user_of(key)
    if user is None:
        return _page(request)
    form = ChoosePasswordForm(user, request.POST or None, initial={"key": key})
    if form.is_valid() and _saved(form):
        messages.success(request, _("Your password is set. Sign in with it."))
        return redirect(f"{reverse('accounts:login')}?{urlencode({'next': reverse('admin:index')})}")
    return _page(request, form, user)


def _saved(form: ChoosePasswordForm) -> bool:
    try:
        form.save()
    except Refusal as refusal:
        form.add_error(None, str(refusal))
        return False
    return True


def _page(
    request: HttpRequest, form: ChoosePasswordForm | None = None, user: User | None = None
) -> HttpResponse:
    status = 410 if form is None else 422 if form.is_bound else 200
    context = {"form": form, "mobile": user.mobile if user else ""}
    response = render(request, "accounts/invitation.html", context, status=status)
    response.headers["Referrer-Policy"] = "strict-origin"  # the address holds the key
    return response
