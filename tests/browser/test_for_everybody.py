"""Every page in both languages passes the checks of inspecting.py."""

import time
from base64 import b32decode
from random import randbytes
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core import signing
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.test import RequestFactory
from django.utils import translation
from django.utils.crypto import salted_hmac
from django.utils.http import urlsafe_base64_encode
from django.views import defaults
from django_otp.oath import TOTP
from playwright.sync_api import expect

from accounts import emails, invitations
from ihome_site.middleware import DatabaseDownMiddleware
from tests.browser.inspecting import THOROUGH, Inspector
from tests.browser.more_data import FACTOR_STAFF, LONG_TITLE, NEWCOMER
from tests.browser.visitor import (
    ASKED,
    INSTANT,
    PASSWORD,
    PHONE,
    POLLING_SCRIPTS,
    RENTER,
    STAFF,
    TODAY,
    WECHAT,
    new_mobile,
)

FIRST_USER = 1
"""Key of RENTER, whom seed_demo makes first."""

pytestmark = pytest.mark.browser


def anonymous(inspector, running, standin):
    visitor = inspector.visitor
    translated = visitor.translated
    inspector.open("/", "front")
    inspector.open("/?guests=2&sort=price&instant=1", "found")
    inspector.open("/?guests=99", "none-found")
    inspector.open(
        f"/?area=x&check_in={TODAY.replace(year=2020)}&guests=200&price_from=3&price_to=2", "search-refused"
    )
    for title, name in ((ASKED, "house"), (LONG_TITLE, "house-with-long-words")):
        visitor.go("/")
        visitor.click(title)
        inspector.look_at(name)
    check_in, check_out = visitor.free_days(2)
    visitor.go("/")
    visitor.click(INSTANT)
    inspector.open(f"{visitor.path()}?check_in={check_in}&check_out={check_out}&guests=2", "house-with-stay")
    house = visitor.path()
    visitor.click(translated("Book"))
    inspector.look_at("sign-in-to-book")
    inspector.open(f"{house}book/", "405")
    inspector.open(f"{house}photos/", "photos")
    inspector.open("/payments/paycomplete/", "neutral")
    inspector.open("/accounts/signup/", "sign-up")
    visitor.field("Mobile number").fill("12345")
    visitor.field("Password").fill("12345678")
    visitor.click(translated("Sign up"))
    inspector.look_at("sign-up-refused")
    inspector.open("/accounts/login/", "sign-in")
    visitor.field("Mobile number").fill(RENTER)
    visitor.field("Password").fill("not the password")
    visitor.click(translated("Sign in"))
    inspector.look_at("sign-in-refused")
    back_into_an_account(inspector)


def back_into_an_account(inspector):
    """The pages for who can't sign in with a password, and those of mailed links."""
    visitor = inspector.visitor
    for path, name in (("login/code/", "sign-in-by-code"), ("password/reset/", "forgotten")):
        inspector.open(f"/accounts/{path}", name)
        visitor.field("Mobile number").fill(new_mobile())
        visitor.click(visitor.translated("Send the code"))
        inspector.look_at(f"{name}-code")
    inspector.open("/accounts/password/reset/email/", "reset-by-email")
    reset = {
        "key": urlsafe_base64_encode(str(NEWCOMER.pk).encode()),
        "token": default_token_generator.make_token(NEWCOMER),
    }
    inspector.open(f"/accounts/password/reset/link/?{urlencode(reset)}", "password-by-link")
    inspector.open(f"/accounts/invitation/?{urlencode({'key': invitation_key()})}", "invitation")


def invitation_key():
    """Return the key of NEWCOMER, as invitations.py would; here no database tells their newest event."""
    state = repr((NEWCOMER.password, None, NEWCOMER.mobile, True, None))
    digest = salted_hmac(invitations.SALT, state, algorithm="sha256").hexdigest()
    return signing.dumps([NEWCOMER.pk, digest], salt=invitations.SALT)


ERRORS = {
    "400": "We couldn't understand that request",
    "403": "You can't open this page",
    "500": "The mistake is ours, and we've recorded it. Any payment you made is safe. "
    "Please try again in a moment.",
    "503": "The site is temporarily unavailable. Any payment you made is safe. Please try again in a moment.",
}


def errors(inspector, running, standin):
    visitor = inspector.visitor
    translated = visitor.translated
    inspector.open("/nothing/", "404")
    visitor.go("/accounts/login/")
    visitor.lose_session(keep=settings.LANGUAGE_COOKIE_NAME)
    visitor.sign_in(RENTER)
    inspector.look_at("403-csrf")
    answers = error_pages(visitor.language)
    visitor.page.route("**/trouble/*", lambda route: route.fulfill(**answers[route.request.url[-3:]]))
    for status in answers:
        inspector.open(f"/trouble/{status}", status)
        expect(visitor.page.get_by_text(translated(ERRORS[status]))).to_be_visible()


def too_long_a_review_while_signed_out(inspector):
    visitor = inspector.visitor
    page = visitor.page
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    text = page.locator("#review textarea")
    text.evaluate("area => { area.removeAttribute('maxlength') }")
    page.locator("label[for=star-4]").click()
    text.fill("安静 " * 334)
    visitor.click(visitor.translated("Submit review"))
    expect(page.get_by_text(visitor.translated("Your review is too long")).first).to_be_visible()
    inspector.look_at("review-too-long")
    text.fill("安静")
    visitor.click(visitor.translated("Submit review"))
    visitor.sign_in()
    expect(text).to_have_value("安静")
    expect(page.locator("#star-4")).to_be_checked()


def error_pages(language):
    """Return the error pages that a visitor can't cause, as the site renders them."""
    request = RequestFactory().get("/trouble/")
    with translation.override(language):
        answers = (
            defaults.bad_request(request, SuspiciousOperation()),
            defaults.permission_denied(request, PermissionDenied()),
            defaults.server_error(request),
            DatabaseDownMiddleware(defaults.server_error).process_exception(request, OperationalError()),
        )
    policy = {"Content-Security-Policy": "default-src 'self'"}
    return {
        str(answer.status_code): {
            "status": answer.status_code,
            "body": answer.content,
            "headers": {**answer.headers, **policy},
        }
        for answer in answers
    }


def new_user(inspector, running, standin):
    visitor = inspector.visitor
    visitor.go("/accounts/signup/")
    visitor.sign_up()
    inspector.look_at("no-orders")
    inspector.open("/houses/favourites/", "favourites")
    inspector.open("/accounts/me/", "me")
    visitor.field("Email (optional)").fill("lin@x")  # a browser lets that pass
    visitor.click(visitor.translated("Save"))
    inspector.look_at("me-refused")
    inspector.open("/accounts/password/", "password")
    for label in ("Current password", "New password", "Confirm new password"):
        visitor.field(label).fill("12345678")
    visitor.click(visitor.translated("Change password"))
    inspector.look_at("password-refused")
    inspector.open("/accounts/me/number/", "new-number")
    inspector.open("/accounts/verify/", "verify")
    visitor.go("/")
    visitor.click(INSTANT)
    visitor.choose_nights(nights=-1)
    visitor.click(visitor.translated("Book"))
    inspector.look_at("booking-refused")
    signed_in_twice_and_closed(inspector)


def signed_in_twice_and_closed(inspector):
    visitor = inspector.visitor
    visitor.lose_session(keep=settings.LANGUAGE_COOKIE_NAME)
    visitor.go("/accounts/login/?next=/accounts/me/sessions/")
    visitor.sign_in()
    inspector.look_at("sessions")
    visitor.click(visitor.translated("Sign out everywhere else"))
    expect(visitor.page.locator(".notice.success")).to_be_visible()
    expect(visitor.page.locator("[name=end]")).to_have_count(0)
    inspector.open("/accounts/me/close/", "close-account")
    visitor.field("Current password").fill(PASSWORD)
    visitor.click(visitor.translated("Close my account"))
    expect(visitor.page.locator(".notice.success")).to_be_visible()
    visitor.go("/accounts/me/")
    assert visitor.path() == "/accounts/login/"


def paying(inspector, running, standin):
    visitor = inspector.visitor
    page = visitor.page
    visitor.go("/accounts/signup/")
    visitor.sign_up()
    number = visitor.book()
    browser = page.context.new_cdp_session(page)
    for device, path, name in (
        (WECHAT, f"/payments/{number}/way-out/", "way-out-of-wechat"),
        (PHONE, f"/orders/{number}/", "order-to-pay"),
    ):
        browser.send("Network.setUserAgentOverride", {"userAgent": device["user_agent"]})
        inspector.open(path, name)

    for fault in ("query.waiting", "notify.lost"):
        standin.post("faults", name=fault, out_trade_no=f"{number}_1")
    page.route(POLLING_SCRIPTS, lambda route: route.abort("aborted"))  # it must not reload during the checks
    visitor.press_pay()
    visitor.pay()
    inspector.look_at("confirming")
    back_from_alipay = page.url.removeprefix(visitor.site)
    inspector.open(f"/orders/{number}/", "order-with-attempt")
    page.unroute(POLLING_SCRIPTS)
    standin.post("faults/clear")
    standin.post("notify-now", out_trade_no=f"{number}_1")
    inspector.open(back_from_alipay, "paid")
    expect_result(visitor, "Payment successful")
    visitor.lose_session(keep=settings.LANGUAGE_COOKIE_NAME)
    inspector.open(back_from_alipay, "paid-signed-out")
    expect_result(visitor, "Payment successful")
    visitor.go(f"/orders/{number}/")
    visitor.sign_in()
    inspector.look_at("order-paid")
    page.locator("#review form").evaluate("form => { form.noValidate = true }")
    visitor.click(visitor.translated("Submit review"))
    inspector.look_at("review-refused")
    too_long_a_review_while_signed_out(inspector)
    inspector.open(f"/payments/{number}/receipt/", "receipt")

    inspector.open(f"/payments/{number}/cancel/", "cancel-paid")
    visitor.click(visitor.translated("Cancel order"))
    inspector.look_at("order-cancelled")
    inspector.open(back_from_alipay, "refunding")
    expect_result(visitor, "Refund on its way")
    running.sweep()
    inspector.open(f"/orders/{number}/", "order-refunded")
    inspector.open(f"/payments/{number}/receipt/", "receipt-with-refund")
    inspector.open(back_from_alipay, "refunded")
    expect_result(visitor, "Refunded")


def expect_result(visitor, english):
    with translation.override(visitor.language):
        title = translation.pgettext("the page after paying", english)
    expect(visitor.page.locator(".face h2")).to_have_text(title)


def renter_with_orders(inspector, running, standin):
    visitor = inspector.visitor
    visitor.go("/orders/")
    visitor.sign_in(RENTER)
    inspector.look_at("orders")
    found = visitor.page.locator("article h2 a").evaluate_all("links => links.map(link => link.pathname)")
    inspector.open("/accounts/me/close/", "close-account-refused")
    inspector.open("/accounts/me/email/remove/", "remove-email")
    token = signing.dumps([FIRST_USER, f"{RENTER}@example.com"], salt=emails.SALT)
    inspector.open(f"/accounts/me/email/confirm/?{urlencode({'token': token})}", "confirm-email")
    inspector.open("/orders/?status=CANCELED&q=2031", "none-of-this-kind")
    inspector.open("/orders/?q=2031-01-01", "no-order-found")
    inspector.open("/orders/?status=WAIT_PAYMENT", "orders-to-pay")
    inspector.open("/orders/?q=1", "orders-found")
    visitor.go(visitor.page.locator("article h2 a").first.get_attribute("href"))
    nights = visitor.page.locator(".stay time").evaluate_all(
        "days => days.map(day => day.dateTime.slice(0, 10))"
    )
    home = visitor.page.locator(".order-body h2 a").get_attribute("href")
    inspector.open(f"{home}?check_in={nights[0]}&check_out={nights[1]}", "house-taken")
    states = set()
    for path in found:
        visitor.go(path)
        state = "".join(visitor.page.locator(".next h2, #change h2").all_inner_texts())
        if state not in states:
            states.add(state)
            inspector.look_at(f"order-of-renter-{len(states)}")
        cancel = visitor.page.locator("a[href$='/cancel/']")
        if visitor.pay_button().count() and "cancel-unpaid" not in inspector.seen:
            cancel.click()
            inspector.look_at("cancel-unpaid")
    assert len(states) == 9


def second_factor(inspector, running, standin):
    visitor = inspector.visitor
    page, translated = visitor.page, visitor.translated
    visitor.go("/accounts/login/?next=/accounts/me/")
    visitor.sign_in(FACTOR_STAFF)
    inspector.open("/accounts/me/factors/", "factors-none")
    inspector.open("/accounts/me/factors/app/", "factor-app")
    app = TOTP(b32decode(page.locator(".secret").inner_text().replace(" ", "")))
    app.time = time.time()
    visitor.field("Code that the app shows").fill("000000")
    visitor.click(translated("Confirm"))
    inspector.look_at("factor-app-refused")
    visitor.field("Code that the app shows").fill(f"{app.token():06d}")
    visitor.click(translated("Confirm"))
    inspector.look_at("recovery-codes")
    codes = page.locator(".recovery li").all_inner_texts()
    visitor.click(translated("I've kept them"))
    inspector.look_at("factors")
    visitor.go("/accounts/me/")
    visitor.click(translated("Sign out"))
    visitor.go("/accounts/login/?next=/admin/houses/area/")
    visitor.sign_in()
    inspector.look_at("factor")
    visitor.field("Code of your app, or a recovery code").fill(codes[0])
    visitor.click(translated("Confirm"))
    assert visitor.path() == "/admin/houses/area/"
    inspector.open("/accounts/me/factors/app/remove/", "factor-remove")
    visitor.click(translated("Remove"))
    expect(page.get_by_text(translated("Not set up.")).first).to_be_visible()


def desk(inspector, running, standin):
    visitor = inspector.visitor
    visitor.go("/accounts/login/?next=/admin/calendar/")
    visitor.sign_in(STAFF)
    inspector.look_at("calendar")
    visitor.page.locator(".bar-blocked[href]").first.click()
    inspector.look_at("calendar-with-nights-chosen")
    inspector.open("/admin/numbers/", "numbers")
    inspector.open("/admin/numbers/?first=x", "numbers-refused")
    inspector.open("/admin/month/", "month")
    inspector.open("/admin/auth/group/add/", "permissions")
    if THOROUGH:
        inspector.open("/admin/houses/bookednight/add/", "night")
        inspector.open("/admin/payments/gatewaymessage/", "messages")


WALKS = [anonymous, errors, new_user, paying, renter_with_orders, second_factor, desk]
TURNS = [
    pytest.param(walk, language, js, id=f"{walk.__name__}-{language}{'' if js else '-script-off'}")
    for walk in WALKS
    for language in ("zh-hans", "en")
    for js in (True, False)
    if (THOROUGH and (js or walk is not desk)) or (language == "zh-hans" and js)
]
"""In English and with script off only in `make browser`: the run must stay short."""


@pytest.mark.parametrize(("walk", "language", "js"), TURNS)
def test_every_page_passes_the_checks(visit, running, standin, walk, language, js):
    visitor = visit(**PHONE, language=language, java_script_enabled=js)
    visitor.watch.expected_statuses = {400, 403, 404, 405, 422, 500, 503}
    inspector = Inspector(visitor)
    try:
        walk(inspector, running, standin)
    finally:
        standin.post("faults/clear")
        print(*inspector.problems, sep="\n")  # also if the walk failed
    assert len(inspector.seen) == len(set(inspector.seen))
    assert inspector.problems == []


# One defect for each check of Inspector, on the sign-in page.
DEFECTS = """async () => {
  await new Promise((done) => setTimeout(done, 300));  // after the first paint
  const style = (selector, rules) => Object.assign(document.querySelector(selector).style, rules);
  document.querySelector("label[for=id_password]").removeAttribute("for");
  style("main", { paddingTop: "200px" });
  style("main .button", { outline: "none" });
  style(".rehearsal", { position: "fixed", inset: "30% 0 0 0", zIndex: 50 });
  style("footer span", { color: "light-dark(#ccc, #fff)" });
  style("h1", { color: "light-dark(#111, #333)" });
  style("footer", { width: "700px" });
  style(".skip", { transition: "transform 1s" });
}"""


def test_twin_defects_are_found(visit, site):
    visitor = visit(**PHONE)
    inspector = Inspector(visitor)

    def heavier(route):
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text() + f"/* {randbytes(30_000).hex()} */")

    visitor.page.route("**/css/base*.css", heavier)
    visitor.go("/accounts/login/")
    visitor.page.evaluate(DEFECTS)
    inspector.look_at("spoilt")
    seen = "\n".join(inspector.problems)
    for problem in (
        " bytes",
        "(first view): it jumps",
        "(phone): label |",
        "(phone): color-contrast | Elements must meet minimum color contrast ratio thresholds | span",
        "(phone, dark): color-contrast | Elements must meet minimum color contrast ratio thresholds | h1",
        "(desktop): label |",
        '(phone): focus does not show on <button class="button',
        ' covers <button class="button',
        "(zoomed): 7",
        "(narrow): 7",
        '(reduced motion): <a class="skip"',
    ):
        assert problem in seen, (problem, inspector.problems)
