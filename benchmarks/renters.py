"""Renters for hours: they look around, book, pay, come back or not, cancel, and note what was confirmed."""

import http.client
import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

from django.db import connection
from django.utils import timezone

from benchmarks.environment import SITE_URL
from benchmarks.serving import HOST
from benchmarks.standin import Alipay
from benchmarks.wsgi import Browser
from deploy.cluster.counting import Acknowledged
from tests import make

FIRST_DAY, STAYS = 20, 40
"""Stays of one renter in one home; then comes another."""
PATIENCE_SECONDS = 90
PAGES = ("/", "/orders/", "/accounts/me/", "/houses/favourites/")


class NotNow(Exception):
    """An answer that asks to come again: 503, or a page that does not say yet what it should."""


@dataclass
class Notes(Acknowledged):
    """Changes that the site has confirmed, its answers, and what went wrong.

    `paid` has the attempts whose notice was answered `success`.
    """

    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{super().__str__()}, {self.answers.total()} answers"


class Renter(threading.Thread):
    """One after the other: a renter with a home of their own, and stays on nights of their own."""

    def __init__(
        self, port: int, alipay: Alipay, number: int, seed: int, notes: Notes, over: threading.Event
    ) -> None:
        super().__init__(daemon=True)
        self._line = http.client.HTTPConnection(HOST, port, timeout=60)
        self._alipay, self._notes, self._over = alipay, notes, over
        self._dice = random.Random(f"{seed} {number}")
        self._browser: Browser
        self._house = 0

    def run(self) -> None:
        while not self._over.is_set():
            if not self._until_done(self._begin):
                continue
            for number in range(STAYS):
                if self._over.is_set():
                    break
                self._stay(number)
                time.sleep(self._dice.uniform(0, 0.5))
        connection.close()

    def _begin(self) -> bool:
        self._house = make.house(instant_book=True).pk
        self._browser = Browser.of(make.user())
        return True

    def _stay(self, number: int) -> None:
        day = timezone.localdate() + timedelta(days=FIRST_DAY + number)
        order = str(self._until_done(lambda: self._book(str(day), str(day + timedelta(days=1)))) or "")
        if not order:
            return
        self._notes.booked.add(order)
        what = self._dice.random()
        if what < 0.9:
            self._until_done(lambda: self._pay(order))
        self._until_done(lambda: self._ask("GET", self._dice.choice([*PAGES, f"/houses/{self._house}/"])))
        if (what < 0.15 or what > 0.85) and self._until_done(lambda: self._cancel(order)):
            self._notes.cancelled.add(order)

    def _until_done(self, step: Callable[[], object]) -> object:
        """Try again what failed, as somebody does who reloads the page."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                return step()
            except NotNow:
                pass
            except Exception as error:  # also of the database, where this one makes a house
                self._notes.failures[type(error).__name__] += 1
                self._line.close()
            time.sleep(0.3)
        self._notes.wrong.append(f"given up after {PATIENCE_SECONDS} s")
        return None

    def _book(self, check_in: str, check_out: str) -> str:
        stay = {"check_in": check_in, "check_out": check_out, "guests": "1"}
        location = self._post(f"/houses/{self._house}/book/", stay)
        if location.startswith("/orders/"):
            return location.rstrip("/").rpartition("/")[2]
        return ""  # an answer that was lost: the order is there, and holds the night

    def _pay(self, order: str) -> bool:
        status = json.loads(self._ask("GET", f"/payments/{order}/status/")[1])
        if status["order"] != "WAIT_PAYMENT":
            return True
        link = self._post(f"/payments/{order}/pay/", {})
        if "gateway.do" not in link:
            raise NotNow
        self._alipay.open_pay_link(link)
        (content,) = parse_qs(urlsplit(link).query)["biz_content"]
        trade = json.loads(content)["out_trade_no"]
        self._alipay.pay(trade)
        self._come_back(trade)
        return True

    def _come_back(self, trade: str) -> None:
        """By notice, once, twice or never, and by the browser or not: the sweep finds what is left."""
        notice, back = self._alipay.signed_notify(trade), self._alipay.signed_return(trade)
        for _ in range(self._dice.choice([0, 1, 1, 1, 2])):
            if self._ask("POST", "/payments/notify/", notice, cookies="")[1] == b"success":
                self._notes.paid.add(trade)
        if self._dice.random() < 0.7:
            self._ask("GET", f"/payments/paycomplete/?{back}")

    def _cancel(self, order: str) -> bool:
        status = json.loads(self._ask("GET", f"/payments/{order}/status/")[1])["order"]
        if status != "CANCELED":
            path = f"/payments/{order}/cancel/"
            agreed = re.findall(
                rb'name="(comes_back_fen|stays_fen)" value="(\d+)"', self._ask("GET", path)[1]
            )
            self._post(path, {name.decode(): fen.decode() for name, fen in agreed})
            raise NotNow  # look again
        return True

    def _post(self, path: str, fields: dict[str, str]) -> str:
        body = urlencode({**fields, "csrfmiddlewaretoken": self._browser.csrf_token}).encode()
        return self._ask("POST", path, body)[0]

    def _ask(
        self, method: str, path: str, body: bytes = b"", cookies: str | None = None
    ) -> tuple[str, bytes]:
        headers = {"Cookie": self._browser.cookies if cookies is None else cookies}
        if method == "POST":
            headers |= {"Origin": SITE_URL, "Content-Type": "application/x-www-form-urlencoded"}
        self._line.request(method, path, body, headers)
        answer = self._line.getresponse()
        text = answer.read()
        self._notes.answers[str(answer.status)] += 1
        if answer.status >= 500 and answer.status != 503:
            self._notes.wrong.append(f"{method} {path.partition('?')[0]}: {answer.status}")
        if answer.status >= 500:
            raise NotNow
        return answer.getheader("Location") or "", text
