"""The admin shows amounts in yuan: in lists, on pages and in inlines, whoever reads them."""

from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.test import Client, RequestFactory

from accounts import roles
from accounts.models import User
from core.fields import YuanField
from payments.books.refunds import create
from tests import make
from tests.alipay import Gateway

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


def shown(person: User) -> Iterator[tuple[str, str]]:
    """Yield the name of each admin class with each field that it shows to a person."""
    request = RequestFactory().get("/")
    request.user = person
    for model, model_admin in admin.site._registry.items():
        row = model()
        row.pk = 1
        for name in [*model_admin.get_list_display(request), *fields_of(model_admin, request, row)]:
            yield type(model_admin).__name__, str(name)
        for inline in model_admin.get_inline_instances(request, row):
            for name in fields_of(inline, request, row):
                yield type(inline).__name__, str(name)


def fields_of(part: admin.options.BaseModelAdmin, request, row) -> list[str]:
    """Return the fields of a page, without those that are typed in yuan."""
    typed = getattr(part.form, "declared_fields", {})
    may_type = part.has_change_permission(request, row)
    names = flatten_fieldsets(part.get_fieldsets(request, row))
    return [name for name in names if not (may_type and isinstance(typed.get(name), YuanField))]


@pytest.mark.any_database
@pytest.mark.parametrize("role", [*roles.ROLES, None])
def test_no_amount_stands_in_fen(role: str | None) -> None:
    person = make.staff(role) if role else make.user(is_staff=True, is_superuser=True)
    assert [found for found in shown(person) if found[1].endswith("_fen")] == []


def test_pages_say_the_amounts(gateway: Gateway) -> None:
    payment = make.attempt(status="SURPLUS", live_for=None, received_fen=30000)
    refund = create(payment, 12345, reason="SURPLUS")
    event = payment.order.events.get()
    desk = Client()
    desk.force_login(make.staff(roles.MANAGER))
    for address in (
        f"/admin/payments/payment/{payment.pk}/change/",
        f"/admin/payments/refund/{refund.pk}/change/",
        f"/admin/orders/orderevent/{event.pk}/change/",
        "/admin/orders/orderevent/",
    ):
        page = desk.get(address).content.decode()
        assert "123.45" in page, address
        assert "12345<" not in page, address


def test_who_may_only_see_a_house_reads_its_price_in_yuan() -> None:
    house, desk = make.house(price_fen=15000), Client()
    desk.force_login(make.staff(roles.FRONT_DESK))
    page = desk.get(f"/admin/houses/house/{house.pk}/change/").content.decode()
    assert "150.00" in page
    assert "15000" not in page
