"""The four documents: their first texts, versions of staff, Markdown."""

import hashlib
import re

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from documents.current import TEXTS
from documents.markdown import rendered
from documents.models import Kind, Version
from tests import make

pytestmark = pytest.mark.django_db

ADD = "/admin/documents/version/add/"
FIRST_VERSIONS = {
    "about.en.md": "9f10710b6e64a40e",
    "about.zh-hans.md": "a3d12610db04b00a",
    "help.en.md": "0c637229d781a49f",
    "help.zh-hans.md": "3db7b5c9bd87f3d7",
    "privacy.en.md": "71abb08180dbdf2e",
    "privacy.zh-hans.md": "a4d4930712ae0c2f",
    "terms.en.md": "37bc943c6abfd669",
    "terms.zh-hans.md": "fb4a5f3415128cf4",
}


@pytest.fixture(autouse=True)
def fresh_cache() -> None:
    cache.clear()


def publish(kind: str = "terms", number: int = 2, **fields: object) -> Version:
    texts = {"text": "## 第二稿", "text_en": "## New", "changed": "第三条", "changed_en": "Section 3"}
    author = make.user(is_staff=True)
    return Version.objects.create(kind=kind, number=number, author=author, **{**texts, **fields})


def headings(html: str) -> list[str]:
    return re.findall(r"<(h[1-6])", html)


@pytest.mark.parametrize("name", FIRST_VERSIONS)
def test_the_first_versions_are_never_edited(name: str) -> None:
    """Renters agreed to these. Staff publish better ones in the admin."""
    assert hashlib.sha256((TEXTS / name).read_bytes()).hexdigest()[:16] == FIRST_VERSIONS[name]


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("kind", Kind)
def test_each_document_is_complete_in_both_languages(client: Client, kind: Kind, language: str) -> None:
    client.cookies["django_language"] = language
    page = client.get(f"/{kind.value}/")
    html = page.content.decode()
    assert page.status_code == 200
    assert headings(html)[:2] == ["h1", "h2"]
    body = html.split("<article", 1)[1].split("</article", 1)[0]
    assert ("的" in body) == (language != "en")
    assert not re.search(r"\{\w+\}|\*\*|<script", body)


def test_settings_fill_the_placeholders(client: Client, settings: Settings) -> None:
    settings.COMPANY_NAME, settings.CONTACT_PHONE = "虚构 <的> 公司", "0592-000-0000"
    page = client.get("/privacy/").content.decode()
    assert "虚构 &lt;的&gt; 公司" in page
    assert "0592-000-0000" in page.split("<article", 1)[1].split("</article", 1)[0]


def test_a_version_of_staff_replaces_the_first_which_stays_readable(client: Client) -> None:
    publish()
    newest, first = client.get("/terms/").content.decode(), client.get("/terms/1/").content.decode()
    assert "第二稿" in newest
    assert "第三条" in newest
    assert 'href="/terms/1/"' in newest
    assert "第二稿" not in first
    assert 'href="/terms/"' in first
    assert [client.get(f"/terms/{number}/").status_code for number in (2, 3, 0)] == [200, 404, 404]


def test_staff_publish_the_next_version_from_the_current_text(client: Client) -> None:
    client.force_login(make.staff("店长"))
    typed = client.get(f"{ADD}?kind=help").context["adminform"].form.initial
    assert (typed["kind"], typed["base"]) == ("help", "1")
    assert "怎么预订" in typed["text"]
    answer = client.post(f"{ADD}?kind=help", {**typed, "text": typed["text"] + "\n## 更多\n"})
    assert answer.status_code == 302
    row = Version.objects.get()
    assert (row.kind, row.number, row.author) == ("help", 2, User.objects.get(is_staff=True))
    assert "<h2>更多</h2>" in client.get("/help/").content.decode()


def test_who_publishes_second_is_told(client: Client) -> None:
    client.force_login(make.staff("店长"))
    typed = {**client.get(f"{ADD}?kind=about").context["adminform"].form.initial}
    publish("about")
    page = client.post(f"{ADD}?kind=about", typed)
    assert page.status_code == 200
    assert page.context["adminform"].form.non_field_errors()
    assert Version.objects.count() == 1


def test_new_terms_say_what_changed(client: Client) -> None:
    client.force_login(make.staff("店长"))
    typed = client.get(f"{ADD}?kind=terms").context["adminform"].form.initial
    form = client.post(f"{ADD}?kind=terms", typed).context["adminform"].form
    assert set(form.errors) == {"changed", "changed_en"}


@pytest.mark.parametrize("address", ["https://a.cn/b", "mailto:a@b.cn", "tel:110", "/help/", "#top"])
def test_usual_links_are_links(address: str) -> None:
    assert f'<a href="{address}">' in rendered(f"[text]({address})")


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,a", "//a.cn", "ftp://a.cn", "vbscript:a"]
)
def test_other_addresses_stay_text(address: str) -> None:
    assert "<a" not in rendered(f"[text]({address})")


def test_html_and_pictures_stay_text() -> None:
    html = rendered("<script>alert(1)</script>\n\n<b onclick=x>a</b> ![p](https://a.cn/p.png)")
    assert not re.search(r"<(script|b|img)", html)


def test_headings_go_down_one_by_one_from_h2() -> None:
    typed = "# a\n\n### b\n\n## c\n\n##### d\n\n# e"
    assert headings(rendered(typed)) == ["h2", "h3", "h3", "h4", "h2"]
