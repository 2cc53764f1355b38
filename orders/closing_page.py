"""The page that closes the account. It is here because orders decide whether it can be closed."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from accounts.codes import Purpose
from accounts.guards import signed_in_user
from accounts.proving import AsksForPassword, CodeForm, ProvenNumber
from core.refusal import Refusal
from orders import closing


class CloseAccount(LoginRequiredMixin, ProvenNumber):
    """Close the account, by its password, or by a code if it has none."""

    template_name = "orders/close_account.html"
    form_class: type[forms.Form] = forms.Form
    purpose = Purpose.CLOSE
    heading = _("Close your account")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated and signed_in_user(request).has_usable_password():
            self.form_class = AsksForPassword
        return super().dispatch(request, *args, **kwargs)

    def number(self, form: forms.Form) -> str:
        return signed_in_user(self.request).mobile

    def form_valid(self, form: forms.Form) -> HttpResponse:
        if not isinstance(form, AsksForPassword):
            return super().form_valid(form)  # sends the code
        try:
            return self._close()
        except Refusal as refusal:
            form.add_error(None, str(refusal))
            return self.form_invalid(form)

    def proven(self, form: CodeForm) -> HttpResponse:
        if signed_in_user(self.request).mobile != form.cleaned_data["username"]:
            raise Refusal(_("The code was sent to another number. Ask for a new one."))
        return self._close()

    def _close(self) -> HttpResponse:
        closing.close(signed_in_user(self.request))
        logout(self.request)
        messages.success(self.request, _("Your account has been closed. Thank you for staying with us."))
        return redirect("houses:search")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = signed_in_user(self.request)
        return {"unfinished": closing.unfinished_orders(user), **super().get_context_data(**kwargs)}
