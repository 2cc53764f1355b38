"""Probes: renters who open pages, or save a home, all the time. They measure for how long that failed."""

import re
import threading
import time
from itertools import cycle, pairwise
from typing import NamedTuple

from deploy.cluster.renters import AWAY, Visitor, name_of
from deploy.servertest.renter import Failed

PAUSE_SECONDS = 0.05
PAGES = ("/houses/1/", "/orders/", "/")


class Answer(NamedTuple):
    at: float
    seconds: float
    failure: str


class Probe(threading.Thread):
    def __init__(self, site: str, mobile: str, is_over: threading.Event) -> None:
        super().__init__(daemon=True)
        self.visitor, self.mobile, self.is_over = Visitor(site), mobile, is_over
        self.answers: list[Answer] = []

    def run(self) -> None:
        for turn in cycle(range(6)):
            if self.is_over.wait(PAUSE_SECONDS):
                return
            began = time.monotonic()
            failure = ""
            try:
                self.ask(turn)
            except AWAY as error:
                failure = name_of(error)
            now = time.monotonic()
            self.answers.append(Answer(now, now - began, failure))

    def ask(self, turn: int) -> None:
        raise NotImplementedError

    def longest_gap(self, since: float, until: float) -> float:
        """Return the longest time without an answer that was good, in seconds."""
        good = [answer.at for answer in self.answers if not answer.failure and since <= answer.at <= until]
        times = [since, *good, until]
        return max(after - before for before, after in pairwise(times))

    def failures(self, since: float, until: float) -> list[str]:
        return [answer.failure for answer in self.answers if answer.failure and since <= answer.at <= until]

    def count(self, since: float, until: float) -> int:
        return sum(since <= answer.at <= until for answer in self.answers)


class Reader(Probe):
    """Opens pages that read the database."""

    def ask(self, turn: int) -> None:
        self.visitor.open(self.visitor.site + PAGES[turn % len(PAGES)])


class Writer(Probe):
    """Saves a home and drops it: each answer is a committed transaction."""

    token = ""

    def ask(self, turn: int) -> None:
        site = self.visitor.site
        if not self.token:
            page = self.visitor.open(f"{site}/houses/1/")
            found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
            if not found:
                raise Failed("no form on the page")
            self.token = found[1]
        fields = {"csrfmiddlewaretoken": self.token, "kept": str(turn % 2), "next": "/livez"}
        self.visitor.open(f"{site}/houses/1/favourite/", fields)
