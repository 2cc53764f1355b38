"""Pages of the admin load the scripts that they run: of Django's 90 KB, a list needs 4 and a form 1."""

import re

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make.user(is_staff=True, is_superuser=True))
    return client


def address(model: type, page: str) -> str:
    return reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_{page}")


def scripts(client: Client, address: str) -> set[str]:
    page = client.get(address)
    assert page.status_code == 200
    found = re.findall(r'<script[^>]* src="[^"]*?([^/"]+)/?"', page.content.decode())
    return {re.sub(r"\.[0-9a-f]{12}(?=\.js)", "", name) for name in found}  # also with hashed names


@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model._meta.label)
def test_a_list_loads_no_scripts_of_forms(staff: Client, model: type) -> None:
    assert scripts(staff, address(model, "changelist")) <= {"jsi18n", "actions.js", "filters.js"}


def test_a_list_whose_rows_can_be_chosen_loads_the_script_that_counts_them(staff: Client) -> None:
    make.order()
    assert "actions.js" in scripts(staff, reverse("admin:orders_order_changelist"))


def test_a_page_without_a_form_loads_nothing_that_needs_jquery(staff: Client) -> None:
    payment = make.attempt()
    assert scripts(staff, reverse("admin:payments_payment_change", args=[payment.pk])) == {"change_form.js"}


FORMS = ["accounts_user", "auth_group", "documents_version"]
FORMS += [f"houses_{name}" for name in ("area", "facility", "house", "bookednight", "channelcalendar")]


OF_PHOTOS = {"photo-order.js", "photo-preview.js"}


@pytest.mark.parametrize("name", FORMS)
def test_no_form_loads_a_script_of_django(staff: Client, name: str) -> None:
    """jQuery and what needs it are half of a page. Every field can be filled without any."""
    assert scripts(staff, reverse(f"admin:{name}_add")) - OF_PHOTOS == {"change_form.js"}
    assert not any(its_admin.prepopulated_fields for its_admin in admin.site._registry.values())


@pytest.mark.parametrize("name", FORMS)
def test_nothing_in_a_form_opens_a_popup(staff: Client, name: str) -> None:
    page = staff.get(reverse(f"admin:{name}_add")).content.decode()
    assert "_popup" not in page
    assert "vDateField" not in page  # Django's, with a script of its own


def test_permissions_need_no_script(staff: Client) -> None:
    user = make.user()
    of_user = scripts(staff, reverse("admin:accounts_user_change", args=[user.pk]))
    assert of_user == {"change_form.js"}
