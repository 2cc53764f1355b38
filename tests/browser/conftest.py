"""One site, one stand-in Alipay and one Chromium for all browser tests; cookies of its own for each visitor.

Set SHOTS to a folder to keep the pictures of every step there.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.running import StandIn, running_site, running_standin
from tests.browser.visitor import TIMEOUT_MS, Visitor, visiting

FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Last of all: once Playwright runs, its event loop keeps Django's ORM out of this thread."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture(scope="session")
def standin(standin_keys: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with running_standin(standin_keys, tmp_path_factory.mktemp("standin") / "standin.log") as found:
        yield found


@pytest.fixture(scope="session")
def site(standin_keys: Path, standin: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("site")
    with running_site(standin_keys, standin, folder) as url:
        yield url
    assert "Traceback" not in (folder / "site.log").read_text(), "the site's log has a stack trace"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium") or "/usr/bin/chromium"
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, chromium_sandbox=False, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def shots(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where this test keeps its pictures."""
    if "SHOTS" not in os.environ:
        return tmp_path
    folder = Path(os.environ["SHOTS"]).resolve() / re.sub(r"\W+", "-", request.node.name).strip("-")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def visit(chromium: Browser, site: str, shots: Path) -> Iterator[Callable[..., Visitor]]:
    """Calls somebody to the site: `visit(**options of a browser context)`."""
    with ExitStack() as visitors:
        yield lambda **options: visitors.enter_context(visiting(chromium, site, shots, **options))
