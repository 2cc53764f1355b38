"""Alarms: one error for an outage, the reasons of /readyz, a clock that is wrong."""

import io
import logging
from collections import namedtuple
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client
from pytest_django import Settings

from core import clock
from ihome_site import logs
from ihome_site.settings import LOGGING
from jobs import sweep
from jobs.management.commands.sweep import Command

AWAY = OperationalError(2002, "Can't connect to local server")
FORM = "application/x-www-form-urlencoded"
Usage = namedtuple("Usage", "free")


@pytest.fixture
def console() -> Iterator[io.StringIO]:
    """Return what the site's console gets."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
    for name in LOGGING["handlers"]["console"]["filters"]:
        kind = LOGGING["filters"][name]["()"].rpartition(".")[2]
        handler.addFilter(getattr(logs, kind)())
    root = logging.getLogger()
    before, root.handlers = root.handlers, [handler]
    yield text
    root.handlers = before


def errors(console: io.StringIO) -> list[str]:
    return [line for line in console.getvalue().splitlines() if line.startswith("ERROR ")]


def fail(*args: object) -> None:
    raise AWAY


@pytest.mark.django_db
def test_an_outage_makes_one_error_however_many_requests_and_rounds_it_meets(
    console: io.StringIO, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payments.callbacks.receive_notify", fail)
    monkeypatch.setattr("ihome_site.health._faults", fail)
    monkeypatch.setattr(sweep, "TASKS", [sweep.Task("due", lambda: [1], fail)])
    for _ in range(28):
        assert client.get("/readyz").status_code == 503
        assert client.post("/payments/notify/", b"a=1", FORM).status_code == 503
        assert sweep.sweep_once()["failed"] == 1
    assert len(console.getvalue().splitlines()) > 2 * 28
    assert len(errors(console)) == 1
    assert "Traceback" in console.getvalue()


def test_another_outage_is_another_error(console: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(logs, "monotonic", lambda: now[0])
    for now[0] in (1000.0, 1050.0, 1100.0, 1161.0):
        logging.getLogger("x").error("failed", exc_info=AWAY)
    assert len(errors(console)) == 2


def test_another_error_of_the_database_stays_one(console: io.StringIO) -> None:
    for _ in range(2):
        logging.getLogger("x").error("failed", exc_info=OperationalError(1054, "Unknown column"))
    assert len(errors(console)) == 2


# --- /readyz -----------------------------------------------------------------------------------------


def ready(client: Client) -> str:
    return client.get("/readyz").content.decode()


@pytest.mark.django_db
def test_readyz_knows_the_disk(client: Client, console: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ready(client) == "ok\n"
    with monkeypatch.context() as patch:
        patch.setattr("ihome_site.health.shutil.disk_usage", lambda folder: Usage(499 * 1024 * 1024))
        assert [ready(client)[:17] for _ in range(2)] == ["disk: 499 MB left"] * 2
    assert ready(client) == "ok\n"
    assert len(errors(console)) == 1
    assert console.getvalue().endswith("ready again\n")


@pytest.mark.django_db
def test_readyz_knows_redis(client: Client, settings: Settings) -> None:
    address = "redis://127.0.0.1:1/0"
    settings.CACHES = {"default": {"BACKEND": "ihome_site.cache.Cache", "LOCATION": address}}
    settings.REDIS_URL = address
    assert ready(client).startswith("redis: no answer")


@pytest.mark.django_db
@pytest.mark.parametrize(("ahead", "said"), [(31.0, "31 s ahead of"), (-40.0, "40 s behind"), (29.0, "")])
def test_CLU04_readyz_and_the_sweep_know_a_wrong_clock(
    client: Client, console: io.StringIO, monkeypatch: pytest.MonkeyPatch, ahead: float, said: str
) -> None:
    monkeypatch.setattr(clock, "seconds_ahead", lambda: ahead)
    assert ready(client) == (f"clock: this machine's clock is {said} the database's\n" if said else "ok\n")
    began: list[str] = []
    monkeypatch.setattr(sweep, "TASKS", [sweep.Task("due", lambda: began.append("due") or [], int)])
    command = Command(stdout=io.StringIO())
    for _ in range(2):
        call_command(command)
    assert began == ([] if said else ["due", "due"])
    told = [line for line in errors(console) if "the sweep does nothing" in line]
    assert len(told) == (1 if said else 0)


@pytest.mark.django_db
def test_the_clocks_of_one_machine_agree() -> None:
    assert abs(clock.seconds_ahead()) < 5
