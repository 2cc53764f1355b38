"""An account from its sign-up to its end: codes, passwords, another number, other browsers.

In `make browser` on phone and desktop, in both languages, with and without scripts; in `make test` on a phone
in Chinese without. What axe finds on these pages, test_for_everybody.py tells.
"""

import pytest
from django.conf import settings
from playwright.sync_api import expect

from tests.browser.inspecting import THOROUGH
from tests.browser.visitor import DESKTOP, PASSWORD, PHONE, new_mobile

pytestmark = pytest.mark.browser

NEW = f"{PASSWORD}-2"
TURNS = [
    pytest.param(device, language, js, id=f"{name}-{language}-{'js' if js else 'no-js'}")
    for name, device in (("phone", PHONE), ("desktop", DESKTOP))
    for language in ("zh-hans", "en")
    for js in (False, True)
]


@pytest.mark.parametrize(("device", "language", "js"), TURNS if THOROUGH else TURNS[:1])
def test_from_the_sign_up_to_the_end_of_an_account(visit, device, language, js):
    person = visit(**device, language=language, java_script_enabled=js)
    person.watch.expected_statuses = {422}
    person.go("/accounts/signup/?next=/accounts/me/")
    person.sign_up()
    assert person.path() == "/accounts/me/"
    person.look("account")
    sign_out(person)

    person.go("/accounts/login/?next=/accounts/me/")
    person.field("Mobile number").fill(person.mobile)
    person.field("Password").fill("not the password")
    person.click(person.translated("Sign in"))
    person.look("sign-in-refused")
    person.click(person.translated("Sign in with a code by SMS"))
    expect(person.field("Mobile number")).to_have_value(person.mobile)
    person.click(person.translated("Send the code"))
    shown = person.page.locator(".rehearsal strong").inner_text()
    person.field("Code").fill(f"{(int(shown) + 1) % 10**6:06}")
    person.click(person.translated("Confirm"))
    expect(person.page.locator(".field .error")).to_be_visible()
    person.look("code-refused")
    person.type_code()
    assert person.path() == "/accounts/me/"

    a_number_of_ones_own(person)
    a_forgotten_password(person)
    elsewhere = another_browser(visit, person, device, language, js)
    the_end(person)
    elsewhere.go("/accounts/me/")
    assert elsewhere.path() == "/accounts/login/"


def sign_out(person):
    person.go("/accounts/me/")
    person.click(person.translated("Sign out"))
    assert person.path() == "/"


def a_number_of_ones_own(person):
    person.click(person.translated("Change your number"))
    person.mobile = new_mobile()
    person.field("New mobile number").fill(person.mobile)
    person.field("Current password").fill(PASSWORD)
    person.look("new-number")
    person.click(person.translated("Send the code"))
    person.type_code()
    assert person.path() == "/accounts/me/"
    expect(person.page.locator("main")).to_contain_text(person.mobile)
    sign_out(person)


def a_forgotten_password(person):
    person.go("/accounts/password/reset/?next=/accounts/me/")
    person.field("Mobile number").fill(person.mobile)
    person.click(person.translated("Send the code"))
    person.field("New password").fill("12345678")
    person.type_code()
    expect(person.page.locator(".field .error")).to_be_visible()
    person.look("weak-password")
    person.field("New password").fill(NEW)
    person.type_code()
    assert person.path() == "/accounts/me/"


def another_browser(visit, person, device, language, js):
    """Sign in elsewhere, where the account is signed out; return a third that is still signed in."""
    visitors = [visit(**device, language=language, java_script_enabled=js) for _ in range(2)]
    for elsewhere in visitors:
        elsewhere.go("/accounts/login/?next=/accounts/me/")
        elsewhere.field("Mobile number").fill(person.mobile)
        elsewhere.field("Password").fill(NEW)
        elsewhere.click(elsewhere.translated("Sign in"))
        assert elsewhere.path() == "/accounts/me/"
    person.go("/accounts/me/sessions/")
    person.look("browsers")
    person.page.locator("[name=end]").first.click()
    statuses = []
    for elsewhere in visitors:
        elsewhere.go("/accounts/me/")
        statuses.append(elsewhere.path())
    assert sorted(statuses) == ["/accounts/login/", "/accounts/me/"]
    return visitors[statuses.index("/accounts/me/")]


def the_end(person):
    person.go("/accounts/me/close/")
    person.field("Current password").fill(PASSWORD)
    person.click(person.translated("Close my account"))
    expect(person.page.locator(".field .error")).to_be_visible()
    person.field("Current password").fill(NEW)
    person.look("the-end")
    person.click(person.translated("Close my account"))
    expect(person.page.locator(".notice.success")).to_be_visible()
    person.lose_session(keep=settings.LANGUAGE_COOKIE_NAME)
    person.go("/accounts/login/")
    person.field("Mobile number").fill(person.mobile)
    person.field("Password").fill(NEW)
    person.click(person.translated("Sign in"))
    expect(person.page.get_by_role("alert")).to_be_visible()
