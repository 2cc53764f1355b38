"""L1: forms of the admin write what was changed in them, and refuse what others changed meanwhile."""

import re
from collections.abc import Callable, Iterator

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.db import IntegrityError
from django.db.models import Model
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import reverse
from django.utils import translation

from accounts.models import User
from core import admin_changes
from core.admin_changes import ChangedFieldsAdmin, ChangedFieldsInline
from houses.models import Area, ChannelCalendar, Facility, House, HousePhoto
from tests import make
from tests.pages import Desk, Fields

pytestmark = pytest.mark.django_db

COUNTERS = ("order_count", "review_count", "rating_sum")


def errors(response: HttpResponse) -> dict[str, list[str]]:
    return dict(response.context["adminform"].form.errors)


def saved(response: HttpResponse) -> bool:
    return response.status_code == 302


@pytest.fixture
def li() -> Desk:
    return Desk("Li Lei")


@pytest.fixture
def han() -> Desk:
    return Desk("Han Meimei")


def test_L1_ROW01_counters_that_grew_while_the_form_was_open_stay(li: Desk) -> None:
    house = make.house()
    form = li.open(house)
    House.objects.update(order_count=1, review_count=1, rating_sum=5)
    assert saved(li.send(house, form, title="By the sea"))
    house.refresh_from_db()
    assert (house.title, [getattr(house, name) for name in COUNTERS]) == ("By the sea", [1, 1, 5])


def test_L1_ROW01_no_statement_writes_a_counter(li: Desk, django_assert_max_num_queries) -> None:
    house = make.house()
    with django_assert_max_num_queries(100) as queries:
        assert saved(li.send(house, li.open(house), title="By the sea"))
    [update] = [q["sql"] for q in queries if re.match("UPDATE .houses_house. ", q["sql"])]
    assert "title" in update.split("WHERE")[0]
    assert not any(name in update for name in (*COUNTERS, "price_fen"))


def test_L1_ROW02_fields_that_each_changed_are_both_kept(li: Desk, han: Desk) -> None:
    house = make.house(price_fen=30000)
    first, second = li.open(house), han.open(house)
    assert saved(li.send(house, first, price_fen="320.00"))
    assert saved(han.send(house, second, title="By the sea"))
    house.refresh_from_db()
    assert (house.price_fen, house.title) == (32000, "By the sea")


def test_L1_ROW02_the_same_field_is_refused_with_name_and_value(li: Desk, han: Desk) -> None:
    house = make.house(price_fen=30000)
    first, second = li.open(house), han.open(house)
    assert saved(li.send(house, first, price_fen="320.00"))
    assert saved(Desk("Wang").send(house, li.open(house), title="By the sea"))
    refused = han.send(house, second, price_fen="280.00", description="Quiet")
    assert errors(refused) == {
        "price_fen": [
            "Li Lei changed “price per night (yuan)” to “320.00” after you opened this page. Save again to "
            "use yours instead."
        ]
    }
    typed = Fields(refused.content.decode()).values
    assert (typed["price_fen"], typed["description"]) == (["280.00"], ["Quiet"])
    house.refresh_from_db()
    assert (house.price_fen, house.title, house.description) == (32000, "By the sea", "")
    assert saved(han.resend(house, refused))
    house.refresh_from_db()
    assert (house.price_fen, house.title, house.description) == (28000, "By the sea", "Quiet")


def test_L1_a_third_change_after_a_refusal_is_refused_again(li: Desk, han: Desk) -> None:
    house = make.house(price_fen=30000)
    form = han.open(house)
    li.send(house, li.open(house), price_fen="320.00")
    refused = han.send(house, form, price_fen="280.00")
    li.send(house, li.open(house), price_fen="330.00")
    assert "“330.00”" in errors(han.resend(house, refused))["price_fen"][0]


def test_L1_ROW02_the_same_value_from_both_is_no_conflict(li: Desk, han: Desk) -> None:
    house = make.house(price_fen=30000)
    first, second = li.open(house), han.open(house)
    assert saved(li.send(house, first, price_fen="320.00"))
    assert saved(han.send(house, second, price_fen="320"))


def test_L1_a_change_that_no_history_tells_is_refused_without_a_name(li: Desk) -> None:
    renter = make.user(name="Lin")
    form = li.open(renter)
    User.objects.filter(pk=renter.pk).update(name="Lin Xiaoman")
    [error] = errors(li.send(renter, form, name="Lin X."))["name"]
    assert error.startswith("“Full name” was changed to “Lin Xiaoman” after you opened this page.")


@pytest.mark.parametrize(
    "new",
    [
        lambda: Area.objects.create(name="Xiamen"),
        lambda: Facility.objects.create(name="Kitchen", icon="kitchen"),
        lambda: Group.objects.create(name="Desk"),
        lambda: make.user(name="Lin"),
    ],
)
def test_L1_areas_amenities_groups_and_users_alike(li: Desk, han: Desk, new: Callable[[], Model]) -> None:
    row = new()
    first, second = li.open(row), han.open(row)
    assert saved(li.send(row, first, name="Mine"))
    assert list(errors(han.send(row, second, name="Yours"))) == ["name"]
    row.refresh_from_db()
    assert row.name == "Mine"


def test_L1_rights_that_others_gave_or_took_meanwhile_stay(li: Desk, han: Desk) -> None:
    clerk, desk, money = make.user(is_staff=True), *(Group.objects.create(name=n) for n in ("Desk", "Money"))
    form = han.open(clerk)
    assert saved(li.send(clerk, li.open(clerk), groups=[desk.pk]))
    assert saved(han.send(clerk, form, name="Wang"))
    assert list(clerk.groups.all()) == [desk]
    form.pop("groups", None)
    assert "Li Lei" in errors(han.send(clerk, form, groups=[money.pk]))["groups"][0]
    assert list(clerk.groups.all()) == [desk]


def test_L1_the_permissions_of_a_group_are_compared(li: Desk, han: Desk) -> None:
    group, (one, two) = Group.objects.create(name="Desk"), Permission.objects.all()[:2]
    form = han.open(group)
    assert saved(li.send(group, li.open(group), permissions=[one.pk]))
    assert list(errors(han.send(group, form, permissions=[two.pk]))) == ["permissions"]
    assert list(group.permissions.all()) == [one]


def test_L1_a_form_from_before_this_version_changes_only_what_differs(li: Desk) -> None:
    house = make.house()
    form = li.open(house)
    form.pop("opened_with")
    House.objects.update(order_count=3)
    assert saved(li.send(house, {**form, "opened_with": ["x"]}, title="By the sea"))
    house.refresh_from_db()
    assert (house.title, house.order_count) == ("By the sea", 3)


def photo(house: House, position: int) -> HousePhoto:
    row = HousePhoto(house=house, image="x.jpg", width=9, height=9, position=position)
    row.image._committed = True
    row.save()
    return row


def test_L1_positions_of_photos_alike(li: Desk, han: Desk) -> None:
    house = make.house()
    one, two = photo(house, 1), photo(house, 2)
    first, second = li.open(house), han.open(house)
    assert saved(li.send(house, first, **{"photos-0-position": "5"}))
    assert saved(han.send(house, second, **{"photos-1-position": "6"}))
    one.refresh_from_db(), two.refresh_from_db()
    assert (one.position, two.position) == (5, 6)
    refused = han.send(house, second, **{"photos-0-position": "7", "photos-1-position": "6"})
    [formset] = [formset.formset for formset in refused.context["inline_admin_formsets"]]
    [error] = formset.forms[0].errors["position"]
    assert error.startswith("Li Lei changed “Position” to “5”")
    one.refresh_from_db()
    assert one.position == 5
    assert saved(han.resend(house, refused))
    one.refresh_from_db()
    assert one.position == 7


def test_L1_a_photo_that_somebody_deleted_meanwhile_is_left_out(li: Desk) -> None:
    house = make.house()
    gone, stays = photo(house, 1), photo(house, 2)
    form = li.open(house)
    gone.delete()
    told = li.send(house, form, **{"photos-1-position": "7"})
    assert "1 row was deleted after you opened this page and is left out." in told.content.decode()
    assert saved(li.resend(house, told))
    assert list(house.photos.values_list("pk", "position")) == [(stays.pk, 7)]


@translation.override("en")
def test_the_history_has_old_and_new_values(li: Desk) -> None:
    kitchen, bath = (Facility.objects.create(name=name, icon="bath") for name in ("Kitchen", "Bath"))
    house = make.house(price_fen=30000, instant_book=False)
    house.facilities.add(bath)
    form = li.open(house)
    li.send(house, form, price_fen="320.00", facilities=[kitchen.pk], instant_book="on")
    assert LogEntry.objects.get().get_change_message() == (
        "Changed Amenities: +Kitchen, −Bath, price per night (yuan): 300.00 → 320.00 and Instant booking: "
        "No → Yes."
    )


@translation.override("en")
def test_the_history_has_old_and_new_values_of_photos(li: Desk) -> None:
    house = make.house()
    photo(house, 1)
    li.send(house, li.open(house), **{"photos-0-position": "5"})
    message = LogEntry.objects.get().get_change_message()
    assert message == f"Changed Position: 1 → 5 for photo “{house.pk}/5”."


# --- the same name from two at once -------------------------------------------------------------------


def taken(name: str) -> tuple[str, dict[str, str], str]:
    """Save a row. Return the page that would add another one like it, what is typed there, and its field."""
    if name == "user":
        User.objects.create_user("13912345678")
        return "accounts_user", {"mobile": "13912345678", "name": "Chen"}, "mobile"
    model = {"area": Area, "group": Group}[name]
    model._default_manager.create(name="Taken")
    return model._meta.label_lower.replace(".", "_"), {"name": "Taken"}, "name"


def just_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first check that a value is free come before the row that takes it."""
    checked = Model.validate_unique

    def pass_once(row: Model, exclude: object = None) -> None:
        monkeypatch.setattr(Model, "validate_unique", checked)

    monkeypatch.setattr(Model, "validate_unique", pass_once)


@pytest.mark.parametrize("name", ["user", "area", "group"])
def test_L1_who_adds_what_another_added_just_now_is_told(
    li: Desk, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, typed, field = taken(name)
    just_taken(monkeypatch)
    answer = li.browser.post(reverse(f"admin:{page}_add"), typed)
    assert field in errors(answer)
    assert f'value="{typed[field]}"' in answer.content.decode()


def test_L1_who_takes_a_name_that_another_took_just_now_is_told(
    li: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    area = Area.objects.create(name="Mine")
    form = li.open(area)
    taken("area")
    just_taken(monkeypatch)
    answer = li.send(area, form, name="Taken")
    assert "name" in errors(answer)


def test_L1_twin_without_another_try_it_is_an_error(li: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    page, typed, _field = taken("area")
    just_taken(monkeypatch)
    monkeypatch.setattr(admin_changes, "_told_if_taken", lambda view, *args, **kwargs: view(*args, **kwargs))
    with pytest.raises(IntegrityError):
        li.browser.post(reverse(f"admin:{page}_add"), typed)


def changeable() -> Iterator[tuple[type[Model], admin.ModelAdmin]]:
    request = RequestFactory().get("/")
    request.user = User(is_active=True, is_staff=True, is_superuser=True)
    for model, model_admin in admin.site._registry.items():
        if model_admin.has_change_permission(request):
            yield model, model_admin
        for inline in model_admin.get_inline_instances(request):
            if inline.has_change_permission(request):
                yield inline.model, inline


def test_L1_every_form_of_the_admin_that_changes_rows_compares() -> None:
    found = dict(changeable())
    assert set(found) == {Area, ChannelCalendar, Facility, House, HousePhoto, User, Group}
    for model_admin in found.values():
        assert isinstance(model_admin, ChangedFieldsAdmin | ChangedFieldsInline)
        assert not getattr(model_admin, "list_editable", ())
