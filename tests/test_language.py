"""Language: Chinese unless the visitor chose English; every message in both."""

import gettext as files
import io
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django.core.management import call_command
from django.test import Client
from django.utils import translation

from orders.models import Order
from tests import make
from tests.alipay import PAYCOMPLETE

COOKIE = site.LANGUAGE_COOKIE_NAME
CATALOGUE = Path(site.BASE_DIR) / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")
ADDRESSES = ["/", "/accounts/login/", "/accounts/signup/", PAYCOMPLETE, "/nowhere/"]
NOT_SHOWN = ["tests", "*/tests/*", "conftest.py", "benchmarks"]


def language_of(page: object) -> str:
    return re.search(r'<html lang="([\w-]+)"', page.content.decode())[1]


# --- choice of language --------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("accepted", ["en-US,en;q=0.9", "fr", "zh-TW", "", "*"])
def test_chinese_whatever_the_browser_accepts(client: Client, address: str, accepted: str) -> None:
    page = client.get(address, headers={"Accept-Language": accepted})
    assert language_of(page) == "zh-Hans"
    assert page.headers["Content-Language"] == "zh-hans"
    assert "爱家" in page.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("address", ADDRESSES)
def test_english_if_the_cookie_asks_for_it(client: Client, address: str) -> None:
    client.cookies[COOKIE] = "en"
    page = client.get(address, headers={"Accept-Language": "zh-CN"})
    assert language_of(page) == "en"
    assert page.headers["Content-Language"] == "en"
    text = page.content.decode().replace("中文", "")  # the link back
    assert not re.search("[\u4e00-\u9fff]", text)


@pytest.mark.django_db
@pytest.mark.parametrize("value", ["fr", "EN", "zh", "xx", "../en", "en\0", "<script>", "x" * 5000])
def test_an_unknown_language_falls_back_to_chinese(client: Client, value: str) -> None:
    client.cookies[COOKIE] = value
    page = client.get("/")
    assert (page.status_code, language_of(page)) == (200, "zh-Hans")


@pytest.mark.django_db
def test_the_footer_leads_to_the_other_language_and_back(client: Client) -> None:
    for wanted, other, lang in (("en", "zh-hans", "en"), ("zh-hans", "en", "zh-Hans")):
        assert f'name="language" value="{wanted}"' in client.get("/accounts/login/").content.decode()
        answer = client.post("/i18n/setlang/", {"language": wanted, "next": "/accounts/login/"})
        assert (answer.status_code, answer.url) == (302, "/accounts/login/")
        assert client.cookies[COOKIE].value == wanted
        page = client.get("/accounts/login/")
        assert language_of(page) == lang
        assert f'name="language" value="{other}"' in page.content.decode()


OFFER = "View this site in English?"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("accepted", "is_asked"),
    [
        ("en-US,en;q=0.9", True),
        ("fr-FR,fr;q=0.9,en;q=0.8", True),
        ("zh-CN,zh;q=0.9,en;q=0.8", False),
        ("en-US,en;q=0.9,zh-TW;q=0.8", False),
        ("", False),
        ("*", False),
        ("x" * 600, False),
    ],
)
def test_a_browser_without_chinese_is_offered_english(client: Client, accepted: str, is_asked: bool) -> None:
    page = client.get("/accounts/login/", HTTP_ACCEPT_LANGUAGE=accepted)
    assert (language_of(page), OFFER in page.content.decode()) == ("zh-Hans", is_asked)
    assert {"Cookie", "Accept-Language"} <= {name.strip() for name in page.headers["Vary"].split(",")}


@pytest.mark.django_db
@pytest.mark.parametrize("chosen", ["en", "zh-hans"])
def test_either_answer_ends_the_offer_of_english(client: Client, chosen: str) -> None:
    client.post("/i18n/setlang/", {"language": chosen, "next": "/accounts/login/"})
    page = client.get("/accounts/login/", HTTP_ACCEPT_LANGUAGE="en-US,en;q=0.9")
    assert OFFER not in page.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["", "x" * 500, "en\r\nX: y"])
def test_an_odd_choice_sets_no_cookie(client: Client, language: str) -> None:
    assert client.post("/i18n/setlang/", {"language": language}).status_code == 302
    assert COOKIE not in client.cookies


@pytest.mark.django_db
def test_the_language_does_not_leak_to_the_next_visitor(client: Client) -> None:
    client.cookies[COOKIE] = "en"
    assert language_of(client.get("/")) == "en"
    assert language_of(Client().get("/")) == "zh-Hans"


@pytest.mark.django_db
def test_statuses_and_events_are_shown_in_both(client: Client) -> None:
    order = make.order()
    order.events.create(kind="BOOKED", actor=order.renter)
    client.force_login(order.renter)
    for language, status, event in (("zh-hans", "待支付", None), ("en", "Payment due", "Booked")):
        client.cookies[COOKIE] = language
        html = client.get(order.get_absolute_url()).content.decode()
        assert status in html
        assert event is None or event in html


# The usual Chinese terms for the statuses of an order
USUAL_TERMS = {
    "WAIT_ACCEPT": "待确认",
    "WAIT_PAYMENT": "待支付",
    "WAIT_COMMENT": "待评价",
    "COMPLETE": "已完成",
    "CANCELED": "已取消",
    "REJECTED": "预订未成功",
}


@pytest.mark.parametrize(("status", "term"), USUAL_TERMS.items())
def test_statuses_have_their_usual_terms(status: str, term: str) -> None:
    with translation.override("zh-hans"):
        assert str(Order.Status(status).label) == term


# --- the catalogue --------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """The catalogue as makemessages extracts it now, from a copy of the tree."""
    if shutil.which("xgettext") is None:
        pytest.skip("gettext is not installed")
    copy = tmp_path_factory.mktemp("tree") / "site"
    listing = ["git", "-c", f"safe.directory={site.BASE_DIR}", "ls-files", "-z", "-co", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=site.BASE_DIR, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        source = Path(site.BASE_DIR) / name
        if source.suffix in (".py", ".html", ".txt", ".po", ".js") and source.is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy / name)
    patch = pytest.MonkeyPatch()
    patch.chdir(copy)
    patch.setattr(site, "LOCALE_PATHS", [str(copy / "locale")])
    try:
        options = {"ignore_patterns": NOT_SHOWN, "no_obsolete": True, "stdout": io.StringIO()}
        call_command("makemessages", locale=["zh_Hans"], **options)
    finally:
        patch.undo()
    return entries(copy / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po")


def entries(po: Path) -> list[dict[str, object]]:
    """Return entries of a .po file (msgctxt, msgid, msgid_plural, msgstr[...], fuzzy) without the header."""
    found: list[dict[str, object]] = []
    for block in po.read_text(encoding="utf-8").split("\n\n"):
        entry: dict[str, object] = {"fuzzy": False}
        name = ""
        for line in block.splitlines():
            if line.startswith("#,"):
                entry["fuzzy"] = entry["fuzzy"] or "fuzzy" in line
            elif match := re.fullmatch(r'(?:(msg\w+(?:\[\d\])?) )?"(.*)"', line):
                name = match[1] or name
                entry[name] = str(entry.get(name, "")) + match[2]
        if entry.get("msgid"):
            found.append(entry)
    return found


def translations(entry: dict[str, object]) -> list[str]:
    return [str(text) for name, text in entry.items() if name.startswith("msgstr")]


def test_nothing_is_left_untranslated(extracted: list[dict[str, object]]) -> None:
    assert len(extracted) > 150
    assert [entry["msgid"] for entry in extracted if not all(translations(entry))] == []


def test_no_translation_is_fuzzy(extracted: list[dict[str, object]]) -> None:
    assert [entry["msgid"] for entry in extracted if entry["fuzzy"]] == []


def test_the_catalogue_matches_the_code(extracted: list[dict[str, object]]) -> None:
    """Run `makemessages` after changing a message."""
    named = {(entry.get("msgctxt"), entry["msgid"]) for entry in entries(CATALOGUE)}
    assert named == {(entry.get("msgctxt"), entry["msgid"]) for entry in extracted}


def test_every_translation_keeps_the_placeholders() -> None:
    for entry in entries(CATALOGUE):
        wanted = set(PLACEHOLDER.findall(str(entry.get("msgid_plural") or entry["msgid"])))
        for text in filter(None, translations(entry)):
            assert set(PLACEHOLDER.findall(text)) == wanted, entry["msgid"]


def test_the_source_is_english(extracted: list[dict[str, object]]) -> None:
    assert [entry["msgid"] for entry in extracted if re.search("[\u4e00-\u9fff]", str(entry["msgid"]))] == []


def test_the_compiled_catalogue_is_up_to_date(tmp_path: Path) -> None:
    if shutil.which("msgfmt") is None:
        pytest.skip("gettext is not installed")
    fresh = tmp_path / "fresh.mo"
    subprocess.run(["msgfmt", "--check", "-o", str(fresh), str(CATALOGUE)], check=True)

    def read(file: Path) -> dict[object, str]:
        with file.open("rb") as opened:
            catalogue = dict(files.GNUTranslations(opened)._catalog)
        catalogue.pop("", None)  # the header contains dates
        return catalogue

    assert read(CATALOGUE.with_suffix(".mo")) == read(fresh)
    assert len(read(fresh)) > 150


# --- messages of Django itself -----------------------------------------------------------------------


NEW_PASSWORDS = ["123", "password", "98765432109", "13811112222"]


REFUSED_FORMS = [
    *(("/accounts/signup/", {"username": "13811112222", "password": password}) for password in NEW_PASSWORDS),
    ("/accounts/signup/", {}),
    ("/accounts/signup/", {"username": "1" * 550, "password": "quiet-sea-8", "email": "a@b"}),
    ("/accounts/me/", {"name": "长" * 41, "email": "a@b"}),
    ("/accounts/password/", {}),
    ("/accounts/password/", {"old_password": "x", "new_password1": "123", "new_password2": "124"}),
    ("/houses/{house}/book/", {}),
    ("/houses/{house}/book/", {"check_in": "soon", "check_out": "2026-02-30", "guests": "0"}),
    ("/houses/{house}/book/", {"check_in": "2020-01-01", "check_out": "2019-01-01", "guests": "two"}),
    ("/?area=999&guests=0&check_in=x", None),
    ("/?guests=100&check_in=2020-01-01", None),
    ("/orders/{order}/review/", {}),
    ("/orders/{order}/review/", {"rating": "9", "text": "好" * 1001}),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("address", "fields"), REFUSED_FORMS)
def test_form_errors_are_chinese_sentences(
    client: Client, address: str, fields: dict[str, str] | None
) -> None:
    form, messages = refused(client, address, fields)
    for message in messages:
        assert re.search("[\u4e00-\u9fff].*[。！？]$", message)  # a sentence
        assert not re.search("[A-Za-z_%]|该值|该变量|字段", message)
    assert len(form.errors.get("username", [])) <= 1


@pytest.mark.django_db
@pytest.mark.parametrize(("address", "fields"), REFUSED_FORMS)
def test_form_errors_are_english_sentences(
    client: Client, address: str, fields: dict[str, str] | None
) -> None:
    client.cookies[COOKIE] = "en"
    _form, messages = refused(client, address, fields)
    for message in messages:
        assert re.search(r"[A-Z].*[.!?]$", message)
        assert not re.search("[\u4e00-\u9fff%]", message)


def refused(client: Client, address: str, fields: dict[str, str] | None) -> tuple[Any, list[str]]:
    """Send a form that is refused. Return it and its errors."""
    order = make.order(status=Order.Status.WAIT_COMMENT)
    if "signup" not in address:
        client.force_login(order.renter)
    address = address.format(house=order.house_id, order=order.number)
    page = client.get(address) if fields is None else client.post(address, fields)
    form = page.context.get("review_form") or page.context["form"]
    with translation.override("en" if COOKIE in client.cookies else "zh-hans"):  # for lazy ones
        messages = [str(error) for errors in form.errors.values() for error in errors]
    assert messages
    return form, messages


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "heading"), [("en", "Something went wrong"), ("zh-hans", "出了点问题")])
def test_the_page_of_an_error_is_in_the_language_of_the_visitor(
    client: Client, monkeypatch: pytest.MonkeyPatch, language: str, heading: str
) -> None:
    def fail(request: object) -> None:
        raise ValueError

    monkeypatch.setattr("ihome_site.health.connection.cursor", fail)
    client.raise_request_exception = False
    client.cookies[COOKIE] = language
    page = client.get("/readyz")
    assert page.status_code == 500
    assert heading in page.content.decode()
