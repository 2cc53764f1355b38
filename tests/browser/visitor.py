"""A visitor with a browser: actions on the site, and errors that no page may cause."""

import os
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
from playwright.sync_api import (
    APIResponse,
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    Request,
    Response,
)

from houses.forms import MAX_DAYS_AHEAD

PASSWORD = "ihome-demo-8"  # as seed_demo's
RENTER, STAFF = "13800000001", "13900000000"
INSTANT, ASKED = "江景高层，夜里看得见桥上的灯", "洱海边的白族院子"
ENGLISH_TITLES = {
    INSTANT: "High above the river, with the lights of the bridge at night",
    ASKED: "Bai courtyard by Erhai Lake",
}

PHONE = {
    "viewport": {"width": 375, "height": 812},
    "user_agent": "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/130.0.0.0 Mobile Safari/537.36",
    "is_mobile": True,
    "has_touch": True,
}
WECHAT = {**PHONE, "user_agent": f"{PHONE['user_agent']} MicroMessenger/8.0.48.2580(0x28003035)"}
TABLET = {"viewport": {"width": 768, "height": 1024}}
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
NARROW = {**PHONE, "viewport": {"width": 320, "height": 640}}

POLLING_SCRIPTS = re.compile(r"/js/(status-poll|reload-later)\b")

TODAY = datetime.now(ZoneInfo("Asia/Shanghai")).date()
TIMEOUT_MS = 30_000

# The page's clock runs ten times as fast: it polls, reloads and counts down accordingly.
FAST_CLOCK = """(() => {
  const { now } = Date, { setTimeout } = window, start = now();
  Date.now = () => start + (now() - start) * 10;
  window.setTimeout = (act, ms, ...rest) => setTimeout(act, ms / 10, ...rest);
})();"""
_mobile = count(15000000000)


def new_mobile() -> str:
    return str(next(_mobile))


@dataclass
class Watch:
    """Collects script errors, Content-Security-Policy violations, and bad or failed responses."""

    site: str
    problems: list[str] = field(default_factory=list)
    expected_statuses: set[int] = field(default_factory=set)

    def over(self, context: BrowserContext) -> None:
        context.on("console", self._logged)
        context.on("weberror", lambda error: self.problems.append(f"script: {error.error}"))
        context.on("response", self._responded)
        context.on("requestfailed", self._failed)
        context.add_init_script(
            "document.addEventListener('securitypolicyviolation', (event) => console.error("
            "`Content-Security-Policy: ${event.violatedDirective} forbids ${event.blockedURI}`))"
        )

    def _logged(self, message: ConsoleMessage) -> None:
        # Statuses from 400 on are reported here too; _responded() knows which are expected.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.problems.append(f"console on {message.location.get('url')}: {message.text}")

    def _responded(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected_statuses:
            self.problems.append(f"{response.status} for {response.url}")
        if response.url.startswith(self.site) and response.headers.get("content-type", "").startswith(
            "text/html"
        ):
            policy = response.headers.get("content-security-policy", "")
            if "default-src 'self'" not in policy or "unsafe" in policy:
                self.problems.append(f"the policy of {response.url} is {policy!r}")

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the browser went on to another page
            self.problems.append(f"{request.failure} for {request.url}")


class Visitor:
    """A browser context. `go` and clicks act on `page`; `look` checks it and keeps a screenshot."""

    _free_from = TODAY + timedelta(days=120)  # seed_demo books earlier days

    def __init__(
        self,
        browser: Browser,
        site: str,
        shots: Path,
        *,
        language: str = "zh-hans",
        fast_clock: bool = False,
        **options: object,
    ) -> None:
        self.site = site
        self.language = language
        self.has_script = bool(options.get("java_script_enabled", True))
        self.watch = Watch(site)
        self._context = browser.new_context(
            base_url=site, locale="zh-CN", timezone_id="Asia/Shanghai", reduced_motion="reduce", **options
        )
        self._context.set_default_timeout(TIMEOUT_MS)
        if fast_clock:
            self._context.add_init_script(FAST_CLOCK)
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

    # Navigation

    def go(self, path: str) -> Response:
        try:
            response = self.page.goto(path)
        except Error as error:
            if self.has_script or "ERR_ABORTED" not in error.message:
                raise
            response = self.page.goto(path)  # a page that waits for news reloaded itself meanwhile
        assert response is not None
        return response

    def new_tab(self, path: str) -> Page:
        tab = self._context.new_page()
        tab.goto(path)
        return tab

    def click(self, label: str) -> None:
        """Click the link or button with exactly this label, the last one if there are several.

        A home is named by its Chinese title, whatever the language.
        """
        if self.language == "en":
            label = ENGLISH_TITLES.get(label, label)
        found = self.page.get_by_role("link", name=label, exact=True)
        found.or_(self.page.get_by_role("button", name=label, exact=True)).last.click()
        self.page.wait_for_load_state()

    def path(self) -> str:
        assert self.page.url.startswith(self.site), self.page.url
        return urlsplit(self.page.url).path

    # Actions, with labels in the visitor's language

    def translated(self, english: str) -> str:
        with translation.override(self.language):
            return translation.gettext(english)

    def field(self, english: str) -> Locator:
        return self.page.get_by_label(self.translated(english), exact=True)

    def sign_up(self) -> None:
        """Sign up as a new user on the open sign-up page, which then redirects."""
        self.mobile = new_mobile()
        self.field("Mobile number").fill(self.mobile)
        self.field("Password").fill(PASSWORD)
        self.click(self.translated("Sign up"))
        self.type_code()

    def type_code(self) -> None:
        """Type the code that a rehearsal site shows in its banner."""
        self.field("Code").fill(self.page.locator(".rehearsal strong").inner_text())
        self.click(self.translated("Confirm"))

    def sign_in(self, mobile: str = "") -> None:
        self.mobile = mobile or self.mobile
        self.field("Mobile number").fill(self.mobile)
        self.field("Password").fill(PASSWORD)
        self.click(self.translated("Sign in"))

    def lose_session(self, keep: str = "") -> None:
        """Drop all cookies but `keep`, as when a wallet app opens the return in another browser."""
        kept = [cookie for cookie in self._context.cookies() if cookie["name"] == keep]
        self._context.clear_cookies()
        self._context.add_cookies(kept)

    def free_days(self, nights: int) -> tuple[date, date]:
        """Return check-in and check-out of a free stay; each call returns later days."""
        first = Visitor._free_from
        assert first + timedelta(days=nights) < TODAY + timedelta(days=MAX_DAYS_AHEAD), (
            "no free days are left"
        )
        Visitor._free_from += timedelta(days=max(nights, 1))
        return first, first + timedelta(days=nights)

    def choose_nights(self, nights: int = 2) -> None:
        check_in, check_out = self.free_days(nights)
        self.field("Check-in").fill(str(check_in))
        self.field("Check-out").fill(str(check_out))

    def book(self, title: str = INSTANT, nights: int = 2) -> str:
        """Book a house, which opens the order's page; return the order's number."""
        self.go("/")
        self.click(title)
        self.choose_nights(nights)
        self.click(self.translated("Book"))
        return self.number()

    def start_with_order(self, title: str = INSTANT, nights: int = 2) -> str:
        """Sign up and book a house without drawing their pages, open the order's page; return its number."""
        self.join()
        front = self._context.request.get("/").text()
        (house,) = re.findall(rf'href="(/houses/[0-9]+/)"[^>]*><span>{title}<', front)
        check_in, check_out = self.free_days(nights)
        answer = self._post(f"{house}book/", check_in=str(check_in), check_out=str(check_out), guests="1")
        self.go(answer.headers["location"])
        return self.number()

    def join(self) -> None:
        """Sign up as a new user without drawing the pages."""
        self.mobile = str(next(_mobile))
        self._context.request.get("/accounts/signup/")  # brings the CSRF cookie
        page = self._post("/accounts/signup/", username=self.mobile, password=PASSWORD).text()
        hidden = re.findall(r'type="hidden" name="(username|proof|draft)" value="([^"]+)"', page)
        (code,) = re.findall(r"<strong[^>]*>([0-9]{6})</strong>", page)
        assert self._post("/accounts/signup/", **dict(hidden), code=code).status == 302

    def _post(self, path: str, **form: str) -> APIResponse:
        (token,) = [each["value"] for each in self._context.cookies() if each["name"] == "csrftoken"]
        form["csrfmiddlewaretoken"] = token
        return self._context.request.post(path, form=form, max_redirects=0)

    def number(self) -> str:
        found = re.fullmatch(r"/orders/([0-9]{14})/", self.path())
        assert found, self.page.url
        return found[1]

    def pay_button(self) -> Locator:
        labels = "|".join(re.escape(self.translated(each)) for each in ("Pay", "Continue payment"))
        return self.page.get_by_role("button", name=re.compile(f"^({labels})$"))

    def at_cashier(self, press: Callable[[], object]) -> list[Request]:
        """Call `press`, which opens the cashier; return the requests of the redirects, the form's first."""
        with self.page.expect_response(re.compile(r"//localhost:[0-9]+/cashier/")) as cashier:
            press()
        self.page.wait_for_load_state()
        requests = [cashier.value.request]
        while requests[0].redirected_from:
            requests.insert(0, requests[0].redirected_from)
        return requests

    def press_pay(self) -> list[Request]:
        return self.at_cashier(self.pay_button().last.click)

    def pay(self, action: str = "pay") -> None:
        """Click the cashier's button with this id."""
        self.page.locator(f"button#{action}").click()
        self.page.wait_for_load_state()

    def posts_to(self, path: str) -> list[Request]:
        """Return a list that collects the POST requests to `path` from now on."""
        posts: list[Request] = []
        wanted = ("POST", self.site + path)
        self._context.on("request", lambda r: posts.append(r) if (r.method, r.url) == wanted else None)
        return posts

    def wait_for(self, look: Callable[[], str], wanted: str) -> None:
        """Call `look` until it returns `wanted`. Raises AssertionError after TIMEOUT_MS."""
        for _ in range(TIMEOUT_MS // 500):
            if look() == wanted:
                return
            self.page.wait_for_timeout(500)
        raise AssertionError(f"still {look()!r}, not {wanted!r}")

    # Checks

    def status(self) -> str:
        """Return the stage on the page's only pill, without the day of check-in."""
        return self.page.locator(".pill").inner_text().strip().split(" · ")[0]

    def look(self, name: str) -> None:
        """Assert that the page is not too wide, and keep a full-page screenshot."""
        assert not self.overflow(), f"{name}: {self.overflow()}"
        with self.tall_screen():
            self.keep_picture(f"{next(self._numbers):02}-{name}")

    def overflow(self) -> str:
        """Return a description of horizontal overflow, "" if there is none."""
        self.page.wait_for_load_state()  # right after a click the new document may be empty
        width = self.page.evaluate("document.documentElement.scrollWidth")
        window = self.page.viewport_size["width"]
        return f"{width} px on a screen of {window} px" if width > window else ""

    @contextmanager
    def tall_screen(self) -> Iterator[None]:
        """Make the viewport as tall as the page."""
        window = self.page.viewport_size
        height = self.page.evaluate("document.documentElement.scrollHeight")
        self.page.set_viewport_size({"width": window["width"], "height": max(height, window["height"])})
        yield
        self.page.set_viewport_size(window)

    def keep_picture(self, name: str) -> None:
        """Keep a screenshot if PICTURES is set: a third of the time of a walk is spent on them."""
        if "PICTURES" in os.environ:
            self.page.screenshot(path=self._shots / f"{name}.png", animations="disabled")


@contextmanager
def visiting(browser: Browser, site: str, shots: Path, **options: object) -> Iterator[Visitor]:
    visitor = Visitor(browser, site, shots, **options)
    try:
        yield visitor
    finally:
        visitor.close()
    assert visitor.watch.problems == []
