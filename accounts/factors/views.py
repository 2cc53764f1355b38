"""Pages of staff about their second factor: the question at sign-in, set-up, recovery codes, removal."""

from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME, update_session_auth_hash
from django.contrib.auth.views import RedirectURLMixin, redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView, TemplateView

from accounts.factors import again, app_codes, door, passkeys, recovery, sessions, store
from accounts.factors.forms import NewAppForm, NewPasskeyForm, QuestionForm
from accounts.guards import signed_in_user
from accounts.guessing import PAUSED
from accounts.proving import PassesRequest


class OfStaff(RedirectURLMixin):
    """Mixin of these pages. Renters have no second factor, so for them there are none."""

    next_page = "accounts:factors"
    request: HttpRequest

    @method_decorator([sensitive_post_parameters(), never_cache])
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        self.user = signed_in_user(request)
        if not self.user.is_staff:
            raise Http404
        return self.stop(request) or super().dispatch(request, *args, **kwargs)  # type: ignore[misc]

    def stop(self, request: HttpRequest) -> HttpResponse | None:
        return door.unproven(request)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        ours = {REDIRECT_FIELD_NAME: self.get_redirect_url(), "is_required": store.is_required()}
        return {**ours, **super().get_context_data(**kwargs)}  # type: ignore[misc]


class Changing(OfStaff):
    """Mixin of the pages that change how one signs in: they ask for a recent proof."""

    def stop(self, request: HttpRequest) -> HttpResponse | None:
        return door.unproven(request) or again.unless_proven(request)

    def keep_session(self) -> None:
        """Stay signed in here, with the factor that was just proven; other sessions have ended."""
        self.user.refresh_from_db(fields=["factor_changes"])
        update_session_auth_hash(self.request, self.user)


class Question(OfStaff, PassesRequest, FormView):
    """Ask for a code after the password."""

    template_name = "accounts/factor.html"
    form_class = QuestionForm
    next_page = "admin:index"
    extra_context = {"heading": _("Two-step verification")}

    def stop(self, request: HttpRequest) -> HttpResponse | None:
        if sessions.is_over(request) and (page := again.ask(request, fully=True)):
            return page
        if sessions.has_factor(request) or not store.has_any(self.user):
            return redirect(self.get_success_url())
        return None

    def form_valid(self, form: QuestionForm) -> HttpResponse:
        sessions.set_proven(self.request, with_factor=True)
        return super().form_valid(form)

    def form_invalid(self, form: QuestionForm) -> HttpResponse:
        paused = form.has_error("code", PAUSED)
        status = HTTPStatus.TOO_MANY_REQUESTS if paused else HTTPStatus.UNPROCESSABLE_ENTITY
        return self.render_to_response(self.get_context_data(form=form), status=status)


class Overview(OfStaff, TemplateView):
    template_name = "accounts/factors.html"
    extra_context = {"heading": _("Two-step verification")}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        ours = {
            "has_app": store.has_app(self.user),
            "has_any": store.has_any(self.user),
            "passkeys": passkeys.of(self.user),
            "passkeys_possible": passkeys.are_possible(self.request),
            "codes_left": recovery.left(self.user),
        }
        return {**super().get_context_data(**kwargs), **ours}


class ShowsCodes(Changing):
    """Mixin of the pages that answer with new recovery codes. Only this answer has them."""

    template_name: str

    def done(self, sentence: Any) -> HttpResponse:
        """Go on after a factor was set up; the first time by the recovery codes."""
        self.keep_session()
        sessions.set_proven(self.request, with_factor=True)
        if not recovery.left(self.user):
            return self.show_codes()
        messages.success(self.request, sentence)
        return redirect(self.get_success_url())

    def show_codes(self) -> HttpResponse:
        codes = recovery.renew(self.user)
        self.template_name = "accounts/factor_codes_made.html"
        context = self.get_context_data(codes=codes, form=None, go_on=self.get_success_url())
        return self.render_to_response(context)  # type: ignore[attr-defined]


class NewApp(ShowsCodes, PassesRequest, FormView):
    """Set up an authenticator app, in the place of the one before. The first time, codes follow."""

    template_name = "accounts/factor_app.html"
    form_class = NewAppForm
    extra_context = {"heading": _("Set up an authenticator app")}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        if form := context.get("form"):
            context.update(picture=app_codes.picture_of(form.device), secret=app_codes.secret_of(form.device))
            context["passkeys_possible"] = passkeys.are_possible(self.request)
        return context

    def form_valid(self, form: NewAppForm) -> HttpResponse:
        return self.done(_("Your new app is set up. The one before no longer works."))


class NewPasskey(ShowsCodes, PassesRequest, FormView):
    """Set up a passkey, with a script: without one there is the app."""

    template_name = "accounts/factor_passkey.html"
    form_class = NewPasskeyForm
    extra_context = {"heading": _("Set up a passkey")}

    def stop(self, request: HttpRequest) -> HttpResponse | None:
        if not passkeys.are_possible(request):
            return redirect("accounts:factors")
        return super().stop(request)

    def form_valid(self, form: NewPasskeyForm) -> HttpResponse:
        return self.done(_("Your passkey is set up."))


class NewCodes(ShowsCodes, FormView):
    """Make new recovery codes."""

    template_name = "accounts/factor_codes.html"
    form_class = forms.Form
    extra_context = {"heading": _("Recovery codes")}

    def stop(self, request: HttpRequest) -> HttpResponse | None:
        return super().stop(request) or (None if store.has_any(self.user) else redirect("accounts:factors"))

    def form_valid(self, form: forms.Form) -> HttpResponse:
        return self.show_codes()


class RemoveApp(Changing, FormView):
    template_name = "accounts/factor_remove.html"
    form_class = forms.Form
    extra_context = {"heading": _("Remove the authenticator app")}

    def remove(self) -> bool:
        return app_codes.remove(self.user)

    def form_valid(self, form: forms.Form) -> HttpResponse:
        if self.remove():
            self.keep_session()
            messages.success(self.request, _("Removed. You've been signed out on other devices."))
        return redirect("accounts:factors")


class RemovePasskey(RemoveApp):
    extra_context = {"heading": _("Remove the passkey")}

    def remove(self) -> bool:
        return passkeys.remove(get_object_or_404(passkeys.of(self.user), pk=self.kwargs["pk"]))
