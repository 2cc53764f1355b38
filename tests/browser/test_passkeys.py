"""SEC13: a passkey of the browser, on the page that sets it up, at sign-in, and before money moves."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.inspecting import Inspector
from tests.browser.more_data import FACTOR_STAFF
from tests.browser.visitor import PHONE, visiting

pytestmark = pytest.mark.browser

AN_HOUR_LATER = """
from django.contrib.sessions.models import Session
from accounts.factors.sessions import KEY
for session in Session.objects.all():
    data = session.get_decoded()
    if data.get(KEY, {}).get("factor"):
        store = Session.get_session_store_class()(session.session_key)
        store[KEY] = {**data[KEY], "used": 0}
        store.save()
"""


def with_a_key(visitor):
    """Give the browser a key that agrees to everything, as a finger on it would."""
    session = visitor.page.context.new_cdp_session(visitor.page)
    session.send("WebAuthn.enable")
    kind = {"protocol": "ctap2", "transport": "internal", "hasUserVerification": True, "hasResidentKey": True}
    agrees = {"isUserVerified": True, "automaticPresenceSimulation": True}
    session.send("WebAuthn.addVirtualAuthenticator", {"options": {**kind, **agrees}})


def test_SEC13_a_passkey_is_set_up_and_opens_the_admin(chromium, running, shots):
    site = running.url.replace(urlsplit(running.url).hostname, "localhost")
    with visiting(chromium, site, shots, language="en", **PHONE) as visitor:
        inspector, page = Inspector(visitor), visitor.page
        with_a_key(visitor)
        visitor.go("/accounts/login/?next=/accounts/me/factors/passkey/")
        visitor.sign_in(FACTOR_STAFF)
        inspector.look_at("new-passkey")
        visitor.field("Name").fill("My phone")
        visitor.click("Set up a passkey")
        visitor.click("I've kept them")
        expect(page.get_by_text("My phone")).to_be_visible()
        inspector.look_at("factors-with-passkey")
        visitor.go("/accounts/me/")
        visitor.click("Sign out")
        visitor.go("/accounts/login/?next=/admin/houses/area/")
        visitor.sign_in()
        visitor.click("Use a passkey")
        page.wait_for_url("**/admin/houses/area/")
        running.run(AN_HOUR_LATER)
        visitor.go("/admin/houses/area/?q=x")
        inspector.look_at("again")
        visitor.field("Current password").fill("ihome-demo-8")
        visitor.click("Use a passkey")
        page.wait_for_url("**/admin/houses/area/?q=x")
        expect(page.locator("#searchbar")).to_have_value("x")
        visitor.go("/accounts/me/factors/")
        visitor.click("Remove My phone")
        visitor.click("Remove")
        expect(page.get_by_text("My phone")).to_have_count(0)
    print(*inspector.problems, sep="\n")
    assert inspector.problems == []
