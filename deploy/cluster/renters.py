"""Renters over HTTP: they book, pay, return, cancel, retry, and note what was acknowledged."""

import json
import random
import re
import threading
import time
from collections.abc import Callable
from datetime import date, timedelta
from http.client import HTTPException
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, ProxyHandler, build_opener

from deploy.cluster.counting import Acknowledged
from deploy.servertest.renter import PASSWORD, Browser, Failed

HOMES = (1, 2, 5, 6, 8)
"""Demo homes that are booked at once."""
FIRST_DAY, LAST_DAY, NIGHTS = 40, 340, 2
TRY_AGAIN_SECONDS = 0.3
GIVE_UP_SECONDS = 90
AWAY = (OSError, HTTPException, Failed, ValueError)
"""HTTPError is an OSError."""


class Visitor(Browser):
    def __init__(self, site: str) -> None:
        self.opener = build_opener(ProxyHandler({}), HTTPCookieProcessor(CookieJar()))
        self.site = self.address = site
        self.html = ""

    def sign_in_as(self, mobile: str) -> None:
        self.open(f"{self.site}/accounts/login/")
        self.submit("^$", username=mobile, password=PASSWORD)
        if "/accounts/login/" in self.address:
            raise Failed(f"{mobile} can't sign in")


class Renter(threading.Thread):
    """Books one stay after the other, of nights that no other renter asks for, until it is over."""

    def __init__(
        self, site: str, number: int, of: int, notes: Acknowledged, is_over: threading.Event
    ) -> None:
        super().__init__(daemon=True)
        self.visitor = Visitor(site)
        self.mobile = f"1380000000{number}"
        self.notes, self.is_over = notes, is_over
        days = range(FIRST_DAY + number * NIGHTS, LAST_DAY, of * NIGHTS)
        self.stays = [(home, day) for day in days for home in HOMES]
        self.random = random.Random(number)

    def run(self) -> None:
        for home, day in self.stays:
            if self.is_over.is_set():
                return
            self.stay(home, date.today() + timedelta(days=day))  # noqa: DTZ011

    def stay(self, home: int, arrival: date) -> None:
        order = self.until_done(lambda: self.book(home, arrival))
        if not order:
            return
        self.notes.booked.add(order)
        if not self.until_done(lambda: self.pay(order)):
            return
        self.notes.paid.add(order)
        if self.random.random() < 0.4 and self.until_done(lambda: self.cancel(order)):
            self.notes.cancelled.add(order)

    def until_done(self, step: Callable[[], str | bool | None]) -> str:
        """Repeat what failed, as somebody does who reloads the page. Empty if it can't be done."""
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline:
            try:
                return str(step() or "")
            except AWAY as error:
                self.notes.failures[name_of(error)] += 1
                time.sleep(TRY_AGAIN_SECONDS)
        return ""

    def book(self, home: int, arrival: date) -> str | None:
        """Return the order's number, None if these nights can't be had. Again, it leads to the same order."""
        stay = {"check_in": str(arrival), "check_out": str(arrival + timedelta(days=NIGHTS)), "guests": "2"}
        query = "&".join(f"{name}={value}" for name, value in stay.items())
        self.visitor.open(f"{self.visitor.site}/houses/{home}/?{query}")
        try:
            self.visitor.submit("book", **stay)
        except HTTPError as refusal:
            if refusal.code == 422:
                return None
            raise
        found = re.search(r"/orders/(\d+)/", self.visitor.address)
        return found[1] if found else None

    def pay(self, order: str) -> bool:
        if self.status(order)["payment"] != "PAID":
            self.visitor.open(f"{self.visitor.site}/orders/{order}/")
            self.visitor.submit(f"/payments/{order}/pay/")
            self.visitor.submit("/cashier/", action="pay", buyer="1")  # Alipay sends the renter back
        return self.has_become(order, "payment", "PAID")

    def cancel(self, order: str) -> bool:
        if self.status(order)["order"] != "CANCELED":
            self.visitor.open(f"{self.visitor.site}/payments/{order}/cancel/")
            self.visitor.submit(f"/payments/{order}/cancel/")
        return self.has_become(order, "order", "CANCELED")

    def status(self, order: str) -> dict[str, str | None]:
        return dict(json.loads(self.visitor.open(f"{self.visitor.site}/payments/{order}/status/")))

    def has_become(self, order: str, name: str, expected: str) -> bool:
        found = self.status(order)[name]
        if found != expected:
            raise Failed(f"{name} is {found}")
        return True


def name_of(error: Exception) -> str:
    return f"status {error.code}" if isinstance(error, HTTPError) else type(error).__name__
