"""Somebody with a browser: what they do on the site, and what must never happen meanwhile."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import translation
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, Response

from houses.forms import FURTHEST_DAYS

PASSWORD = "ihome-demo-8"  # as seed_demo's
RENTER, STAFF = "13800000001", "13900000000"
INSTANT, ASKED = "江景高层，夜里看得见桥上的灯", "洱海边的白族院子"

PHONE = {
    "viewport": {"width": 375, "height": 812},
    "user_agent": "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/130.0.0.0 Mobile Safari/537.36",
    "is_mobile": True,
    "has_touch": True,
}
WECHAT = {**PHONE, "user_agent": f"{PHONE['user_agent']} MicroMessenger/8.0.48.2580(0x28003035)"}
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
NARROW = {**PHONE, "viewport": {"width": 320, "height": 640}}

PATIENCE = re.compile(r"/js/(status-poll|reload-later)\b")
"""What makes a page look again."""

TODAY = datetime.now(ZoneInfo("Asia/Shanghai")).date()
TIMEOUT_MS = 30_000
_mobile = count(15000000000)


@dataclass
class Watch:
    """What went wrong behind the pages: scripts, the Content-Security-Policy, refused or failed requests."""

    site: str
    troubles: list[str] = field(default_factory=list)
    expected_statuses: set[int] = field(default_factory=set)

    def over(self, context: BrowserContext) -> None:
        context.on("console", self._heard)
        context.on("weberror", lambda error: self.troubles.append(f"script: {error.error}"))
        context.on("response", self._answered)
        context.on("requestfailed", self._failed)
        context.add_init_script(
            "document.addEventListener('securitypolicyviolation', (event) => console.error("
            "`Content-Security-Policy: ${event.violatedDirective} forbids ${event.blockedURI}`))"
        )

    def _heard(self, message: ConsoleMessage) -> None:
        # A status of 400 and more is heard here too, in words; _answered() knows which were expected.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.troubles.append(f"console on {message.location.get('url')}: {message.text}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected_statuses:
            self.troubles.append(f"{response.status} for {response.url}")
        if response.url.startswith(self.site) and response.headers.get("content-type", "").startswith(
            "text/html"
        ):
            policy = response.headers.get("content-security-policy", "")
            if "default-src 'self'" not in policy or "unsafe" in policy:
                self.troubles.append(f"the policy of {response.url} is {policy!r}")

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the browser went on to another page
            self.troubles.append(f"{request.failure} for {request.url}")


class Visitor:
    """A browser context of its own. `go` and clicks act on `page`; `look` keeps what it shows."""

    _free_from = TODAY + timedelta(days=120)  # seed_demo books before

    def __init__(
        self, browser: Browser, site: str, shots: Path, *, language: str = "zh-hans", **options: object
    ) -> None:
        self.site = site
        self.language = language
        self.watch = Watch(site)
        self._context = browser.new_context(
            base_url=site, locale="zh-CN", timezone_id="Asia/Shanghai", reduced_motion="reduce", **options
        )
        self._context.set_default_timeout(TIMEOUT_MS)
        if language != settings.LANGUAGE_CODE:
            self._context.add_cookies(
                [{"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": site}]
            )
        self.watch.over(self._context)
        self._shots = shots
        self._numbers = count(1)
        self.page = self._context.new_page()
        self.mobile = ""

    def close(self) -> None:
        self._context.close()

    # Where to go

    def go(self, path: str) -> Response:
        response = self.page.goto(path)
        assert response is not None
        return response

    def new_tab(self, path: str) -> Page:
        tab = self._context.new_page()
        tab.goto(path)
        return tab

    def click(self, words: str) -> None:
        """Presses the link or button with exactly these words; the page's, where the top bar has it too."""
        found = self.page.get_by_role("link", name=words, exact=True)
        found.or_(self.page.get_by_role("button", name=words, exact=True)).last.click()
        self.page.wait_for_load_state()

    def path(self) -> str:
        assert self.page.url.startswith(self.site), self.page.url
        return urlsplit(self.page.url).path

    # What people do; the words are those of the visitor's language

    def words(self, english: str) -> str:
        with translation.override(self.language):
            return translation.gettext(english)

    def field(self, english: str) -> Locator:
        return self.page.get_by_label(self.words(english), exact=True)

    def sign_up(self) -> None:
        """As somebody new, from the page that asks for it; lands where they were going."""
        self.mobile = str(next(_mobile))
        self.field("Mobile number").fill(self.mobile)
        self.field("Password").fill(PASSWORD)
        self.click(self.words("Sign up"))

    def sign_in(self, mobile: str = "") -> None:
        self.mobile = mobile or self.mobile
        self.field("Mobile number").fill(self.mobile)
        self.field("Password").fill(PASSWORD)
        self.click(self.words("Sign in"))

    def lose_session(self, keep: str = "") -> None:
        """All cookies are gone but one, as when a wallet opens the return in another browser."""
        kept = [cookie for cookie in self._context.cookies() if cookie["name"] == keep]
        self._context.clear_cookies()
        self._context.add_cookies(kept)

    def free_days(self, nights: int) -> tuple[date, date]:
        """Check-in and check-out of a stay that nobody has booked yet: each call gives later ones."""
        first = Visitor._free_from
        assert first + timedelta(days=nights) < TODAY + timedelta(days=FURTHEST_DAYS), "no free days are left"
        Visitor._free_from += timedelta(days=max(nights, 1))
        return first, first + timedelta(days=nights)

    def choose_nights(self, nights: int = 2) -> None:
        check_in, check_out = self.free_days(nights)
        self.field("Check-in").fill(str(check_in))
        self.field("Check-out").fill(str(check_out))

    def book(self, title: str = INSTANT, nights: int = 2) -> str:
        """Books a house; its order's page is open then. The order's number."""
        self.go("/")
        self.click(title)
        self.choose_nights(nights)
        self.click(self.words("Book"))
        return self.number()

    def start_with_order(self, title: str = INSTANT, nights: int = 2) -> str:
        """Somebody new with one order, on its page. Its number."""
        self.go("/accounts/signup/")
        self.sign_up()
        return self.book(title, nights)

    def number(self) -> str:
        found = re.fullmatch(r"/orders/([0-9]{14})/", self.path())
        assert found, self.page.url
        return found[1]

    def pay_button(self) -> Locator:
        words = "|".join(re.escape(self.words(each)) for each in ("Pay", "Continue to pay"))
        return self.page.get_by_role("button", name=re.compile(f"^({words})$"))

    def at_cashier(self, press: Callable[[], object]) -> list[Request]:
        """`press` leads to Alipay's cashier. The requests on the way, the form's first."""
        with self.page.expect_response(re.compile(r"//localhost:[0-9]+/cashier/")) as cashier:
            press()
        self.page.wait_for_load_state()
        way = [cashier.value.request]
        while way[0].redirected_from:
            way.insert(0, way[0].redirected_from)
        return way

    def press_pay(self) -> list[Request]:
        return self.at_cashier(self.pay_button().last.click)

    def pay(self, action: str = "pay") -> None:
        """What the button of the cashier with this id does."""
        self.page.locator(f"button#{action}").click()
        self.page.wait_for_load_state()

    def posts_to(self, path: str) -> list[Request]:
        """Fills up with the requests that are posted there from now on."""
        posts: list[Request] = []
        wanted = ("POST", self.site + path)
        self._context.on("request", lambda r: posts.append(r) if (r.method, r.url) == wanted else None)
        return posts

    def wait_for(self, look: Callable[[], str], wanted: str) -> None:
        """Looks again until it is so."""
        for _ in range(TIMEOUT_MS // 500):
            if look() == wanted:
                return
            self.page.wait_for_timeout(500)
        raise AssertionError(f"still {look()!r}, not {wanted!r}")

    # What they see

    def status(self) -> str:
        """The words of the only status pill of the page."""
        return self.page.locator(".pill").inner_text().strip()

    def look(self, name: str) -> None:
        """Nothing sticks out sideways; what the page shows is kept, as on a tall screen."""
        assert not self.sticks_out(), f"{name}: {self.sticks_out()}"
        with self.tall_screen():
            self.keep_picture(f"{next(self._numbers):02}-{name}")

    def sticks_out(self) -> str:
        """How far the page goes beyond the screen's side; empty if it doesn't."""
        width = self.page.evaluate("document.documentElement.scrollWidth")
        window = self.page.viewport_size["width"]
        return f"{width} px on a screen of {window} px" if width > window else ""

    @contextmanager
    def tall_screen(self) -> Iterator[None]:
        """The whole page is in sight."""
        window = self.page.viewport_size
        height = self.page.evaluate("document.documentElement.scrollHeight")
        self.page.set_viewport_size({"width": window["width"], "height": max(height, window["height"])})
        yield
        self.page.set_viewport_size(window)

    def keep_picture(self, name: str) -> None:
        self.page.screenshot(path=self._shots / f"{name}.png", animations="disabled")


@contextmanager
def visiting(browser: Browser, site: str, shots: Path, **options: object) -> Iterator[Visitor]:
    visitor = Visitor(browser, site, shots, **options)
    try:
        yield visitor
    finally:
        visitor.close()
    assert visitor.watch.troubles == []
