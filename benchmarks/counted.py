"""The process that callgrind watches: instructions.py starts it and reads a line of JSON for each side."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import django

if __name__ == "__main__":
    django.setup()
    import ihome_site.wsgi  # noqa: F401  as in production: checks and logging

from benchmarks import callgrind, homes, my_orders, paying, rows, server_log
from benchmarks.calls import Answer
from benchmarks.measure import Act, Side
from benchmarks.standin import Alipay
from ihome_site.wsgi import application as ihome
from tests import make

OURS = "ihome"

Sides = Iterator[tuple[str, Side, str]]


def main(folder: Path, only: list[str]) -> None:
    from django.conf import settings

    _log_to(folder / "site.log")
    make.number_from(1000)
    scenario = paying.Scenario(Alipay(settings.ALIPAY_GATEWAY_URL.removesuffix("/gateway.do")))
    for work, side, name in _works(scenario, only):
        with ExitStack() as stack:
            acts = [stack.enter_context(side.attempt()) for _ in range(2 + callgrind.REQUESTS)]
            acts[0]()  # fills caches
            messages = server_log.messages(acts[1])
            instructions = callgrind.each(folder, acts[2:])
        figures = {"work": work, "side": name, "instructions": instructions, "messages": messages}
        print(json.dumps(figures), flush=True)


def _works(scenario: paying.Scenario, only: list[str]) -> Sides:
    """Yield each work with its sides; ours is called OURS."""
    for name, sides in WORKS.items():
        if name in only:
            yield from sides(scenario)


def _pay(scenario: paying.Scenario) -> Sides:
    first, again, articles = paying.press_pay_sides(scenario)
    yield "press Pay, first", first, OURS
    yield "press Pay, again", again, OURS
    yield "press Pay", articles, articles.name


def _notify(scenario: paying.Scenario) -> Sides:
    return _beside("notify", paying.notify_sides(scenario))


def _return(scenario: paying.Scenario) -> Sides:
    yield from _beside("return after the notice", paying.return_after_notify_sides(scenario))
    yield from _beside("return, the first news", paying.return_with_query_sides(scenario))


def _my_orders(scenario: paying.Scenario) -> Sides:
    return _beside("my orders", my_orders.twenty_cards())


def _homes(scenario: paying.Scenario) -> Sides:
    _first_page, search, *_others, home = homes.pages()
    yield "search", homes.side(search, homes.FEW_HOMES), OURS
    yield "a home", homes.side(home, homes.FEW_HOMES), OURS


def _order(scenario: paying.Scenario) -> Sides:
    yield "an order", Side(OURS, lambda: _order_page(scenario)), OURS


def _beside(work: str, sides: list[Side]) -> Sides:
    """Yield ours, which comes first, and the others."""
    for side in sides:
        yield work, side, OURS if side is sides[0] else side.name


WORKS = {
    "pay": _pay,
    "notify": _notify,
    "return": _return,
    "my_orders": _my_orders,
    "homes": _homes,
    "order": _order,
}


@contextmanager
def _order_page(scenario: paying.Scenario) -> Iterator[Act]:
    rows.use(rows.BIG)
    order, answers = scenario.settled_attempt().order, list[Answer]()
    yield lambda: answers.append(scenario.browser.get(ihome, order.get_absolute_url()))
    assert answers[0].status == 200 and order.number.encode() in answers[0].body


def _log_to(file: Path) -> None:
    """Format log lines as in production, but write them to a file."""
    (handler,) = logging.getLogger().handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(file.open("w"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
