"""Forms that were open while the user signed in in another tab: their CSRF token is no longer valid."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from orders.models import Order, Review
from orders.review_draft import COOKIE
from payments.models import Payment
from tests import make
from tests.alipay import Gateway

pytestmark = pytest.mark.django_db

SITE = "http://testserver"
NOTICE = "You signed in or out in another tab"
FROM_ELSEWHERE = {
    "another site": {"Origin": "https://evil.example"},
    "nowhere": {},
    "a page without an origin": {"Origin": "null", "Referer": f"{SITE}/"},
    "another site, by its page": {"Referer": f"https://evil.example/{SITE}/"},
    "a host that begins alike": {"Origin": f"{SITE}.evil.example"},
    "a host before an @": {"Referer": f"{SITE}@evil.example/"},
}
FROM_HERE = {
    "named by its origin": {"Origin": SITE},
    "named by its page": {"Referer": f"{SITE}/houses/1/"},
}
from_elsewhere = pytest.mark.parametrize("headers", FROM_ELSEWHERE.values(), ids=FROM_ELSEWHERE.keys())
from_here = pytest.mark.parametrize("headers", FROM_HERE.values(), ids=FROM_HERE.keys())


@pytest.fixture
def order() -> Order:
    return make.order(status=Order.Status.WAIT_COMMENT)


@pytest.fixture
def browser(order: Order) -> Client:
    """The renter's browser; its CSRF token belongs to no open page."""
    client = Client(enforce_csrf_checks=True)
    client.cookies["django_language"] = "en"
    client.get("/accounts/login/")
    client.force_login(order.renter)
    return client


def a_stay() -> dict[str, str]:
    day = timezone.localdate() + timedelta(days=9)
    return {"check_in": str(day), "check_out": str(day + timedelta(days=1)), "guests": "2"}


REVIEW = {"rating": "4", "text": "Quiet & <b>warm"}


def token_on(browser: Client, address: str) -> str:
    return re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get(address).content.decode())[0]


def test_signing_in_in_another_tab_loses_no_stay(browser: Client, order: Order) -> None:
    browser.logout()
    house = make.house().get_absolute_url()
    token = token_on(browser, house)
    order.renter.set_password("quiet-sea-8")
    order.renter.save()
    name = {"username": order.renter.mobile, "password": "quiet-sea-8"}
    other_tab = {**name, "csrfmiddlewaretoken": token_on(browser, "/accounts/login/")}
    assert browser.post("/accounts/login/", other_tab, headers={"Origin": SITE}).status_code == 302
    led_back = browser.post(
        f"{house}book/", {**a_stay(), "csrfmiddlewaretoken": token}, headers={"Origin": SITE}
    )
    assert led_back.url.startswith(f"{house}?check_in=")
    token = token_on(browser, led_back.url)
    browser.post(f"{house}book/", {**a_stay(), "csrfmiddlewaretoken": token}, headers={"Origin": SITE})
    assert Order.objects.count() == 2


@from_here
def test_a_booking_redirects_to_the_house_with_its_dates(browser: Client, headers: dict[str, str]) -> None:
    house = make.house()
    answer = browser.post(f"/houses/{house.pk}/book/", a_stay(), headers=headers)
    typed = "&".join(f"{name}={value}" for name, value in a_stay().items())
    assert answer.url == f"/houses/{house.pk}/?{typed}#main"
    html = browser.get(answer.url).content.decode()
    assert NOTICE in html
    assert all(f'value="{value}"' in html for value in a_stay().values())
    assert Order.objects.count() == 1


def test_without_cookies_the_answer_asks_for_them(browser: Client, gateway: Gateway) -> None:
    """A redirect would show the same page again, without an explanation."""
    payment = make.attempt(make.order(Order.objects.get().renter))
    forms = (f"/houses/{payment.order.house_id}/book/", f"/payments/{payment.order.number}/pay/")
    for address in forms:
        without = Client(enforce_csrf_checks=True)
        without.cookies["django_language"] = "en"
        answer = without.post(address, a_stay(), headers={"Origin": SITE, "Referer": f"{SITE}/houses/1/"})
        assert answer.status_code == 403
        html = answer.content.decode()
        assert "Please allow cookies for this site" in html
        assert NOTICE not in html
        assert 'href="http://testserver/houses/1/">Reload the page<' in html
    assert gateway.calls == []


@from_here
def test_a_review_is_kept_in_its_form(browser: Client, order: Order, headers: dict[str, str]) -> None:
    answer = browser.post(f"/orders/{order.number}/review/", REVIEW, headers=headers)
    assert answer.url == f"/orders/{order.number}/#main"
    html = browser.get(answer.url).content.decode()
    assert NOTICE in html
    assert "Quiet &amp; &lt;b&gt;warm</textarea>" in html
    assert 'value="4" required checked' in html
    assert not Review.objects.exists()


def test_a_review_is_not_kept_for_another_user(browser: Client, order: Order) -> None:
    """The other user signed in in another tab of the same browser."""
    browser.force_login(make.user())
    answer = browser.post(f"/orders/{order.number}/review/", REVIEW, headers={"Origin": SITE})
    assert answer.status_code == 403
    assert "Nothing was submitted" in answer.content.decode()
    assert COOKIE not in browser.cookies
    assert not Review.objects.exists()


FORMS: dict[str, Callable[[Order], tuple[str, str]]] = {
    "pay": lambda order: (f"/payments/{order.number}/pay/", order.get_absolute_url()),
    "check": lambda order: (f"/payments/{order.number}/check/", order.get_absolute_url()),
    "cancel": lambda order: (f"/payments/{order.number}/cancel/", f"/payments/{order.number}/cancel/"),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_there_is_no_redirect_to_another_users_order(
    browser: Client, order: Order, form: Callable[[Order], tuple[str, str]]
) -> None:
    address, _page = form(order)
    browser.force_login(make.user())
    answer = browser.post(address, headers={"Origin": SITE})
    assert (answer.status_code, "Nothing was submitted" in answer.content.decode()) == (403, True)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_every_other_form_redirects_to_its_page_and_does_nothing(
    browser: Client, gateway: Gateway, form: Callable[[Order], tuple[str, str]]
) -> None:
    payment = make.attempt(make.order(Order.objects.get().renter))
    address, page = form(payment.order)
    answer = browser.post(address, headers={"Origin": SITE})
    assert answer.url == f"{page}#main"
    assert NOTICE in browser.get(page).content.decode()
    payment.order.refresh_from_db()
    assert payment.order.status == "WAIT_PAYMENT"
    assert gateway.calls == []
    assert Payment.objects.count() == 1


@from_elsewhere
def test_data_from_another_site_is_not_kept(browser: Client, order: Order, headers: dict[str, str]) -> None:
    answer = browser.post(f"/orders/{order.number}/review/", REVIEW, headers=headers)
    assert answer.status_code == 403
    assert COOKIE not in browser.cookies
    assert "Quiet" not in browser.get(order.get_absolute_url()).content.decode()
    assert browser.post(f"/houses/{order.house_id}/book/", a_stay(), headers=headers).status_code == 403
    assert Order.objects.count() == 1


def test_a_script_gets_a_403_and_no_message_for_the_next_page(browser: Client, gateway: Gateway) -> None:
    payment = make.attempt(make.order(Order.objects.get().renter))
    headers = {"Origin": SITE, "Accept": "application/json"}
    check = f"/payments/{payment.order.number}/check/"
    assert browser.post(check, headers=headers).status_code == 403
    assert NOTICE not in browser.get(payment.order.get_absolute_url()).content.decode()


@pytest.mark.parametrize("address", ["/accounts/password/", "/accounts/me/"])
def test_a_form_without_a_draft_gets_an_explanation_and_a_link_back(
    browser: Client, order: Order, address: str
) -> None:
    page = f"{SITE}{address}?a=1&b=2"
    answer = browser.post(address, {"name": "Typed"}, headers={"Origin": SITE, "Referer": page})
    assert answer.status_code == 403
    html = answer.content.decode()
    assert NOTICE in html
    assert "Back button to see what you typed" in html.replace("&#39;", "'")
    assert f'href="{SITE}{address}?a=1&amp;b=2">Reload the page<' in html
    order.renter.refresh_from_db()
    assert order.renter.name == ""


@from_elsewhere
def test_it_links_to_no_other_site(browser: Client, headers: dict[str, str]) -> None:
    html = browser.post("/accounts/password/", headers=headers).content.decode()
    links = re.findall(r'href="(http[^"]*)"', html)
    assert all(link.startswith(f"{SITE}/") for link in links)
    assert "evil.example" not in html
