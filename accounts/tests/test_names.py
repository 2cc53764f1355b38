"""Names hold no links, since others read them; beside a review stands the nickname, or the masked name."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone, translation

from accounts.models import User
from accounts.names import NO_LINKS, is_plain_name
from orders.models import Order, Review
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
    *("evil.IO", "a.CO", "evil.Ru", "evil.PW", "T.ME/abc", "bit.Ly", "x.TK", "evil.Xyz"),
    *("abc点com", "abc 點 cn", "加ａｂｃ点ＣＯＭ", "abc点xyz", "x1·com", "abc・cn", "abc﹒com"),
    "http://1.2.3.4",
    "1.2.3.4",
]
MARKS = ["林\u202e小满", "林\n小满", "林\t小满", "林\u2028小满", "林\x07小满", "\u200f林"]
NAMES = [
    *("林小满", "阿卜杜拉·买买提", "阿卜杜拉．买买提", "J.R. Smith", "St. John", "A.Smith", "J.Wang"),
    *(
        "Dr. No",
        "O'Neil",
        "José",
        "Jean-Luc",
        "小明。",
        "😀",
        "",
        "J. R. R. Tolkien",
        "J.Li",
        "X.Ma",
        "A.Melo",
        *("三点水", "有点cool", "8点见", "A点B", "J·Li", "Anna·Conti", "一点点"),
        "J.Cohen",
    ),
]


@pytest.mark.parametrize("name", [*LINKS, *MARKS])
def test_links_and_invisible_marks_are_no_name(name: str) -> None:
    with pytest.raises(ValidationError):
        is_plain_name(name)


@pytest.mark.parametrize("name", NAMES)
def test_names_of_people_are(name: str) -> None:
    is_plain_name(name)


@pytest.mark.same_statements
@pytest.mark.django_db
@pytest.mark.parametrize("name", LINKS)
def test_a_link_is_refused_beside_the_field(client: Client, name: str) -> None:
    client.force_login(make.user(name="Lin", nickname="xl"))
    page = client.post("/accounts/me/", {"name": name, "nickname": name, "email": ""})
    assert page.status_code == 422
    assert page.context["form"].errors == {"name": [NO_LINKS], "nickname": [NO_LINKS]}
    assert (User.objects.get().name, User.objects.get().nickname) == ("Lin", "xl")


@pytest.mark.django_db
def test_staff_name_nobody_by_a_link() -> None:
    desk = Desk("Li Lei")
    typed = {"mobile": "13912345678", "name": "加微信 x.com"}
    assert (
        "put a space, as in J. Smith."
        in desk.browser.post("/admin/accounts/user/add/", typed).content.decode()
    )
    user = make.user(name="Lin")
    for field in ("name", "nickname"):
        refused = desk.send(user, desk.open(user), **{field: "www.x.com"}).content.decode()
        assert "put a space, as in J. Smith." in refused
    user.refresh_from_db()
    assert (user.name, User.objects.count()) == ("Lin", 2)


@pytest.mark.django_db
def test_a_name_from_before_this_rule_keeps_nobody_from_saving_the_rest() -> None:
    desk, user = Desk("Li Lei"), make.user(name="www.x.com")
    assert desk.send(user, desk.open(user), is_active="").status_code == 302
    user.refresh_from_db()
    assert (user.name, user.is_active) == ("www.x.com", False)


# --- beside a review -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"name": "林小满"}, "林**"),
        ({"name": "Lin Xiaoman"}, "L**"),
        ({"name": "‘Émile’"}, "É**"),
        ({"name": "林小满", "nickname": "小满去旅行"}, "小满去旅行"),
        ({"name": ""}, "Guest"),
        ({"name": "😀"}, "Guest"),
        ({"name": "林小满", "nickname": "小满去旅行", "is_active": False}, "Closed account"),
    ],
    ids=str,
)
def test_the_public_name(fields: dict[str, object], shown: str) -> None:
    with translation.override("en"):
        assert User(mobile="13912345678", **fields).public_name == shown


@pytest.mark.django_db
def test_a_review_is_signed_with_the_nickname_and_staff_see_the_full_name(client: Client) -> None:
    renter = make.user(name="林小满")
    order = make.order(
        renter,
        status=Order.Status.COMPLETE,
        check_in=timezone.localdate() - timedelta(days=1),
        check_out=timezone.localdate(),
    )
    Review.objects.create(order=order, house=order.house, renter=renter, rating=5, text="Fine")
    home = f"/houses/{order.house_id}/"
    assert "<bdi>林**</bdi>" in client.get(home).content.decode()
    client.force_login(renter)
    hint = client.get("/accounts/me/").context["form"].fields["nickname"].help_text
    assert "林**" in hint
    typed = {"name": "林小满", "nickname": " <b>小满</b> ", "email": ""}
    assert client.post("/accounts/me/", typed).status_code == 302
    page = Client().get(home).content.decode()
    assert "<bdi>&lt;b&gt;小满&lt;/b&gt;</bdi>" in page
    assert "林" not in page
    assert "林小满" in Desk("Li Lei").browser.get("/admin/orders/review/").content.decode()
