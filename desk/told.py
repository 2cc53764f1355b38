"""Page of a member of staff on which they choose what they are told of by mail."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.guards import signed_in_user
from accounts.models import User
from jobs import staff_news
from jobs.models import ToldChoice


class ToldForm(forms.Form):
    kinds = forms.MultipleChoiceField(
        label=_("Mail me about"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **{"initial": {"kinds": sorted(staff_news.chosen(user))}, **kwargs})
        offered = [kind for kind in staff_news.KINDS.values() if kind.may_be_told(user)]
        self.fields["kinds"].choices = [(kind.name, kind.title) for kind in offered]  # type: ignore[attr-defined]


def page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    user = signed_in_user(request)
    form = ToldForm(request.POST if request.method == "POST" else None, user=user)
    if form.is_valid():
        kinds = " ".join(form.cleaned_data["kinds"])
        ToldChoice.objects.update_or_create(user=user, defaults={"kinds": kinds})
        messages.success(request, gettext("Saved."))
        return HttpResponseRedirect(request.path)
    shown = {"title": gettext("What I'm told"), "form": form}
    return TemplateResponse(request, "admin/told.html", {**context, **shown})
