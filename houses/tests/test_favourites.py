"""Favourites: the heart, its page, two presses at once, and the account that is closed."""

import re
from html import unescape
from threading import Barrier
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from houses import favourites
from houses.favourites import Favourite
from houses.heart_draft import COOKIE
from houses.models import House
from orders import closing
from tests import make
from tests.races import at_once, at_once_whatever_breaks

pytestmark = pytest.mark.django_db


@pytest.fixture
def renter(client: Client) -> User:
    user = make.user()
    client.cookies["django_language"] = "en"
    client.force_login(user)
    return user


def press(client: Client, house: House, *, kept: int = 1, page: str = "/", **headers: str) -> object:
    address = f"/houses/{house.pk}/favourite/"
    return client.post(address, {"kept": kept, "next": page}, headers=headers)


def kept(user: User) -> list[int]:
    return favourites.newest_first(user)


def hearts(html: str) -> list[tuple[str, str]]:
    """Return value and state of each heart."""
    return re.findall(r'class="heart.*?value="(\d)" aria-pressed="(\w+)"', html)


@pytest.mark.django_db(transaction=True)
def test_a_heart_is_set_and_taken_back(client: Client, renter: User) -> None:
    house = make.house()
    assert hearts(client.get("/").content.decode()) == [("1", "false")]
    answer = press(client, house, page="/?guests=2")
    assert (answer.status_code, answer.url) == (302, f"/?guests=2#home-{house.pk}")
    html = client.get("/").content.decode()
    assert hearts(html) == [("0", "true")]
    assert "Saved to your favourites." in html
    assert hearts(client.get(house.get_absolute_url()).content.decode()) == [("0", "true")]
    press(client, house, kept=0)
    assert kept(renter) == []
    assert hearts(client.get(house.get_absolute_url()).content.decode()) == [("1", "false")]


@pytest.mark.django_db(transaction=True)
def test_each_press_says_which_so_a_repeated_one_changes_nothing(client: Client, renter: User) -> None:
    house = make.house()
    for wanted, left in ((1, [house.pk]), (1, [house.pk]), (0, []), (0, [])):
        assert press(client, house, kept=wanted).status_code == 302
        assert kept(renter) == left


@pytest.mark.django_db(transaction=True)
def test_a_script_gets_the_state(client: Client, renter: User) -> None:
    house = make.house()
    assert press(client, house, accept="application/json").json() == {"kept": True}
    assert press(client, house, kept=0, accept="application/json").json() == {"kept": False}
    assert "Saved to your favourites." not in client.get("/").content.decode()  # no message waits


def test_signed_out_a_press_leads_to_sign_in_and_back_to_the_page(client: Client) -> None:
    house = make.house()
    answer = press(client, house, page="/?guests=2")
    assert urlsplit(answer.url).path == "/accounts/login/"
    assert parse_qs(urlsplit(answer.url).query)["next"] == [f"/?guests=2#home-{house.pk}"]
    assert client.get("/houses/favourites/").url == "/accounts/login/?next=/houses/favourites/"
    assert not make.rows(Favourite).exists()


@pytest.mark.django_db(transaction=True)
def test_a_heart_pressed_while_signed_out_is_kept_after_the_sign_in(client: Client, renter: User) -> None:
    renter.set_password("quiet-sea-8")
    renter.save()
    house, typed = make.house(), {"username": renter.mobile, "password": "quiet-sea-8"}
    client.logout()
    client.cookies["django_language"] = "en"
    page = client.post(press(client, house).url, typed, follow=True)
    assert "Saved to your favourites." in page.content.decode()
    assert (kept(renter), client.cookies[COOKIE].value) == ([house.pk], "")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("case", ["dropped", "unlisted", "forged", "of another site"])
def test_a_sign_in_keeps_no_other_home(client: Client, renter: User, case: str) -> None:
    renter.set_password("quiet-sea-8")
    renter.save()
    house = make.house()
    browser = Client(enforce_csrf_checks=case == "of another site")
    press(browser, house, kept=0 if case == "dropped" else 1)
    make.rows(House).update(is_listed=case != "unlisted")
    if case == "forged":
        browser.cookies[COOKIE] = f"{house.pk}:x:y"
    signed_in = Client()
    signed_in.cookies = browser.cookies
    typed = {"username": renter.mobile, "password": "quiet-sea-8"}
    assert signed_in.post("/accounts/login/", typed).status_code == 302
    assert kept(renter) == []


@pytest.mark.parametrize(
    "page",
    ["//evil.example", "https://evil.example/", "", "x", "/\\evil.example", "/" * 3000, "\0", "javascript:1"],
)
def test_a_heart_leads_nowhere_else(client: Client, page: str) -> None:
    house = make.house()
    answer = press(client, house, page=page)
    assert parse_qs(urlsplit(answer.url).query)["next"] == [f"/houses/{house.pk}/#home-{house.pk}"]


def test_it_is_a_form(client: Client, renter: User) -> None:
    house = make.house()
    page = client.get(f"/houses/{house.pk}/favourite/")
    assert page.status_code == 405
    assert f'href="/houses/{house.pk}/#home-{house.pk}"' in page.content.decode()
    assert client.post("/houses/9999999/favourite/", {"kept": 1}).status_code == 404
    checked = Client(enforce_csrf_checks=True)
    checked.force_login(renter)
    assert checked.post(f"/houses/{house.pk}/favourite/", {"kept": 1}).status_code == 403
    assert kept(renter) == []


def test_an_unlisted_home_can_be_dropped_but_not_kept(client: Client, renter: User) -> None:
    hidden = make.house(is_listed=False)
    assert press(client, hidden).status_code == 404
    Favourite.objects.create(user=renter, house=hidden)
    assert press(client, hidden, kept=0).status_code == 302
    assert kept(renter) == []


@pytest.mark.django_db(transaction=True)
def test_there_is_a_limit_in_words(client: Client, renter: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(favourites, "MOST", 2)
    first, second, third = (make.house() for _ in range(3))
    for house in (first, second, third):
        press(client, house)
    sentence = "You can save up to 2 favourites. Remove one to add another."
    assert sentence in client.get("/").content.decode()
    assert kept(renter) == [second.pk, first.pk]
    press(client, first)  # it is there already
    assert sentence not in client.get("/").content.decode()


def test_the_page_has_the_newest_first_and_says_what_is_gone(client: Client, renter: User) -> None:
    gone, house = make.house(title="Gone", is_listed=False), make.house(title="Sea")
    for home in (gone, house):
        Favourite.objects.create(user=renter, house=home)
    Favourite.objects.create(user=make.user(), house=make.house(title="Another's"))
    page = client.get("/houses/favourites/")
    html = unescape(page.content.decode())
    assert [card.house for card in page.context["cards"]] == [house, gone]
    assert hearts(html) == [("0", "true")] * 2
    assert html.count("No longer available") == 1
    assert house.get_absolute_url() in html
    assert f'href="{gone.get_absolute_url()}"' not in html
    assert "Another's" not in html
    assert 'href="/houses/favourites/"' in client.get("/accounts/me/").content.decode()


def test_the_empty_page_says_how_to_begin(client: Client, renter: User) -> None:
    assert "Tap the heart on a home you like" in client.get("/houses/favourites/").content.decode()


@pytest.mark.parametrize("homes", [1, 26])
def test_the_number_of_queries_does_not_grow(
    client: Client, renter: User, homes: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(homes):
        Favourite.objects.create(user=renter, house=make.house_with_cover())
    with django_assert_num_queries(5):  # session, user, favourites, houses with their areas, covers
        client.get("/houses/favourites/", {"page": "1"})
    with django_assert_num_queries(8):  # session, user, favourites; areas, facilities, ids, houses, covers
        client.get("/")


@pytest.mark.django_db(transaction=True)
def test_a_closed_account_has_none(renter: User) -> None:
    house = make.house()
    favourites.keep(renter, house.pk)
    other = make.user()
    favourites.keep(other, house.pk)
    closing.close(renter)
    assert (kept(renter), kept(other)) == ([], [house.pk])
    favourites.keep(renter, house.pk)  # a press that waited for the account
    assert kept(renter) == []


# --- races -------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_tabs_press_the_same_heart(renter: User) -> None:
    house = make.house()
    at_once(*[lambda: favourites.keep(renter, house.pk)] * 2)
    assert kept(renter) == [house.pk]


@pytest.mark.django_db(transaction=True)
def test_two_tabs_do_not_pass_the_limit(renter: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(favourites, "MOST", 1)
    homes = [make.house(), make.house()]
    at_once_whatever_breaks(*(lambda home=home: favourites.keep(renter, home.pk) for home in homes))
    assert len(kept(renter)) == 1


@pytest.mark.django_db(transaction=True)
def test_twin_two_tabs_without_the_lock_pass_the_limit(renter: User, monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("a transaction of SQLite is the lock")
    both_have_counted = Barrier(2)

    def count(owner: User) -> int:
        number = owner.favourites.count()
        both_have_counted.wait(timeout=10)
        return number

    monkeypatch.setattr(favourites, "_locked", lambda user: User.objects.get(pk=user.pk))
    monkeypatch.setattr(favourites, "_count", count)
    monkeypatch.setattr(favourites, "MOST", 1)
    homes = [make.house(), make.house()]
    at_once(*(lambda home=home: favourites.keep(renter, home.pk) for home in homes))
    assert len(kept(renter)) == 2


def test_the_unique_heart_holds_without_the_lock(renter: User) -> None:
    favourite = Favourite.objects.create(user=renter, house=make.house())
    with pytest.raises(IntegrityError), transaction.atomic():
        Favourite.objects.create(user=renter, house=favourite.house)
