"""Every page of the admin is in one language: Chinese, or English. What staff or renters typed is data."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.utils import translation

from accounts.event_words import shown
from accounts.models import User
from houses.models import ICONS, facility_icons
from payments.staff.details import in_words
from tests.test_staff_rights import Rows, browser_of, list_of, rows  # noqa: F401  the fixture

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

SHOWN = ("title", "placeholder", "aria-label", "alt")
DATA = re.compile(
    r"Wang|wang@example\.com|CSV|XLSX|Airbnb|Booking|iCal|GCJ-02|WGS-84|GPS|http://\S+"
    r"|Xiamen|House \d+|Kitchen|Fine|爱家租房 订单 \d+|前台|财务|店长|English|中文"
    r"|Control|Mac|Command|Wi-Fi|\bI[DP]\b|Markdown|\{\w+\}"
)
"""Rows of the test, names of roles, links to the other language, names of keys and the like."""
MESSAGE_OF_ALIPAY = re.compile(r"\w+=.*")
OTHER = {"zh-hans": re.compile("[A-Za-z]{2,}"), "en": re.compile("[\u4e00-\u9fff]")}


class Texts(HTMLParser):
    """Collects the texts of a page, and the attributes that are read to people."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.in_code = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.in_code = tag in ("script", "style")
        self.found += [value for name, value in attrs if name in SHOWN and value]

    def handle_endtag(self, tag: str) -> None:
        self.in_code = False

    def handle_data(self, data: str) -> None:
        if data.strip() and not self.in_code:
            self.found.append(" ".join(data.split()))


def pages(rows: Rows) -> Iterator[str]:  # noqa: F811
    yield from ("/admin/", "/admin/orders/", "/admin/password_change/done/")
    yield from (f"/admin/accounts/user/{rows[User].pk}/{page}/" for page in ("password", "factors"))
    for model, row in rows.items():
        start = list_of(model)
        yield from (start, f"{start}add/")
        yield from (f"{start}{row.pk}/{page}/" for page in ("change", "delete", "history"))


def foreign(client: Client, address: str, language: str) -> list[str]:
    """Texts of a page that are in the other language; none if the row has no such page."""
    page = client.get(address)
    if page.status_code == 403:
        return []
    assert page.status_code in (200, 302), address
    texts = Texts()
    texts.feed(page.content.decode())
    left = [DATA.sub("", text) for text in texts.found if not MESSAGE_OF_ALIPAY.fullmatch(text)]
    return [text for text in left if OTHER[language].search(text)]


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_page_of_the_admin_is_in_one_language(rows: Rows, language: str) -> None:  # noqa: F811
    client = browser_of("superuser")
    client.cookies["django_language"] = language
    found = {address: foreign(client, address, language) for address in pages(rows)}
    assert {address: texts for address, texts in found.items() if texts} == {}
    assert len(found) > 70


def test_a_text_of_the_other_language_is_found(rows: Rows) -> None:  # noqa: F811
    client = browser_of("superuser")
    client.cookies["django_language"] = "en"
    assert foreign(client, "/admin/", "zh-hans")


def test_permissions_are_offered_in_words_and_keep_their_names() -> None:
    group = Group.objects.create(name="夜班")
    client = browser_of("superuser")
    client.cookies["django_language"] = "zh-hans"
    page = client.get(f"/admin/auth/group/{group.pk}/change/").content.decode()
    ticks = dict(re.findall(r"<fieldset><legend>(.+?)</legend>(.+?)</fieldset>", page, re.DOTALL))
    assert re.findall(r"> (.+?)</label>", ticks["房源"]) == ["添加", "修改", "删除", "查看"]
    assert "Can view" not in page
    assert Permission.objects.get(codename="view_house").name == "Can view house"


@pytest.mark.parametrize(
    ("stored", "shown_in_chinese"),
    [
        ("applied to the order", "已计入订单"),
        ("query: Waiting()", "查询付款：等待买家付款"),
        ("query: paid 300.00, 200.00 was asked for", "查询：付了 ￥300.00，应付 ￥200.00。"),
        ("refund 26_1_R1: Refused(code='40004', sub_code='ACQ.TRADE_NOT_EXIST')", None),
        ("Alipay was asked: NotExisting()", "已向支付宝查询：交易不存在"),
        ("300.00 instead of 200.00", "￥300.00，应为 ￥200.00"),
        ("trade_status=TRADE_CLOSED", "trade_status=TRADE_CLOSED"),
    ],
)
def test_details_of_messages_are_words(stored: str, shown_in_chinese: str | None) -> None:
    with translation.override("zh-hans"):
        assert in_words(stored) == (shown_in_chinese or "退款 26_1_R1：交易不存在（ACQ.TRADE_NOT_EXIST）")


@pytest.mark.parametrize(
    ("stored", "shown_in_chinese"),
    [
        ("+houses.view_house, −is_staff", "+房源：查看, −工作人员"),
        ("前台: +view_house, +add_area", "前台: +房源：查看, +区域：添加"),
        ("mobile, email", "手机号, 邮箱"),
        ("passkey Ann's phone", "通行密钥 Ann's phone"),
        ("9 left", "剩 9 个"),
        ("something else", "something else"),
    ],
)
def test_details_of_account_events_are_words(stored: str, shown_in_chinese: str) -> None:
    with translation.override("zh-hans"):
        assert shown(stored) == shown_in_chinese


def test_every_picture_of_an_amenity_has_a_name() -> None:
    assert {name for name, _label in facility_icons()} == set(ICONS)
