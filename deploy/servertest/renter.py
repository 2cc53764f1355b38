"""A renter at the site over https, by its forms: books, pays at the stand-in, cancels, looks at pages.

python renter.py book | pay [ORDER] | cancel ORDER | status ORDER | pages N STOPFILE
"""

import itertools
import json
import re
import ssl
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from html.parser import HTMLParser
from http.client import HTTPException
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, HTTPSHandler, ProxyHandler, Request, build_opener

HOST = "stay.example"
SITE = f"https://{HOST}"
RENTER, PASSWORD = "13800000001", "ihome-demo-8"
PAGES = ("/", "/accounts/login/", "/houses/1/", "/livez", "/orders/")
CLIENTS = 4


class Failed(Exception):
    """A page was not as expected; the message says which."""


class Forms(HTMLParser):
    """All forms of a page, each with its address and the fields that stand in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.found.append((given.get("action", ""), {}))
        elif tag == "input" and self.found and "name" in given and _is_sent(given):
            self.found[-1][1][given["name"]] = given.get("value", "on")


def _is_sent(field: dict[str, str]) -> bool:
    return field.get("type") not in ("submit", "checkbox", "radio") or "checked" in field


class Browser:
    """Cookies, a current page, and its forms."""

    def __init__(self) -> None:
        trusted = ssl.create_default_context(cafile=f"/etc/ssl/{HOST}.pem")
        self.opener = build_opener(
            ProxyHandler({}), HTTPSHandler(context=trusted), HTTPCookieProcessor(CookieJar())
        )
        self.address, self.html = SITE, ""

    def open(self, address: str, fields: dict[str, str] | None = None) -> str:
        request = Request(  # noqa: S310  https, and the stand-in on this machine
            urljoin(self.address, address),
            data=urlencode(fields).encode() if fields is not None else None,
            headers={"Referer": self.address, "Accept-Language": "en"},
        )
        with self.opener.open(request, timeout=40) as answer:
            charset = answer.headers.get_content_charset("utf-8")  # Alipay's own pages are in GBK
            self.address, self.html = answer.url, answer.read().decode(charset)
        return self.html

    def submit(self, action: str, /, **typed: str) -> str:
        """Send the form whose address matches, with what stands in it and what is typed."""
        for address, fields in Forms(self.html).found:
            if re.search(action, address):
                return self.open(address or self.address, {**fields, **typed})
        raise Failed(f"no form {action} on {self.address}")

    def sign_in(self) -> None:
        self.open("/accounts/login/")
        self.submit("^$", username=RENTER, password=PASSWORD)
        if urlsplit(self.address).path == "/accounts/login/":
            raise Failed("signing in was refused")


def book(browser: Browser) -> str:
    """Book the first nights that are free at a home with instant booking; return the order's number."""
    for days in range(40, 360, 4):
        browser.open("/houses/1/")
        arrival = date.today() + timedelta(days=days)  # noqa: DTZ011  far from midnight's edge
        leaving = arrival + timedelta(days=2)
        browser.submit("book", check_in=str(arrival), check_out=str(leaving), guests="2")
        found = re.fullmatch(r"/orders/(\d+)/", urlsplit(browser.address).path)
        # Who booked these nights before is led to that order.
        if found and status(browser, found[1]) == {"order": "WAIT_PAYMENT", "payment": None}:
            return found[1]
    raise Failed("nothing could be booked")


def pay(browser: Browser, order: str) -> None:
    browser.open(f"/orders/{order}/")
    browser.submit(f"/payments/{order}/pay/")
    browser.submit("/cashier/", action="pay", buyer="1")
    if not browser.address.startswith(SITE):
        raise Failed(f"the cashier did not send the renter back: {browser.address}")
    wait_for(browser, order, {"payment": "PAID"})


def cancel(browser: Browser, order: str) -> None:
    browser.open(f"/payments/{order}/cancel/")
    browser.submit(f"/payments/{order}/cancel/")
    wait_for(browser, order, {"order": "CANCELED"})


def status(browser: Browser, order: str) -> dict[str, str | None]:
    return dict(json.loads(browser.open(f"/payments/{order}/status/")))


def wait_for(browser: Browser, order: str, expected: dict[str, str | None]) -> None:
    for _ in range(20):
        found = status(browser, order)
        if expected.items() <= found.items():
            return
        time.sleep(1)
    raise Failed(f"order {order} is {found}, not {expected}")


def look(outcomes: Counter[str], slowest: list[float], is_over: Callable[[], bool]) -> None:
    """Open one page after another until it is over."""
    browser = Browser()
    for page in itertools.cycle(PAGES):
        if is_over():
            return
        began = time.monotonic()
        try:
            browser.open(SITE + page)
            outcomes["ok"] += 1
        except HTTPError as error:
            outcomes[f"status {error.code}"] += 1
        except (URLError, OSError, HTTPException) as error:
            outcomes[type(error).__name__] += 1
        slowest.append(time.monotonic() - began)
        time.sleep(0.02)


def pages(least: int, stop: Path) -> None:
    """Look at pages from several clients until the file `stop` exists; fail if one is bad."""
    outcomes: Counter[str] = Counter()
    slowest: list[float] = []

    def is_over() -> bool:
        return stop.exists() and outcomes.total() >= least

    threads = [threading.Thread(target=look, args=(outcomes, slowest, is_over)) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bad = outcomes.total() - outcomes["ok"]
    print(f"{bad} bad of {outcomes.total()} pages, the longest took {max(slowest):.1f} s; {dict(outcomes)}")
    if bad:
        raise Failed("a page was refused")


def main(verb: str, *arguments: str) -> None:
    if verb == "pages":
        return pages(int(arguments[0]), Path(arguments[1]))
    browser = Browser()
    browser.sign_in()
    order = arguments[0] if arguments else book(browser)
    match verb:
        case "pay":
            pay(browser, order)
        case "cancel":
            cancel(browser, order)
        case "status":
            print(json.dumps(status(browser, order)))
            return
    print(order)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (Failed, OSError) as failure:
        raise SystemExit(f"renter: {failure}") from None
