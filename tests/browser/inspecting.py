"""Page checks: screen sizes, light and dark, accessibility rules, keyboard, size, layout shift."""

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.resources import files
from typing import Any

from playwright.sync_api import Request

from tests.browser.visitor import DESKTOP, NARROW, PHONE, TABLET, Visitor

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
CONTRAST = ["color-contrast", "link-in-text-block"]
WITHOUT_SCRIPT = ["meta-refresh"]
"""Pages that wait for Alipay can't look for news in any other way. They have a button for it too."""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
ZOOMED = {"width": DESKTOP["viewport"]["width"] // 2, "height": DESKTOP["viewport"]["height"] // 2}
THOROUGH = "PICTURES" in os.environ
"""As `make browser` runs: each page on all screens, light and dark, in both languages, script on and off."""
FIRST_VIEW_BYTES = 60_000
FIRST_VIEW_BYTES_WITH_PHOTOS = 300_000
SHIFT = 0.01

RUN_AXE = """async (options) => {
  const { violations } = await axe.run(document, { ...options, preload: false, resultTypes: ["violations"] });
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, any, all, none }) =>
      [id, help, target.join(" "), ...[...any, ...all, ...none].map((check) => check.message)].join(" | ")));
}"""

# With script off, a page's timers and frames never come, which axe and SCROLL wait for.
RUN_TIMERS_AT_ONCE = """() => {
  window.setTimeout = (act) => { Promise.resolve().then(act); };
  window.requestAnimationFrame = window.setTimeout;
}"""

# Scrolls to the end, which loads lazy photos, and back.
SCROLL = """async () => {
  const painted = () => new Promise((done) => {
    requestAnimationFrame(() => requestAnimationFrame(done));
    setTimeout(done, 2000); // hidden pages are not painted
  });
  await painted();
  scrollTo(0, document.documentElement.scrollHeight);
  await new Promise((done) => setTimeout(done, 100));
  await painted();
  scrollTo(0, 0);
}"""

# Second of the first paint. Until then the page before may still move, such as for another screen size.
DRAWN = "(performance.timeOrigin + (performance.getEntriesByType('paint')[0]?.startTime ?? Infinity)) / 1000"

# Focuses each element that the keyboard reaches: it must show its focus, and nothing may cover it.
FOCUS_EACH = """() => {
  const all = "a[href], button:enabled, input:enabled:not([type=hidden]), select, textarea, [tabindex='0']";
  const outlined = (style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const named = (element) => element?.outerHTML.slice(0, 120) ?? "the edge of the screen";
  // In a table or navigation that scrolls sideways, a part has to be in sight, beside the column that stays.
  const inSight = (element) => {
    const { left, right, top, bottom } = element.getBoundingClientRect();
    const region = element.closest("td, nav")?.closest("nav, [role=region][tabindex='0']");
    if (!region || region.scrollWidth <= region.clientWidth) return { left, right, top, bottom };
    const edges = region.getBoundingClientRect();
    const column = parseFloat(getComputedStyle(region).scrollPaddingLeft) || 0;
    return { left: Math.max(left, edges.left + column), right: Math.min(right, edges.right), top, bottom };
  };
  const problems = [];
  const elements = [...document.querySelectorAll(all)];
  for (const element of [...elements, ...elements.toReversed()]) {
    if (element.tabIndex < 0 || !element.checkVisibility({ visibilityProperty: true })) continue;
    element.focus();
    const shown = element.type === "radio" ? element.nextElementSibling : element; // a star is its label
    const styles = [getComputedStyle(shown), getComputedStyle(shown, "::after")];
    if (!styles.some(outlined)) problems.push(`focus does not show on ${named(element)}`);
    const { left, right, top, bottom } = inSight(shown);
    if (right - left < innerWidth && (left < -1 || right > innerWidth + 1))
      problems.push(`${named(element)} is partly out of sight`);
    const x = (Math.max(left, 0) + Math.min(right, innerWidth)) / 2;
    const y = (Math.max(top, 0) + Math.min(bottom, innerHeight)) / 2;
    const seen = document.elementFromPoint(x, y);
    if (!shown.contains(seen) && !seen?.contains(shown))
      problems.push(`${named(seen)} covers ${named(element)}`);
  }
  document.activeElement.blur();
  for (const element of document.querySelectorAll("main *")) element.scrollLeft = 0;
  scrollTo(0, 0);
  return problems;
}"""

MOVING = """() => [...document.querySelectorAll("*")].filter((element) => {
  const style = getComputedStyle(element);
  const seconds = (list) => Math.max(...list.split(",").map(parseFloat));
  const animated = style.animationName !== "none" && seconds(style.animationDuration) > 0;
  return animated || seconds(style.transitionDuration) > 0;
}).map((element) => element.outerHTML.slice(0, 120))"""


class Inspector:
    """Checks the pages that a visitor opens; `problems` collects the findings."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.page = visitor.page
        self.problems: list[str] = []
        self.seen: list[str] = []
        self._first_view: list[Request] = []
        self._arrived: set[Request] = set()
        self._failed: set[Request] = set()
        self._shifts: list[tuple[float, float]] = []
        self.page.on("request", self._started)
        self.page.on("requestfinished", lambda request: self._arrived.add(request))
        self.page.on("requestfailed", lambda request: self._failed.add(request))
        browser = self.page.context.new_cdp_session(self.page)
        browser.send("Network.enable")
        browser.send("Network.setCacheDisabled", {"cacheDisabled": True})
        # All layout shifts: the usual CLS score excludes those right after input.
        browser.on("PerformanceTimeline.timelineEventAdded", self._shifted)
        browser.send("PerformanceTimeline.enable", {"eventTypes": ["layout-shift"]})

    def open(self, path: str, name: str) -> None:
        self.visitor.go(path)
        assert self.page.url.removeprefix(self.visitor.site) == path, f"{path} led to {self.page.url}"
        assert self.page.evaluate("scrollY") == 0 or "#" in path, f"{path} does not begin at its top"
        self.look_at(name)

    def look_at(self, name: str) -> None:
        """Check the open page on every screen size."""
        self._name = f"{len(self.seen) + 1:02}-{name}"
        self.seen.append(name)
        self.page.wait_for_load_state()
        with ExitStack() as stack:
            if not self.visitor.has_script:
                stack.enter_context(self._kept_still())
            self._check_everywhere()

    @contextmanager
    def _kept_still(self) -> Iterator[None]:
        """With script off, keep a page that waits for news from reloading, and let no check wait."""
        self.page.evaluate(RUN_TIMERS_AT_ONCE)
        address = self.page.url.partition("#")[0]

        def is_open_page(url: str) -> bool:
            return url == address

        self.page.route(is_open_page, lambda route: route.abort("aborted"))
        yield
        self.page.unroute(is_open_page)

    def _check_everywhere(self) -> None:
        self._check_first_view()
        self.page.evaluate(AXE)
        for screen, device in self._screens():
            self.page.set_viewport_size(device["viewport"])
            self._check_keyboard(screen)
            with self.visitor.tall_screen():
                self._check_schemes(screen)
        for screen, size in (("zoomed", ZOOMED), ("narrow", NARROW["viewport"])):
            self.page.set_viewport_size(size)
            self._check_width(screen)
        self.page.set_viewport_size(PHONE["viewport"])

    def _screens(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the screens to check whole: in a hurry, English pages on a phone alone."""
        phone, desktop = ("phone", PHONE), ("desktop", DESKTOP)
        if THOROUGH:
            return [("narrow", NARROW), phone, ("tablet", TABLET), desktop]
        return [phone, desktop] if self.visitor.language == "zh-hans" else [phone]

    def _started(self, request: Request) -> None:
        if request.is_navigation_request():
            self._first_view.clear()
            self._shifts.clear()
        self._first_view.append(request)

    def _shifted(self, event: dict[str, Any]) -> None:
        self._shifts.append((event["event"]["time"], event["event"]["layoutShiftDetails"]["value"]))

    def _check_first_view(self) -> None:
        requests = self._finished_requests()
        weight = sum(map(_bytes_of, requests))
        self._expect(weight < FIRST_VIEW_BYTES, "first view", f"{weight} bytes")
        photos = [request for request in self._first_view if _is_photo(request) and request in self._arrived]
        weight += sum(map(_bytes_of, photos))
        self._expect(weight < FIRST_VIEW_BYTES_WITH_PHOTOS, "first view", f"{weight} bytes with photos")
        self.page.evaluate(SCROLL)
        if not self.visitor.has_script:
            self.page.wait_for_timeout(200)  # SCROLL did not wait for anything to be drawn
        drawn = self.page.evaluate(DRAWN)
        shift = sum(value for at, value in self._shifts if at > drawn)  # earlier ones are of the page before
        self._expect(shift < SHIFT, "first view", f"it jumps by {shift}")
        for moving in self.page.evaluate(MOVING):
            self._expect(False, "reduced motion", moving)

    def _finished_requests(self) -> list[Request]:
        """Return the finished requests of the first view, without photos.

        Waits five seconds at most: requests that a navigation cancelled never report their end.
        """
        requests = [request for request in self._first_view if not _is_photo(request)]
        for _ in range(50):
            if self._arrived.issuperset(set(requests) - self._failed):
                break
            self.page.wait_for_timeout(100)
        return [request for request in requests if request in self._arrived]

    def _check_keyboard(self, screen: str) -> None:
        self._check_width(screen)
        self.page.keyboard.press("Tab")  # enables :focus-visible, as for keyboard users
        for problem in self.page.evaluate(FOCUS_EACH):
            self._expect(False, screen, problem)

    def _check_schemes(self, screen: str) -> None:
        """In a hurry, English pages are not checked for colours, which no text changes."""
        hurried = not (THOROUGH or self.visitor.language == "zh-hans")
        without = [*(CONTRAST if hurried else ()), *(() if self.visitor.has_script else WITHOUT_SCRIPT)]
        self._check_rules(screen, {"type": "tag", "values": RULES}, without)
        self.visitor.keep_picture(f"{self._name}-{screen}-light")
        if hurried or (screen == "desktop" and not THOROUGH):
            return
        self.page.emulate_media(color_scheme="dark")
        self._check_rules(f"{screen}, dark", {"type": "rule", "values": CONTRAST})
        self.visitor.keep_picture(f"{self._name}-{screen}-dark")
        self.page.emulate_media(color_scheme="light")

    def _check_width(self, screen: str) -> None:
        self._expect(not self.visitor.overflow(), screen, self.visitor.overflow())

    def _check_rules(self, screen: str, rules: dict[str, Any], without: Iterable[str] = ()) -> None:
        options = {"runOnly": rules, "rules": {rule: {"enabled": False} for rule in without}}
        for violation in self.page.evaluate(RUN_AXE, options):
            self._expect(False, screen, violation)

    def _expect(self, ok: bool, screen: str, problem: str) -> None:
        if not ok:
            self.problems.append(f"{self._name} ({screen}): {problem}")


def _is_photo(request: Request) -> bool:
    return "/media/" in request.url


def _bytes_of(request: Request) -> int:
    sizes = request.sizes()
    return sizes["responseBodySize"] + sizes["responseHeadersSize"]
