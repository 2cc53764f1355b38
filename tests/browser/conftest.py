"""One site, one stand-in Alipay and one Chromium for all browser tests; a browser context per visitor."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from tests import migrated
from tests.browser.inspecting import THOROUGH
from tests.browser.running import DATABASE, ROOT, Site, StandIn, running_site, running_standin
from tests.browser.visitor import TIMEOUT_MS, Visitor, visiting

WHOLE = shutil.which("chromium") or "/usr/bin/chromium"
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
    """Run browser tests last: Playwright's event loop makes Django's ORM unusable in this thread."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture(scope="session")
def standin(standin_keys: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with running_standin(standin_keys, tmp_path_factory.mktemp("standin") / "standin.log") as found:
        yield found


@pytest.fixture(scope="session")
def running(
    pytestconfig: pytest.Config,
    standin_keys: Path,
    standin: StandIn,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    migrated.restore_if_kept(pytestconfig, folder / DATABASE)
    with running_site(standin_keys, standin, folder) as found:
        yield found
    assert "Traceback" not in (folder / "site.log").read_text(), "the site's log has a stack trace"


@pytest.fixture(scope="session")
def site(running: Site) -> str:
    """The site's URL."""
    return running.url


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """Chromium's headless shell where it is installed: it draws the same for two thirds of the time.

    `make browser` takes the whole Chromium, as test_photos.py always does.
    """
    program = None if THOROUGH else shutil.which("chromium-headless-shell")
    with launched(playwright, program or WHOLE) as browser:
        yield browser


@contextmanager
def launched(playwright: Playwright, program: str) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=program, chromium_sandbox=False, args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture
def shots(request: pytest.FixtureRequest) -> Path:
    """Folder for this test's screenshots, kept until its next run."""
    folder = ROOT / "test-results" / re.sub(r"\W+", "-", request.node.name).strip("-")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def visit(chromium: Browser, site: str, shots: Path) -> Iterator[Callable[..., Visitor]]:
    """Factory of visitors: `visit(language="en", **options of a browser context)`."""
    with ExitStack() as visitors:
        yield lambda **options: visitors.enter_context(visiting(chromium, site, shots, **options))
