"""The site as histories use it: a stand-in Alipay over loopback HTTP, houses, people who are signed in."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from standin import StandIn
from tests import make
from tests.histories.history import History, Site, forget_everything
from tests.histories.trouble import points_watched


@pytest.fixture
def site(
    transactional_db: None, standin_keys: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    # The breaker rests by the history's clock, which stands still unless a step moves it.
    monkeypatch.setattr("core.circuit_breaker.monotonic", time.time)
    settings.SESSION_COOKIE_AGE = 100 * 24 * 3600
    with StandIn.start(keys=standin_keys) as standin, points_watched(lambda: History.trouble):
        settings.ALIPAY_GATEWAY_URL = standin.gateway_url
        houses = {
            "instant": make.house(instant_book=True),
            "instant, strict": make.house(instant_book=True, refund_policy="STRICT"),
            "asks first": make.house(instant_book=False, refund_policy="MODERATE", price_fen=60000),
        }
        staff = [signed_in(is_staff=True, is_superuser=True) for _ in range(2)]
        History.site = Site(standin, houses, signed_in(), *staff, Client())
        logging.disable(logging.CRITICAL)  # tens of thousands of lines about what is meant to break
        yield History.site
        History.let_time_go_on()
        logging.disable(logging.NOTSET)
        forget_everything(standin)


def signed_in(**fields: object) -> Client:
    browser = Client()
    browser.force_login(make.user(**fields))
    return browser
