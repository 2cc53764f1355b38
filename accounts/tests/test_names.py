"""Names hold no links: others read them beside a review, and mails greet with them."""

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import User
from accounts.names import NO_LINKS, is_plain_name
from tests import make
from tests.pages import Desk

LINKS = [
    "看 http://x.cn",
    "www.x.com",
    "加微信 x.com",
    "x。cn",
    "ｘ．ｃｏｍ",
    "x｡cn",
    "x․cn",
    "X.COM",
    "x.company",
    "x . com",
    "x.c\u200dom",
    "例子.中国",
    "t.me/abc",
    "http://1.2.3.4",
    "1.2.3.4",
]
MARKS = ["林\u202e小满", "林\n小满", "林\t小满", "林\u2028小满", "林\x07小满", "\u200f林"]
NAMES = [
    *("林小满", "阿卜杜拉·买买提", "阿卜杜拉．买买提", "J.R. Smith", "St. John", "A.Smith", "J.Wang"),
    *("Dr. No", "O'Neil", "José", "Jean-Luc", "小明。", "😀", "", "J. R. R. Tolkien"),
]


@pytest.mark.parametrize("name", [*LINKS, *MARKS])
def test_links_and_invisible_marks_are_no_name(name: str) -> None:
    with pytest.raises(ValidationError):
        is_plain_name(name)


@pytest.mark.parametrize("name", NAMES)
def test_names_of_people_are(name: str) -> None:
    is_plain_name(name)


@pytest.mark.django_db
@pytest.mark.parametrize("name", LINKS)
def test_a_link_is_refused_beside_the_field(client: Client, name: str) -> None:
    client.force_login(make.user(name="Lin"))
    page = client.post("/accounts/me/", {"name": name, "email": ""})
    assert page.status_code == 422
    assert page.context["form"].errors == {"name": [NO_LINKS]}
    assert User.objects.get().name == "Lin"


@pytest.mark.django_db
def test_staff_name_nobody_by_a_link() -> None:
    desk = Desk("Li Lei")
    typed = {"mobile": "13912345678", "name": "加微信 x.com"}
    assert (
        "put a space, as in J. Smith."
        in desk.browser.post("/admin/accounts/user/add/", typed).content.decode()
    )
    user = make.user(name="Lin")
    refused = desk.send(user, desk.open(user), name="www.x.com").content.decode()
    assert "put a space, as in J. Smith." in refused
    user.refresh_from_db()
    assert (user.name, User.objects.count()) == ("Lin", 2)


@pytest.mark.django_db
def test_a_name_from_before_this_rule_keeps_nobody_from_saving_the_rest() -> None:
    desk, user = Desk("Li Lei"), make.user(name="www.x.com")
    assert desk.send(user, desk.open(user), is_active="").status_code == 302
    user.refresh_from_db()
    assert (user.name, user.is_active) == ("www.x.com", False)
