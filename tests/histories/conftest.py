"""The site for histories: a stand-in Alipay over loopback HTTP, houses, and signed-in users."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from standin import StandIn
from tests import make
from tests.histories.history import History, Site, delete_everything
from tests.histories.trouble import points_watched


@pytest.fixture
def site(
    transactional_db: None, standin_keys: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    # The circuit breaker must use the history's clock, which only the steps move.
    monkeypatch.setattr("core.circuit_breaker.monotonic", time.time)
    settings.SESSION_COOKIE_AGE = 100 * 24 * 3600
    with StandIn.start(keys=standin_keys) as standin, points_watched(lambda: History.trouble):
        settings.ALIPAY_GATEWAY_URL = standin.gateway_url
        houses = {
            "instant": make.house(instant_book=True),
            "instant, strict": make.house(instant_book=True, refund_policy="STRICT", cleaning_fee_fen=3000),
            "asks first": make.house(
                instant_book=False, refund_policy="MODERATE", price_fen=60000, weekend_price_fen=70000
            ),
        }
        staff = [signed_in(is_staff=True, is_superuser=True) for _ in range(2)]
        History.site = Site(standin, houses, signed_in(), *staff, Client())
        logging.disable(logging.CRITICAL)  # tens of thousands of lines about intended failures
        yield History.site
        History.stop_clock()
        logging.disable(logging.NOTSET)
        delete_everything(standin)


def signed_in(**fields: object) -> Client:
    browser = Client()
    browser.force_login(make.user(**fields))
    return browser
