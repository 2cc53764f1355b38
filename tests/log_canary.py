"""Plugin: each log record of each test is looked through for what no log may hold, and fails its test.

Signatures, keys, whole mobile numbers, mail addresses, cookies, query strings. One regular expression and one
handler for the whole run, so it costs next to nothing.
"""

import logging
import re
from collections.abc import Iterator

import pytest

from ihome_site import health, logs

SECRETS = re.compile(
    r"""
      (?P<signature>  (?=\S{0,60}[A-Z]) (?=\S{0,60}\d) [A-Za-z0-9+/%]{100,} | \bsign=(?!…) )
    | (?P<key>        BEGIN\ (?:RSA\ )?PRIVATE\ KEY | only\ for\ tests,\ and\ long )
    | (?P<mobile>     (?<![\w.%*-]) 1[3-9]\d{9} (?![\w%]) )
    | (?P<mail>       [\w.+-]+ @ (?!sha) [\w-]+ \. [A-Za-z]{2,} )
    | (?P<cookie>     \b(?:sessionid|csrftoken|device|Set-Cookie|Cookie) [=:] \s* [\w"'] )
    | (?P<query>      [\w/] \? \w+= )
    """,
    re.VERBOSE,
)
ALLOWED = ("noreply@localhost",)

_found: list[str] = []


def secret_in(text: str) -> str:
    """Return the kind of secret that a text holds, with its beginning. Empty if none."""
    for found in SECRETS.finditer(text):
        if found[0] not in ALLOWED:
            return f"{found.lastgroup}: {found[0][:20]}"
    return ""


class Canary(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info:
            text += f"\n{logs.OneLine().formatException(record.exc_info)}"
        if secret := secret_in(text):
            _found.append(f"{secret} in a line of {record.name}: {record.msg}")


def pytest_configure(config: pytest.Config) -> None:
    logging.getLogger().addHandler(Canary())


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Fail after the fixtures have ended: they log, too."""
    result = yield
    found, _found[:] = list(_found), []
    if found:
        pytest.fail("\n".join(found), pytrace=False)
    return result


@pytest.fixture(autouse=True)
def no_outage_before() -> None:
    """Forget the outages of other tests: only the first line of one is an error."""
    logs._outage_seen_at[0] = float("-inf")
    health._told = ""
