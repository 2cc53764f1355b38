"""Asks staff again who they are, in the middle of what they are doing, and loses nothing of it.

The page stands in the place of the one that was asked for, at the same address. It carries the fields that
were posted, so that one more press does what was wanted.
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.factors import sessions, store
from accounts.factors.forms import SecondFactorForm, second_factor_code
from accounts.guessing import PAUSED, check_password

METHOD, PASSWORD, CODE = "again", "again_password", "again_code"
SECRETS = ("password", "old_password", "new_password1", "new_password2")
"""Never carried: a page that shows a password again may be read."""
OURS = (METHOD, PASSWORD, CODE, "proof_passkey", "proof_challenge")


class AgainForm(SecondFactorForm):
    """Asks for the password, or for a second factor if the account has one. `fully`: for both."""

    code_field = CODE

    again_password = forms.CharField(
        label=_("Current password"),
        strip=False,
        max_length=128,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )
    again_code = second_factor_code()

    def __init__(self, data: Any, *, request: HttpRequest, fully: bool) -> None:
        super().__init__(data, request=request)
        self.has_factor = store.has_any(self.user)
        if not self.has_factor:
            del self.fields[CODE], self.fields["proof_passkey"]
        self.needs_password, self.needs_factor = fully or not self.has_factor, fully and self.has_factor

    def clean_again_password(self) -> str:
        password = self.cleaned_data[PASSWORD]
        if password:
            check_password(self.request, self.user, password, of_staff=True)
        return password

    def clean(self) -> dict[str, Any]:
        """Check the second factor last: a code is used up by it."""
        if self.errors:
            return self.cleaned_data
        has_password, has_second = bool(self.cleaned_data[PASSWORD]), self.has_second_factor()
        if self.needs_password and not has_password:
            self.add_error(PASSWORD, _("Type your password."))
        elif self.needs_factor and not has_second:
            self.add_error(CODE, _("Type a code."))
        elif has_second:
            self.check_second_factor()
        elif not has_password:
            self.add_error(PASSWORD, _("Type your password, or a code below."))
        return self.cleaned_data


def unless_proven(request: HttpRequest) -> HttpResponse | None:
    """Ask if the last proof is older than ten minutes; None if the caller may go on.

    For what moves money or changes how somebody signs in.
    """
    return _answered(request) if sessions.is_proven(request) else ask(request)


def ask(request: HttpRequest, *, fully: bool = False) -> HttpResponse | None:
    """Return the page that asks; None if the request brings the proof, which is then taken off it."""
    form = AgainForm(request.POST if METHOD in request.POST else None, request=request, fully=fully)
    if not form.is_valid():
        return _page(request, form)
    sessions.set_proven(request, with_factor=form.needs_factor)
    return _answered(request)


def _answered(request: HttpRequest) -> HttpResponse | None:
    """Repeat what was asked for before the question: a page is opened anew, a form goes on.

    Also if the answer comes twice, or from a second tab: pressed on the question, nothing else is confirmed.
    """
    if METHOD not in request.POST:
        return None
    if request.POST[METHOD] != "POST":
        return HttpResponseRedirect(request.get_full_path())
    request.POST = _without_ours(request.POST)  # type: ignore[assignment]
    return None


def _page(request: HttpRequest, form: AgainForm) -> HttpResponse:
    method = request.POST.get(METHOD, request.method)
    if request.FILES:  # no form can carry them, and half of what was sent must not be saved
        method = "GET"
        messages.warning(request, gettext("Your files could not be kept. Please choose them again."))
    carried = _without_ours(request.POST) if method == "POST" else QueryDict()
    kept = [(name, values) for name, values in carried.lists() if name not in SECRETS]
    fields = [(name, value) for name, values in kept for value in values]
    context = {
        "form": form,
        "heading": gettext("Confirm that it's you"),
        "carried": [(METHOD, method), *fields],
    }
    status = 422 if form.is_bound else 200
    if any(form.has_error(name, PAUSED) for name in (PASSWORD, CODE)):
        status = 429
    response = TemplateResponse(request, "accounts/again.html", context, status=status)
    add_never_cache_headers(response)
    return response


def _without_ours(posted: QueryDict) -> QueryDict:
    kept = posted.copy()
    for name in (*OURS, "csrfmiddlewaretoken"):
        kept.pop(name, None)
    return kept
