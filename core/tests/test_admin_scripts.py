"""Pages of the admin load the scripts that they run: of Django's 90 KB, a list needs 4."""

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
    assert scripts(staff, reverse("admin:payments_payment_change", args=[payment.pk])) <= {
        "jsi18n",
        "change_form.js",
    }


FORMS = ["accounts_user", "auth_group", "documents_version"]
FORMS += [f"houses_{name}" for name in ("area", "facility", "house", "bookednight", "channelcalendar")]


@pytest.mark.parametrize("name", FORMS)
def test_no_form_loads_the_scripts_that_fill_one_field_from_another(staff: Client, name: str) -> None:
    """No form has such fields, and the scripts are half of its page."""
    loaded = scripts(staff, reverse(f"admin:{name}_add"))
    assert not {"xregexp.min.js", "urlify.js", "prepopulate.js", "prepopulate_init.js"} & loaded
    assert "inlines.js" not in loaded  # the photos of a home have a template and scripts of their own
    assert not any(its_admin.prepopulated_fields for its_admin in admin.site._registry.values())


@pytest.mark.parametrize("name", FORMS)
def test_no_form_has_a_field_that_needs_a_script_to_be_filled(staff: Client, name: str) -> None:
    loaded = scripts(staff, reverse(f"admin:{name}_add"))
    assert not {"select2.full.js", "select2.full.min.js", "autocomplete.js", "SelectFilter2.js"} & loaded


def test_permissions_need_no_script(staff: Client) -> None:
    user = make.user()
    of_user = scripts(staff, reverse("admin:accounts_user_change", args=[user.pk]))
    assert not {"SelectBox.js", "SelectFilter2.js"} & of_user
    assert scripts(staff, reverse("admin:auth_group_add")) == {"jsi18n", "change_form.js"}
