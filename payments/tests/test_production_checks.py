"""Refusals to start, where real money moves, on a machine that is set up for a rehearsal."""

from collections.abc import Callable
from pathlib import Path

import environ
import pytest
from django.core.checks import run_checks
from django.db import connection
from pytest_django import Settings

from payments import production_checks
from payments.alipay import PRODUCTION_GATEWAY
from payments.production_checks import PRODUCTION_TAG

pytestmark = pytest.mark.django_db

CONSOLE = environ.Env.email_url_config("consolemail://")["EMAIL_BACKEND"]


@pytest.fixture
def machine(settings: Settings, tmp_path: Path) -> Settings:
    """A machine as it should be, but for the database of the tests."""
    settings.ALIPAY_GATEWAY_URL = PRODUCTION_GATEWAY
    settings.DEBUG, settings.TRUST_PROXY = False, True
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.BASE_DIR = settings.MEDIA_ROOT = tmp_path
    return settings


def problems() -> list[str]:
    found = run_checks(tags=[PRODUCTION_TAG], include_deployment_checks=True, databases=["default"])
    assert all(message.is_serious() for message in found)
    return sorted(message.id for message in found if message.id != OF_DATABASE)


OF_DATABASE = "payments.E026"


def test_a_machine_as_it_should_be(machine: Settings) -> None:
    assert problems() == []


def write_env(settings: Settings, mode: int) -> None:
    env = settings.BASE_DIR / ".env"
    env.write_text("SECRET_KEY=…")
    env.chmod(mode)


FAULTS: list[tuple[str, Callable[[Settings], object]]] = [
    ("payments.E021", lambda settings: setattr(settings, "DEBUG", True)),
    ("payments.E022", lambda settings: setattr(settings, "TRUST_PROXY", False)),
    ("payments.E023", lambda settings: setattr(settings, "EMAIL_BACKEND", CONSOLE)),
    ("payments.E024", lambda settings: write_env(settings, 0o604)),
    ("payments.E024", lambda settings: write_env(settings, 0o602)),
    ("payments.E025", lambda settings: setattr(settings, "MEDIA_ROOT", settings.BASE_DIR / "nowhere")),
]


@pytest.mark.parametrize(("number", "spoil"), FAULTS, ids=range(len(FAULTS)))
def test_a_fault_is_refused_and_fine_in_a_rehearsal(
    machine: Settings, number: str, spoil: Callable[[Settings], object]
) -> None:
    spoil(machine)
    assert problems() == [number]
    machine.ALIPAY_GATEWAY_URL = "http://127.0.0.1:8001/gateway.do"
    assert problems() == []


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_an_env_that_others_cannot_read(machine: Settings, mode: int) -> None:
    write_env(machine, mode)
    assert problems() == []


def test_sqlite_is_refused(machine: Settings) -> None:
    found = run_checks(tags=[PRODUCTION_TAG], include_deployment_checks=True)
    assert [message.id for message in found] == [OF_DATABASE] * (connection.vendor == "sqlite")


def test_a_migration_that_is_missing(machine: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert production_checks._pending_migrations() == []
    recorder = "django.db.migrations.recorder.MigrationRecorder.applied_migrations"
    monkeypatch.setattr(recorder, lambda self: {})
    assert "core.0001_initial" in production_checks._pending_migrations()
    assert problems() == ["payments.E027"]
    before_migrating = run_checks(include_deployment_checks=True)  # by server.sh and upgrade.sh
    assert "payments.E027" not in [message.id for message in before_migrating]
