"""Page of the admin on which staff set the seasonal prices of a home, after seeing what changes."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.admin_amounts import in_yuan
from core.transactions import durable_transaction
from houses import price_changes
from houses.models import House, PriceRule
from houses.price_changes import Preview, PricesChanged
from houses.price_forms import PriceRuleForm

FIELDS = tuple(PriceRuleForm.base_fields)


AMOUNTS = {
    "price_fen": "price",
    "weekend_price_fen": "weekend_price",
    "cleaning_fee_fen": "cleaning_fee",
    "guest_fee_fen": "guest_fee",
}
"""By field: the column that shows it in yuan."""


class HasPrices(admin.ModelAdmin):
    """Mixin of the admin of houses."""

    price = in_yuan("price_fen", _("price per night"))
    weekend_price = in_yuan("weekend_price_fen", _("weekend price"))
    cleaning_fee = in_yuan("cleaning_fee_fen", _("cleaning fee"))
    guest_fee = in_yuan("guest_fee_fen", _("fee per further guest"))

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.prices_view)
        return [path("<path:object_id>/prices/", view, name="houses_house_prices"), *super().get_urls()]

    def prices_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if not request.user.has_perm("houses.change_house"):
            raise PermissionDenied
        house = self.get_object(request, object_id)
        if house is None:
            raise Http404
        former = _former(request, house)
        is_post = request.method == "POST"
        deletes = is_post and request.POST.get("do") == "delete" and former is not None
        form = _form(request, former, deletes=deletes)
        preview = None
        if deletes or (is_post and form.is_valid()):
            rule = None if deletes else form.rule
            if self._is_done(request, form, house, rule, former):
                return HttpResponseRedirect(request.path)
            preview = price_changes.preview(house, rule, former=former)
        return self._page(request, house, form, preview, former=former, deletes=deletes)

    def _is_done(
        self,
        request: HttpRequest,
        form: PriceRuleForm,
        house: House,
        rule: PriceRule | None,
        former: PriceRule | None,
    ) -> bool:
        """Write the change if its preview was agreed to. False, after a message, if it is another by now."""
        if not (agreed := request.POST.get("agreed", "")):
            return False
        entry = _entry(rule, former)

        @durable_transaction
        def write() -> None:
            price_changes.write(house.pk, rule, former_pk=former.pk if former else None, agreed=agreed)
            self.log_change(request, house, entry)

        try:
            write()
        except PricesChanged as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return False
        self.message_user(request, entry, messages.SUCCESS)
        return True

    def _page(
        self,
        request: HttpRequest,
        house: House,
        form: PriceRuleForm,
        preview: Preview | None,
        *,
        former: PriceRule | None,
        deletes: bool,
    ) -> HttpResponse:
        rules = house.price_rules.filter(last_night__gte=timezone.localdate())
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Seasonal prices"),
            "opts": self.opts,
            "house": house,
            "rules": rules,
            "form": form,
            "preview": preview,
            "former": former,
            "deletes": deletes,
        }
        status = 422 if form.is_bound and form.errors else 200
        return TemplateResponse(request, "admin/houses/house/prices.html", context, status=status)


def _former(request: HttpRequest, house: House) -> PriceRule | None:
    """Return the rule that the address or the form names; None for a new one."""
    key = request.POST.get("rule") or request.GET.get("rule") or ""
    is_key = key.isascii() and key.isdigit() and len(key) < 19
    return house.price_rules.filter(pk=int(key)).first() if is_key else None


def _form(request: HttpRequest, former: PriceRule | None, *, deletes: bool) -> PriceRuleForm:
    if request.method == "POST" and not deletes:
        return PriceRuleForm(request.POST)
    if former:
        return PriceRuleForm(initial={name: getattr(former, name) for name in FIELDS})
    given = {name: request.GET[name] for name in ("first_night", "last_night") if name in request.GET}
    return PriceRuleForm(initial={"min_nights": 1, **given})


def _entry(rule: PriceRule | None, former: PriceRule | None) -> str:
    """Return the entry in the history of the house."""
    before = price_changes.told(former) if former else ""
    if rule is None:
        return gettext("Seasonal price deleted: %(rule)s.") % {"rule": before}
    after = price_changes.told(rule)
    if before:
        return gettext("Seasonal price changed: %(before)s → %(after)s.") % {"before": before, "after": after}
    return gettext("Seasonal price added: %(rule)s.") % {"rule": after}
